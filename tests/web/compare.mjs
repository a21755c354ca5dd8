/** Asks a recommender every request of a corpus and compares its answers with Python's. Runs in Node and in a browser. */

const DIFFERENCES_TOLD = 5;

/**
 * @param {import("../../clients/node/index.js").Recommender} recommender
 * @param {AsyncIterable<string>} chunks the text of the corpus, in pieces
 * @param {number} repeats how often each request is asked; the quickest answer is timed
 */
export async function compare(recommender, chunks, repeats) {
  const found = { requests: 0, equal: 0, largest: 0, micros: [], differences: [] };
  for await (const line of linesOf(chunks)) {
    const { request, threshold, answer } = JSON.parse(line);
    let offers;
    let quickest = Infinity;
    for (let time = 0; time < repeats; time++) {
      const start = performance.now();
      [offers] = await recommender.score([request], { threshold });
      quickest = Math.min(quickest, performance.now() - start);
    }
    found.micros.push(quickest * 1000);
    found.requests += 1;
    const [wanted, given] = [outline(answer.offers, answer), outline(offers.items, offers)];
    if (wanted === given) {
      found.equal += 1;
      found.largest = Math.max(found.largest, ...apart(answer, offers));
    } else if (found.differences.length < DIFFERENCES_TOLD)
      found.differences.push({ request_id: request.request_id, wanted, given });
  }
  return found;
}

/** What has to be the same to the letter. */
function outline(offers, { reason, retrieved, best_relevance }) {
  const told = offers.map(({ product_id, kind, because }) => [product_id, kind, because]);
  return JSON.stringify([told, reason, retrieved, Object.keys(best_relevance).sort()]);
}

/** How far relevances are apart, place by place. */
function apart(answer, offers) {
  const best = Object.keys(answer.best_relevance);
  return [
    ...answer.offers.map(({ relevance }, place) => Math.abs(relevance - offers.items[place].relevance)),
    ...best.map((kind) => Math.abs(answer.best_relevance[kind] - offers.best_relevance[kind])),
  ];
}

async function* linesOf(chunks) {
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    yield* lines;
  }
  if (rest) yield rest;
}
