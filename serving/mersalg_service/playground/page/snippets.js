/** A request as code: Python, curl and Node. */

export const SNIPPETS = { Python: python, curl, Node: node };

/** JSON with what JSON, Python and JavaScript all read alike. @param {unknown} value */
function literal(value) {
  return JSON.stringify(value, null, 2);
}

function python(request, bundle) {
  const fields = Object.entries(request).map(([name, value]) => `    ${name}=${literal(value).replaceAll("\n", "\n    ")},\n`);
  return (
    `import mersalg\n\nrecommender = mersalg.load(${literal(`models/${bundle}`)})\n` +
    `offers = recommender.recommend(\n${fields.join("")})\n` +
    `for offer in offers:\n    print(recommender.name(offer.product_id), offer.kind, offer.relevance)\n` +
    `print(offers.reason)\n`
  );
}

function curl(request, bundle) {
  const body = JSON.stringify(request).replaceAll("'", String.raw`'\''`);
  return (
    `# mersalg serve models/${bundle} --port 8000\n` +
    `curl --silent http://127.0.0.1:8000/v1/recommend -H 'Content-Type: application/json' \\\n  --data '${body}'\n`
  );
}

function node(request, bundle) {
  return (
    `import { load } from "mersalg";\n\nconst recommender = await load(${literal(`models/${bundle}`)});\n` +
    `const offers = await recommender.recommend(${literal(request)});\n` +
    `for (const offer of offers) console.log(recommender.name(offer.product_id), offer.kind, offer.relevance);\n` +
    `console.log(offers.reason);\n`
  );
}
