/** Strict JSON: in UTF-8, and no key twice in an object. */

import { BundleError } from "./errors.js";

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gsu;

/**
 * A JSON document (RFC 8259) in UTF-8 without repeated keys.
 * @param {Uint8Array} content
 * @param {string} where
 * @returns {unknown}
 */
export function parseJson(content, where) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    const value = JSON.parse(text);
    refuseRepeatedKeys(text);
    return value;
  } catch (error) {
    // A nesting that is too deep is a RangeError.
    if (!(error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new BundleError(`${where}: expected JSON in UTF-8, got ${error.message}; export the bundle again`);
  }
}

/**
 * Walks the tokens of a text that is known to be JSON.
 * @param {string} text
 */
function refuseRepeatedKeys(text) {
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
      if (keys?.has(key)) throw new SyntaxError(`the key ${last.slice(0, 60)} twice`);
      keys?.add(key);
    }
    last = token;
  }
}
