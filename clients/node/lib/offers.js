/** Offers, and the reason where there are none. */

import { FINITE } from "./bundle/onnx/inputs_outputs.js";
import { BundleError } from "./errors.js";
import { AFTER_PAYMENT, BETTER, KINDS, MOMENTS } from "./names.js";

/**
 * @typedef {import("../index.js").Kind} Kind
 * @typedef {import("../index.js").Offer} Offer
 * @typedef {import("../index.js").Reason} Reason
 * @typedef {import("./request.js").Checked} Checked
 */

/** Why an answer is empty, in the order in which the reasons are tried. */
export const REASONS = Object.freeze({
  "limit is 0": "the request wants no offers",
  "no kind asked for": "the request names an empty list of kinds",
  "no customers known": "no customer is known to come back, so nothing tells what is bought after payment",
  "nothing retrieved": "no product is a candidate of a kind asked for",
  "nothing goes with it": "no product is bought with these more often than orders of their size explain",
  "kind silent": "every kind asked for that has candidates has no threshold, so it is never shown",
  "below threshold": "no candidate is as relevant as the threshold of its kind",
});

/** Outputs of the graph with a place for each offer. */
const ANSWER_OUTPUTS = Object.freeze([
  "product_id", "kind", "relevance", "score", "because", "lift", "due_in_days", "interval_days", "better",
]);

/** The offers of one request, best first. `reason` is set exactly when there is none. */
export class Offers {
  /**
   * @param {readonly Offer[]} items
   * @param {Reason | null} reason
   * @param {number} retrieved candidates of the kinds asked for, before the threshold
   * @param {Partial<Record<Kind, number>>} best_relevance of each kind asked for that has candidates
   */
  constructor(items, reason, retrieved, best_relevance) {
    this.items = Object.freeze([...items]);
    this.reason = reason;
    this.retrieved = retrieved;
    this.best_relevance = Object.freeze({ ...best_relevance });
    Object.freeze(this);
  }

  get length() {
    return this.items.length;
  }

  /** @param {number} index */
  at(index) {
    return this.items.at(index);
  }

  [Symbol.iterator]() {
    return this.items[Symbol.iterator]();
  }

  toString() {
    if (this.reason !== null) {
      const best = Object.entries(this.best_relevance).map(([kind, relevance]) => `${kind} ${relevance.toFixed(3)}`);
      const tail = best.length ? `; best ${best.join(", ")}` : "";
      return `Offers(none: ${this.reason}; ${this.retrieved} retrieved${tail})`;
    }
    const lines = this.items.map(
      (o) =>
        `  ${o.rank}. '${o.product_id}' ${o.kind}, relevance ${o.relevance.toFixed(3)}` +
        (o.because === null ? "" : `, because of '${o.because}'`),
    );
    return [`Offers(${this.length} of ${this.retrieved} retrieved)`, ...lines].join("\n");
  }
}

/**
 * The answer of a request from the graph's outputs; `silent` says by position in KINDS which have no threshold.
 * A place of kind -1 holds nothing. BundleError where the graph gives outputs of another form than the bundle format's,
 * a kind that there is not, or a number that is none.
 *
 * @param {Checked} request
 * @param {Record<string, {data: any, dims: readonly number[]}>} outputs
 * @param {readonly boolean[]} silent
 * @returns {Offers}
 */
export function readAnswer(request, outputs, silent) {
  checkForms(outputs);
  for (const name of FINITE)
    if (!outputs[name].data.every(Number.isFinite))
      throw new BundleError(`scorer.onnx: ${name}: expected finite numbers, got NaN or infinity; train it again`);
  const items = [];
  for (let place = 0; place < outputs.product_id.dims[1]; place++)
    if (outputs.kind.data[place] >= 0n) items.push(readOffer(request, outputs, place, place + 1));
  const best = outputs.best_relevance.data;
  const present = [...KINDS.keys()].filter((kind) => request.kinds[kind] && best[kind] >= 0);
  const retrieved = Number(outputs.retrieved.data[0]);
  const reason = items.length ? null : reasonOf(retrieved, present, silent);
  return new Offers(items, reason, retrieved, Object.fromEntries(present.map((kind) => [KINDS[kind], best[kind]])));
}

/**
 * Refuse outputs that are not (1, K) and, for retrieved, (1,) and best_relevance, (1, 5), or hold an unknown kind.
 * @param {Record<string, {data: any, dims: readonly number[]}>} outputs
 */
function checkForms(outputs) {
  const places = outputs.product_id.dims[1];
  /** @param {string} name @param {number[]} dims */
  const has = (name, ...dims) => String(outputs[name].dims) === String(dims);
  const fit =
    ANSWER_OUTPUTS.every((name) => has(name, 1, places)) &&
    has("retrieved", 1) &&
    has("best_relevance", 1, KINDS.length) &&
    outputs.kind.data.every((/** @type {bigint} */ kind) => kind < BigInt(KINDS.length));
  if (fit) return;
  const shapes = Object.entries(outputs).map(([name, { dims }]) => `${name} [${dims.join(", ")}]`);
  throw new BundleError(
    `scorer.onnx: expected finite outputs of 1 request, with kinds from -1 to ${KINDS.length - 1}, got shapes ` +
      `${shapes.join(", ")}; verify the bundle`,
  );
}

/**
 * @param {Checked} request
 * @param {Record<string, {data: any}>} outputs
 * @param {number} place
 * @param {number} rank
 * @returns {Offer}
 */
function readOffer(request, outputs, place, rank) {
  return Object.freeze({
    request_id: request.request_id,
    rank,
    product_id: outputs.product_id.data[place],
    kind: KINDS[Number(outputs.kind.data[place])],
    relevance: outputs.relevance.data[place],
    score: outputs.score.data[place],
    because: outputs.because.data[place] || null,
    lift: known(outputs.lift.data[place]),
    due_in_days: known(outputs.due_in_days.data[place]),
    interval_days: known(outputs.interval_days.data[place]),
    better: Object.freeze(BETTER.filter((_, bit) => (Number(outputs.better.data[place]) >> bit) & 1)),
    times_bought: request.history.filter((product) => product === outputs.product_id.data[place]).length,
    price_step: null,
  });
}

/** A number of the graph; null for NaN, which stands for nothing known. @param {number} number */
function known(number) {
  return Number.isNaN(number) ? null : number;
}

/**
 * @param {number} retrieved
 * @param {readonly number[]} present
 * @param {readonly boolean[]} silent
 * @returns {Reason}
 */
function reasonOf(retrieved, present, silent) {
  if (retrieved === 0) return "nothing retrieved";
  if (present.length === 0) return "nothing goes with it";
  return present.every((kind) => silent[kind]) ? "kind silent" : "below threshold";
}

/**
 * The empty answer of a request that asks for nothing, or of a moment after payment that nothing was learned of; null
 * when the graph has to be asked.
 * @param {Checked} request
 * @param {boolean} customersReturn
 */
export function answerWithoutGraph(request, customersReturn) {
  if (request.limit === 0) return new Offers([], "limit is 0", 0, {});
  if (!request.kinds.includes(true)) return new Offers([], "no kind asked for", 0, {});
  if (!customersReturn && AFTER_PAYMENT.has(MOMENTS[request.moment])) return new Offers([], "no customers known", 0, {});
  return null;
}
