/**
 * Asks a recommender every request of a corpus and compares its answers with Python's, in Node and in a browser. A
 * customer in place of the history has to give the same to the last bit.
 */

const DIFFERENCES_TOLD = 5;
const TOLERANCE = 1e-4;

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
    const { history, ...others } = request;
    const [again] = await recommender.score([{ ...others, customer: recommender.customer(history) }], { threshold });
    const alike = JSON.stringify({ ...again }) === JSON.stringify({ ...offers });
    const same = alike && outline(answer.offers, answer) === outline(offers.items, offers);
    const largest = same ? Math.max(0, ...apart(answer, offers)) : Infinity;
    if (same) {
      found.equal += 1;
      found.largest = Math.max(found.largest, largest);
    }
    if (largest > TOLERANCE && found.differences.length < DIFFERENCES_TOLD)
      found.differences.push({
        request_id: request.request_id,
        wanted: outline(answer.offers, answer, true),
        given: outline(offers.items, offers, true),
      });
  }
  return found;
}

/** What has to be the same to the letter; for a message with the relevances. */
function outline(offers, { reason, retrieved, best_relevance }, whole = false) {
  const told = offers.map(({ product_id, kind, because, relevance }) =>
    whole ? [product_id, kind, because, relevance] : [product_id, kind, because],
  );
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
