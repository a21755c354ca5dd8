/** Strict JSON: in UTF-8, no key twice in an object, no half a character, no nesting without an end. */

import { BundleError } from "../errors.js";

/** Objects and lists inside each other. */
const MAX_JSON_DEPTH = 128;
const HALF_A_CHARACTER = /\p{Surrogate}/u;
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|-?\d[\d.eE+-]*|[tfn][a-z]+/gs;

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
    refuseOddTokens(text);
    return value;
  } catch (error) {
    // A nesting that is too deep is a RangeError.
    if (!(error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new BundleError(`${where}: expected JSON in UTF-8, got ${error.message}; export the bundle again`);
  }
}

/**
 * Walks the tokens of a text that is known to be JSON: a key that occurs twice, half a character, a value
 * inside more than MAX_JSON_DEPTH others, a whole number beyond 2^53 and one beyond all that 64 bits hold are refused.
 * @param {string} text
 */
function refuseOddTokens(text) {
  /** @type {(Set<string> | null)[]} */
  const open = [];
  let last = "";
  for (const [token] of text.matchAll(TOKEN)) {
    const isEnd = token === "}" || token === "]";
    if (open.length > MAX_JSON_DEPTH && !isEnd) throw new SyntaxError("too deep a nesting");
    if (token === "{") open.push(new Set());
    else if (token === "[") open.push(null);
    else if (isEnd) open.pop();
    else if (token === ":") {
      const key = last.includes("\\") ? JSON.parse(last) : last.slice(1, -1);
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
