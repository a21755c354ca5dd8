/**
 * A tensor of a scorer: its data are in the file, and as many as its shape says.
 *
 * Tensors whose data lie elsewhere are refused, whatever the place is called: a path, a link, or an address in memory.
 */

import { BundleError, shown } from "../../errors.js";
import { checkTexts } from "../texts.js";
import { Damage, NO_BYTES, expectKnown, fields, numberOf, numbersOf, part, text } from "./protobuf.js";

/** @typedef {import("./protobuf.js").Field} Field */

const MAX_DIMENSIONS = 8;
/** Of one tensor. */
const MAX_ELEMENTS = 2 ** 31 - 1;
/** TensorProto.DataType -> bytes of an element in raw data; a string (8) has none. @type {ReadonlyMap<number, number>} */
const WIDTHS = new Map([
  [1, 4], [2, 1], [3, 1], [4, 2], [5, 2], [6, 4], [7, 8], [8, 0], [9, 1], [10, 2], [11, 8], [12, 4], [13, 8],
]);
const TEXTS = 8;

// Field numbers of TensorProto.
const TENSOR = { size: 1, type: 2, text: 6, name: 8, raw: 9, externalData: 13, dataLocation: 14 };
/** Lists of numbers -> least bytes of an element. @type {ReadonlyMap<number, number>} */
const TENSOR_NUMBERS = new Map([[4, 4], [5, 1], [7, 1], [10, 8], [11, 1]]);
const TENSOR_REST = new Set([12, 16]);

/**
 * A checked tensor; `data` are its bytes where they are numbers in one piece, else empty.
 * @typedef {{name: string, elements: number, data: Uint8Array}} Tensor
 *
 * What a tensor holds, in one of the three forms that protobuf has for it; `form` is the field of its numbers, 0 = none.
 * @typedef {{form: number, data: Uint8Array, texts: Uint8Array[]}} Content
 */

/**
 * Refuse a tensor whose data lie in another file, or are not as many as its shape says.
 * @param {Uint8Array} tensor
 * @param {string} where
 * @returns {Tensor}
 */
export function checkTensor(tensor, where) {
  /** @type {number[]} */
  const shape = [];
  /** @type {Content} */
  const content = { form: 0, data: NO_BYTES, texts: [] };
  let [name, kind] = ["", 0];
  for (const [number, value] of fields(tensor)) {
    if (number === TENSOR.externalData || (number === TENSOR.dataLocation && value !== 0))
      throw new BundleError(`${where}: expected all data inside the file, got a tensor with external data`);
    if (number === TENSOR.size) {
      shape.push(...numbersOf(value, MAX_DIMENSIONS));
      if (shape.length > MAX_DIMENSIONS)
        throw new BundleError(`${where}: expected tensors of at most ${MAX_DIMENSIONS} dimensions, got more`);
    } else if (number === TENSOR.type) kind = numberOf(value);
    else if (number === TENSOR.name) name = text(value);
    else if (number !== TENSOR.dataLocation) add(content, number, value, where);
  }
  checkTexts(content.texts, where);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (!WIDTHS.has(kind) || Math.max(elements, ...shape) > MAX_ELEMENTS)
    throw new BundleError(
      `${where}: expected tensors of plain types and at most ${MAX_ELEMENTS} elements, got type ${kind} and ` +
        `shape [${shape.join(", ")}]`,
    );
  if (!holds(content, kind, elements))
    throw new BundleError(`${where}: expected a tensor with as much data as its shape says, got ${shown(name)}`);
  return { name, elements, data: content.data };
}

/**
 * Note a field of the content.
 * @param {Content} content
 * @param {number} number
 * @param {Field} value
 * @param {string} where
 */
function add(content, number, value, where) {
  if (number === TENSOR.text) content.texts.push(part(value));
  else if (number === TENSOR.raw || TENSOR_NUMBERS.has(number)) {
    if (content.form) throw new Damage("data in two places");
    content.form = number;
    content.data = part(value);
  } else expectKnown(number, TENSOR_REST, "a tensor", where);
}

/**
 * Whether this is as much as so many elements need, in one form.
 * @param {Content} content
 * @param {number} kind
 * @param {number} elements
 */
function holds({ form, data, texts }, kind, elements) {
  if (kind === TEXTS || texts.length) return kind === TEXTS && form === 0 && texts.length === elements;
  if (form === TENSOR.raw) return data.length === elements * /** @type {number} */ (WIDTHS.get(kind));
  return data.length >= elements * (TENSOR_NUMBERS.get(form) ?? 1);
}
