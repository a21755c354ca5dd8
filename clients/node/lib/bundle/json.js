/** Strict JSON: in UTF-8, no key twice in an object, no half a character, no nesting without an end. */

import { BundleError } from "../errors.js";

/** Objects and lists inside each other. */
const MAX_JSON_DEPTH = 128;
const HALF_A_CHARACTER = /\p{Surrogate}/u;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|-?\d[\d.eE+-]*/gsu;

/**
 * A JSON document (RFC 8259) in UTF-8. BundleError for repeated keys, lone surrogates and more than MAX_JSON_DEPTH levels.
 * @param {Uint8Array} content
 * @param {string} where
 * @returns {unknown}
 */
export function parseJson(content, where) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    const value = JSON.parse(text);
    if (nestsDeeper(value, MAX_JSON_DEPTH)) throw new SyntaxError("too deep a nesting");
    refuseOddTokens(text);
    return value;
  } catch (error) {
    // A nesting that is too deep is a RangeError.
    if (!(error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new BundleError(`${where}: expected JSON in UTF-8, got ${error.message}; export the bundle again`);
  }
}

/**
 * Whether more objects and lists than that lie inside each other.
 * @param {unknown} document
 * @param {number} most
 */
function nestsDeeper(document, most) {
  let level = [document];
  for (let depth = 0; depth <= most && level.length; depth++) {
    const next = [];
    for (const outer of level)
      if (typeof outer === "object" && outer !== null) for (const item of Object.values(outer)) next.push(item);
    level = next;
  }
  return level.length > 0;
}

/**
 * Walks the tokens of a text that is known to be JSON: a key that occurs twice, half a character, a whole number beyond
 * 2^53 and one beyond all that 64 bits hold are refused.
 * @param {string} text
 */
function refuseOddTokens(text) {
  /** @type {(Set<string> | null)[]} */
  const open = [];
  let last = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (token === "}" || token === "]") open.pop();
    else if (token === ":") {
      const key = JSON.parse(last);
      const keys = open.at(-1);
      if (keys?.has(key)) throw new SyntaxError("a key that occurs twice");
      keys?.add(key);
    } else if (token.includes("\\") && HALF_A_CHARACTER.test(JSON.parse(token)))
      throw new SyntaxError("half a character: surrogates not allowed");
    else if (/^[-\d]/.test(token)) refuseOddNumber(token);
    last = token;
  }
}

/** @param {string} token */
function refuseOddNumber(token) {
  const number = Number(token);
  if (/^-?\d+$/.test(token) && !Number.isSafeInteger(number)) throw new SyntaxError("a whole number beyond 2^53");
  if (!Number.isFinite(number)) throw new SyntaxError("a number beyond all that 64 bits hold");
}
