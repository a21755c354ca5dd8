/** Checked requests as the inputs of the graph. */

/**
 * @typedef {import("./request.js").Checked} Checked
 * @typedef {{type: "string", data: string[], dims: number[]}
 *   | {type: "float32", data: Float32Array, dims: number[]}
 *   | {type: "int64", data: BigInt64Array, dims: number[]}
 *   | {type: "bool", data: Uint8Array, dims: number[]}} Plain an input, before a runtime makes a tensor of it
 */

/**
 * The graph's inputs for N >= 1 requests, each padded to the longest, every width at least 1.
 * @param {readonly Checked[]} requests
 * @param {boolean} threshold
 * @returns {Record<string, Plain>}
 */
export function encode(requests, threshold) {
  const n = requests.length;
  /** @param {(request: Checked) => number} read @returns {Plain} */
  const whole = (read) => ({ type: "int64", data: BigInt64Array.from(requests, (r) => BigInt(read(r))), dims: [n] });
  /** @param {boolean[]} values @param {number[]} dims @returns {Plain} */
  const truth = (values, dims) => ({ type: "bool", data: Uint8Array.from(values, Number), dims });
  return {
    cart: paddedText(requests.map((request) => request.cart)),
    history: paddedText(requests.map((request) => request.history)),
    history_age_days: paddedNumbers(requests.map((request) => request.history_age_days)),
    history_quantity: paddedNumbers(requests.map((request) => request.history_quantity)),
    exclude: paddedText(requests.map((request) => request.exclude)),
    moment: whole((request) => request.moment),
    kinds: truth(requests.flatMap((request) => request.kinds), [n, 5]),
    limit: whole((request) => request.limit),
    apply_threshold: truth(requests.map(() => threshold), [n]),
    only: paddedText(requests.map((request) => request.only)),
    by_value: truth(requests.map((request) => request.by_value), [n]),
  };
}

/**
 * [N, longest or 1], "" where a row is shorter.
 * @param {readonly string[][]} rows
 * @returns {Plain}
 */
function paddedText(rows) {
  const width = widest(rows);
  const data = rows.flatMap((row) => [...row, ...Array(width - row.length).fill("")]);
  return { type: "string", data, dims: [rows.length, width] };
}

/**
 * [N, longest or 1] float32, 0 where a row is shorter.
 * @param {readonly Float32Array[]} rows
 * @returns {Plain}
 */
function paddedNumbers(rows) {
  const width = widest(rows);
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, position) => data.set(row, position * width));
  return { type: "float32", data, dims: [rows.length, width] };
}

/** @param {readonly {length: number}[]} rows */
function widest(rows) {
  return rows.reduce((most, row) => Math.max(most, row.length), 1);
}
