/** The inputs and outputs that every scorer has, and the check of those that a model declares. */

import { BundleError } from "../../errors.js";
import { Damage, NO_BYTES, fields, numberOf, part, text } from "./protobuf.js";

/**
 * Name -> element type and rank.
 * @typedef {ReadonlyMap<string, readonly [string, number]>} Ports
 * @typedef {import("./protobuf.js").Field} Field
 */

/** @type {Ports} */
export const INPUTS = new Map([
  ["cart", ["tensor(string)", 2]],
  ["history", ["tensor(string)", 2]],
  ["history_age_days", ["tensor(float)", 2]],
  ["history_quantity", ["tensor(float)", 2]],
  ["exclude", ["tensor(string)", 2]],
  ["only", ["tensor(string)", 2]],
  ["moment", ["tensor(int64)", 1]],
  ["kinds", ["tensor(bool)", 2]],
  ["limit", ["tensor(int64)", 1]],
  ["apply_threshold", ["tensor(bool)", 1]],
  ["by_value", ["tensor(bool)", 1]],
  ["by_moment", ["tensor(bool)", 1]],
]);

/** @type {Ports} */
export const OUTPUTS = new Map([
  ["product_id", ["tensor(string)", 2]],
  ["kind", ["tensor(int64)", 2]],
  ["relevance", ["tensor(float)", 2]],
  ["score", ["tensor(float)", 2]],
  ["because", ["tensor(string)", 2]],
  ["lift", ["tensor(float)", 2]],
  ["due_in_days", ["tensor(float)", 2]],
  ["interval_days", ["tensor(float)", 2]],
  ["better", ["tensor(int64)", 2]],
  ["retrieved", ["tensor(int64)", 1]],
  ["best_relevance", ["tensor(float)", 2]],
]);

/** Outputs in which no number is NaN or infinite. */
export const FINITE = ["relevance", "score", "best_relevance"];

/** The second dimension where it is not free. @type {ReadonlyMap<string, number>} */
const FIXED_WIDTHS = new Map([["kinds", 5], ["best_relevance", 5]]);
/** TensorProto.DataType -> the element types of ports. @type {ReadonlyMap<number, string>} */
const ELEMENTS = new Map([[1, "tensor(float)"], [7, "tensor(int64)"], [8, "tensor(string)"], [9, "tensor(bool)"]]);

// Field numbers of ValueInfoProto, TypeProto, its Tensor, TensorShapeProto and its Dimension.
const PORT = { name: 1, type: 2, known: new Set([1, 2, 3, 4]) };
const TYPE = { tensor: 1, known: new Set([1, 6]) };
const TENSOR = { element: 1, shape: 2, known: new Set([1, 2]) };
const SHAPE_SIZE = 1;
const SIZE = { value: 1, texts: [2, 3], known: new Set([1, 2, 3]) };

/**
 * Refuse declared inputs or outputs of another name, type, rank or width.
 * @param {readonly Uint8Array[]} ports
 * @param {Ports} expected
 * @param {string} where
 */
export function checkPorts(ports, expected, where) {
  comparePorts(ports.map(readPort), expected, where);
}

/**
 * What a model or a runtime says of an input or output; a free size is null.
 * @typedef {{name: string, element: string, shape: readonly (number | null)[]}} Port
 */

/**
 * Refuse inputs or outputs of another name, type, rank or width; a free dimension has no number.
 * @param {readonly Port[]} ports
 * @param {Ports} expected
 * @param {string} where
 */
export function comparePorts(ports, expected, where) {
  const names = new Set(ports.map((port) => port.name));
  const missing = [...expected.keys()].filter((name) => !names.has(name)).sort();
  const unknown = [...names].filter((name) => !expected.has(name)).sort();
  if (missing.length || unknown.length || ports.length !== expected.size)
    throw new BundleError(
      `${where}: expected ${[...expected.keys()].join(", ")}, each once; missing [${missing.join(", ")}], ` +
        `not known [${unknown.join(", ").slice(0, 200)}]`,
    );
  for (const { name, element, shape } of ports) {
    const [wanted, rank] = /** @type {readonly [string, number]} */ (expected.get(name));
    if (element !== wanted || shape.length !== rank)
      throw new BundleError(
        `${where}: ${name}: expected ${wanted} of rank ${rank}, got ${element} of rank ${shape.length}`,
      );
    for (const [axis, size] of shape.entries()) {
      const fixed = axis ? FIXED_WIDTHS.get(name) : 1;
      if (size !== null && size !== fixed)
        throw new BundleError(`${where}: ${name}: expected axis ${axis} of size ${fixed ?? "any"}, got ${size}`);
    }
  }
}

/** An input or output from its bytes. @param {Uint8Array} port @returns {Port} */
function readPort(port) {
  const message = once(port, PORT.known);
  const kind = once(inner(message, PORT.type), TYPE.known);
  const tensor = once(inner(kind, TYPE.tensor), TENSOR.known);
  const shape = [];
  for (const [number, value] of fields(inner(tensor, TENSOR.shape))) {
    if (number !== SHAPE_SIZE) throw new Damage("a field that is not known");
    const size = once(part(value), SIZE.known);
    for (const called of SIZE.texts) text(inner(size, called));
    shape.push(size.has(SIZE.value) ? numberOf(size.get(SIZE.value)) : null);
  }
  const name = text(inner(message, PORT.name));
  const element = tensor.has(TENSOR.element) ? numberOf(tensor.get(TENSOR.element)) : 0;
  return { name, element: ELEMENTS.get(element) ?? `element type ${element}`, shape };
}

/** A message inside another one; empty where it is not there. @param {Map<number, Field>} message @param {number} number */
function inner(message, number) {
  return message.has(number) ? part(message.get(number)) : NO_BYTES;
}

/**
 * The fields of a message of which each may stand once; Damage for one that is twice or not known.
 * @param {Uint8Array} message
 * @param {ReadonlySet<number>} known
 */
function once(message, known) {
  /** @type {Map<number, Field>} */
  const found = new Map();
  for (const [number, value] of fields(message)) {
    if (!known.has(number) || found.has(number)) throw new Damage("a field that is not known, or twice");
    found.set(number, value);
  }
  return found;
}
