/** Checked requests as the inputs of the graph. */

/**
 * @typedef {import("./request.js").Checked} Checked
 * @typedef {{type: "string", data: string[], dims: number[]}
 *   | {type: "float32", data: Float32Array, dims: number[]}
 *   | {type: "int64", data: BigInt64Array, dims: number[]}
 *   | {type: "bool", data: Uint8Array, dims: number[]}} Plain an input, before a runtime makes a tensor of it
 */

/**
 * The graph's inputs for one request: a first axis of 1, every width at least 1.
 * @param {Checked} request
 * @param {boolean} threshold
 * @returns {Record<string, Plain>}
 */
export function encode(request, threshold) {
  return {
    cart: oneRow(request.cart),
    history: oneRow(request.history),
    history_age_days: oneRowOfNumbers(request.history_age_days),
    history_quantity: oneRowOfNumbers(request.history_quantity),
    exclude: oneRow(request.exclude),
    moment: whole(request.moment),
    kinds: truth(request.kinds, [1, 5]),
    limit: whole(request.limit),
    apply_threshold: truth([threshold], [1]),
    only: oneRow(request.only),
    by_value: truth([request.by_value], [1]),
    by_moment: truth([request.by_moment && threshold], [1]),
  };
}

/** @param {number} value @returns {Plain} */
function whole(value) {
  return { type: "int64", data: BigInt64Array.of(BigInt(value)), dims: [1] };
}

/** @param {readonly boolean[]} values @param {number[]} dims @returns {Plain} */
function truth(values, dims) {
  return { type: "bool", data: Uint8Array.from(values, Number), dims };
}

/**
 * [1, length], one "" for an empty list.
 * @param {readonly string[]} ids
 * @returns {Plain}
 */
function oneRow(ids) {
  const data = ids.length ? [...ids] : [""];
  return { type: "string", data, dims: [1, data.length] };
}

/**
 * [1, length] float32, one 0 for an empty list.
 * @param {Float32Array} values
 * @returns {Plain}
 */
function oneRowOfNumbers(values) {
  const data = values.length ? values : new Float32Array(1);
  return { type: "float32", data, dims: [1, data.length] };
}
