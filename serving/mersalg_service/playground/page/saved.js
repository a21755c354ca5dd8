/** Saved requests, each with what must, may and must not be offered, as JSON Lines. */

const LISTS = ["must", "may", "must_not"];

/** A request with its verdicts; its limit leaves room for all that must be offered. @param {any} request @param {string} id @param {Map<string, string>} verdicts */
export function savedRequest(request, id, verdicts) {
  const lists = LISTS.map((list) => [list, [...verdicts].filter(([, verdict]) => verdict === list).map(([product]) => product)]);
  const limit = Math.max(request.limit, lists[0][1].length);
  return { request_id: id, ...request, limit, ...Object.fromEntries(lists.filter(([, products]) => products.length)) };
}

/** The request alone, without verdicts. @param {Record<string, unknown>} saved */
export function requestOf(saved) {
  return Object.fromEntries(Object.entries(saved).filter(([name]) => !LISTS.includes(name)));
}

/** @param {Record<string, any>} saved @returns {Map<string, string>} */
export function verdictsOf(saved) {
  return new Map(LISTS.flatMap((list) => (saved[list] ?? []).map((product) => [product, list])));
}

/** What is amiss with the products that are shown. @param {Record<string, any>} saved @param {string[]} shown */
export function judged(saved, shown) {
  return {
    missing: (saved.must ?? []).filter((product) => !shown.includes(product)),
    unwanted: (saved.must_not ?? []).filter((product) => shown.includes(product)),
  };
}

/** @param {object[]} set */
export function toLines(set) {
  return set.map((saved) => `${JSON.stringify(saved)}\n`).join("");
}

/**
 * The requests of JSON Lines, or the number of the first line that is none.
 * @param {string} text
 * @returns {{set: any[], wrong: null} | {set: null, wrong: number}}
 */
export function fromLines(text) {
  const set = [];
  for (const [place, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const saved = read(line);
    if (saved === null) return { set: null, wrong: place + 1 };
    set.push(saved);
  }
  return { set, wrong: null };
}

/** @param {string} line */
function read(line) {
  let saved;
  try {
    saved = JSON.parse(line);
  } catch {
    return null; // who asked says which line it is
  }
  const texts = (list) => Array.isArray(list) && list.every((id) => typeof id === "string");
  const isWhole = saved !== null && typeof saved === "object" && typeof saved.request_id === "string" && texts(saved.cart);
  return isWhole && LISTS.every((list) => saved[list] === undefined || texts(saved[list])) ? saved : null;
}
