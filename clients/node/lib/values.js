/** What values of a caller are: objects, lists, product ids. */

import { RequestError } from "./errors.js";

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map);
}

/**
 * @param {unknown} value
 * @returns {value is Iterable<unknown>}
 */
export function isList(value) {
  return typeof value === "object" && value !== null && !(value instanceof Map) && Symbol.iterator in value;
}

/**
 * The ids themselves; one that is no text, empty (the padding), or that UTF-8 cannot hold is refused.
 * @param {unknown[]} ids
 * @param {(position: number) => string} name
 * @returns {string[]}
 */
export function checkProductIds(ids, name) {
  for (const [position, id] of ids.entries()) {
    if (typeof id !== "string")
      throw new RequestError(name(position), "a product id as text (write the number 42 as '42')", id);
    if (id === "") throw new RequestError(name(position), "a product id, not an empty string", id);
    if (id.includes("\0") || !id.isWellFormed())
      throw new RequestError(name(position), "a product id in Unicode text without NUL and surrogates", id);
  }
  return /** @type {string[]} */ (ids);
}
