/**
 * The texts of a bundle that people and programs see: product ids and names, of a length and of characters that show.
 *
 * Refused are control characters, NUL and line breaks among them, which drive terminals and break files, and those that
 * turn the direction of what follows, by which a text shows as another.
 */

import { BundleError, shown } from "../errors.js";
import { text } from "./onnx/protobuf.js";

const MAX_ID_CHARACTERS = 256;
const MAX_NAME_CHARACTERS = 1000;
const ODD = /[\p{Cc}\p{Surrogate}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/**
 * Refuse a text of a graph that could not be a product id, the first in order. Damage for one that is no UTF-8.
 * @param {readonly Uint8Array[]} texts
 * @param {string} where
 */
export function checkTexts(texts, where) {
  for (const bytes of texts) if (!isPlain(bytes)) refuseText(text(bytes), MAX_ID_CHARACTERS, where);
}

/** Whether a text is short and of printable ASCII alone, as nearly every id is. @param {Uint8Array} bytes */
function isPlain(bytes) {
  return bytes.length <= MAX_ID_CHARACTERS && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
}

/**
 * Refuse a product id or a name that is none.
 * @param {readonly [string, unknown][]} names
 * @param {string} where
 */
export function checkNames(names, where) {
  for (const [productId, name] of names)
    if (typeof name !== "string")
      throw new BundleError(
        `${where}: ${shown(productId)}: expected a name, got ${shown(name)}; export the bundle again`,
      );
  refuseTexts(names.map(([productId]) => productId), MAX_ID_CHARACTERS, where);
  refuseTexts(names.map(([, name]) => /** @type {string} */ (name)), MAX_NAME_CHARACTERS, where);
}

/** Refuse the first text that is none. @param {string[]} texts @param {number} most @param {string} where */
function refuseTexts(texts, most, where) {
  const areFine = texts.every((text) => text.length <= most) && !ODD.test(texts.join(" ")); // all at once: ten times as fast
  if (!areFine) for (const text of texts) refuseText(text, most, where);
}

/** Characters are code points. @param {string} text @param {number} most @param {string} where */
function refuseText(text, most, where) {
  if ((text.length <= most || [...text].length <= most) && !ODD.test(text)) return;
  const escaped = (/** @type {string} */ character) => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  const told = JSON.stringify(text.slice(0, 40)).replace(/[^ -~]/gu, escaped);
  throw new BundleError(
    `${where}: expected texts of at most ${most} characters without control and direction characters, got ` +
      `${told} of ${text.length}; train the bundle again, which leaves such products out`,
  );
}
