/**
 * Every refusal of the public surface.
 *
 * MersalgError
 * ├── BundleError    a bundle is missing, damaged, of another format or does not answer its golden requests
 * └── RequestError   a request has a wrong field; `field` names it
 */

/** Base of every error that mersalg throws on purpose. */
export class MersalgError extends Error {
  name = "MersalgError";
}

/** A bundle is missing, damaged, of another format, or does not answer its golden requests. */
export class BundleError extends MersalgError {
  name = "BundleError";
}

/** A file of a bundle is not there. */
export class MissingFileError extends BundleError {}

/** A request has a wrong field; `where` names the request when there are many. */
export class RequestError extends MersalgError {
  name = "RequestError";

  /**
   * @param {string} field
   * @param {string} expected
   * @param {unknown} got
   * @param {string} [where]
   */
  constructor(field, expected, got, where = "") {
    super(`${where ? `${where}: ` : ""}${field}: expected ${expected}, got ${shown(got)}`);
    this.field = field;
    this.expected = expected;
    this.got = got;
    this.where = where;
  }

  /**
   * The same refusal, with the place of the request among others.
   * @param {string} where
   */
  at(where) {
    return new RequestError(this.field, this.expected, this.got, where);
  }
}

/**
 * A value for a message, cut to a line.
 * @param {unknown} value
 * @returns {string}
 */
export function shown(value) {
  const text = inWords(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

/** @param {unknown} value */
function inWords(value) {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "a Date that is none" : value.toISOString();
    return `an object with the keys ${Object.keys(value).slice(0, 9).join(", ") || "(none)"}`;
  }
  return String(value);
}
