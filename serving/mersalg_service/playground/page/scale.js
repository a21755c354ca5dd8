/** Relevance is drawn on a logarithmic scale: from a tenth of a percent to one. */

const LOWEST = 0.001;
const DECADES = 3;

/** From 0 at LOWEST to 1 at certainty. @param {number} relevance */
export function placeOf(relevance) {
  return Math.min(1, Math.max(0, Math.log10(Math.max(relevance, LOWEST) / LOWEST) / DECADES));
}

/** @param {number} place from 0 to 1 */
export function relevanceAt(place) {
  return LOWEST * 10 ** (place * DECADES);
}
