/** A request, checked at the border. */

import { RequestError } from "./errors.js";
import { KINDS, KINDS_BY_MOMENT, MOMENTS, ORDERS } from "./names.js";
import { daysBetween, readTime } from "./times.js";

export const FIELDS = Object.freeze([
  "request_id", "cart", "history", "at", "moment", "kinds", "limit", "exclude", "only", "order",
]);
/** The latest lines that are used of a longer history. */
export const HISTORY_LINES = 1000;
/** Product ids to which a request may be restricted. */
export const MAX_ONLY = 512;
const MAX_LIMIT = 2 ** 31 - 1;
const MAX_QUANTITY = 1e9;

/**
 * A checked request. The three history fields have one entry a line, in the order in which they were given.
 * `moment` is the position in MOMENTS, `kinds` says of each of KINDS whether it is asked for.
 *
 * @typedef {object} Checked
 * @property {string} request_id
 * @property {string[]} cart
 * @property {string[]} history
 * @property {Float32Array} history_age_days
 * @property {Float32Array} history_quantity
 * @property {string[]} exclude
 * @property {string[]} only
 * @property {number} moment
 * @property {boolean[]} kinds
 * @property {number} limit
 * @property {boolean} by_value
 * @property {boolean} by_moment no kinds are named: the moment's manners hold
 */

/**
 * A checked request; an absent field has its default. RequestError names a wrong or unknown field.
 *
 * History lines after `at` and lines with a quantity of zero or below (returns) are left out; of the others the latest
 * HISTORY_LINES are kept, of two at the same time the later in the list.
 *
 * @param {unknown} request
 * @returns {Checked}
 */
export function readRequest(request) {
  if (!isObject(request)) throw new RequestError("request", `an object with the fields ${FIELDS.join(", ")}`, request);
  for (const name of Object.keys(request))
    if (!FIELDS.includes(name)) throw new RequestError(name, `one of the fields ${FIELDS.join(", ")}`, name);
  const { request_id = "", moment = "cart", order = "relevance", limit = 3 } = request;
  if (typeof request_id !== "string") throw new RequestError("request_id", "a string", request_id);
  const kindsOfMoment = typeof moment === "string" ? KINDS_BY_MOMENT.get(moment) : undefined;
  if (kindsOfMoment === undefined) throw new RequestError("moment", `one of ${MOMENTS.join(", ")}`, moment);
  if (order !== null && !ORDERS.some((known) => known === order))
    throw new RequestError("order", `one of ${ORDERS.join(", ")}`, order);
  const history = readHistory(request.history, request.at);
  return {
    request_id,
    cart: readProductIds(request.cart, "cart"),
    ...history,
    exclude: readProductIds(request.exclude, "exclude"),
    moment: MOMENTS.findIndex((known) => known === moment),
    kinds: readKinds(request.kinds ?? kindsOfMoment),
    limit: readLimit(limit),
    only: readOnly(request.only),
    by_value: order === "value",
    by_moment: request.kinds === undefined || request.kinds === null,
  };
}

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
 * Product ids as text, in the given order.
 * @param {unknown} values
 * @param {string} field
 * @returns {string[]}
 */
function readProductIds(values, field) {
  if (values === undefined || values === null) return [];
  if (!isList(values)) throw new RequestError(field, "a list of product ids", values);
  return checkProductIds([...values], (position) => `${field}[${position}]`);
}

/** @param {unknown} values */
function readOnly(values) {
  const ids = readProductIds(values, "only");
  if (ids.length > MAX_ONLY) throw new RequestError("only", `at most ${MAX_ONLY} product ids`, ids.length);
  return ids;
}

/**
 * The ids themselves; one that is no text, empty (the padding), or that UTF-8 cannot hold is refused.
 * @param {unknown[]} ids
 * @param {(position: number) => string} name
 * @returns {string[]}
 */
function checkProductIds(ids, name) {
  for (const [position, id] of ids.entries()) {
    if (typeof id !== "string")
      throw new RequestError(name(position), "a product id as text (write the number 42 as '42')", id);
    if (id === "") throw new RequestError(name(position), "a product id, not an empty string", id);
    if (id.includes("\0") || !id.isWellFormed())
      throw new RequestError(name(position), "a product id in Unicode text without NUL and surrogates", id);
  }
  return /** @type {string[]} */ (ids);
}

/**
 * Product ids, ages in days and quantities of the purchases that are used.
 * @param {unknown} history
 * @param {unknown} at
 */
function readHistory(history, at) {
  const now = at === undefined || at === null ? null : readTime(at, "at");
  const given = history ?? [];
  if (!isList(given)) throw new RequestError("history", "a list of {product_id, ordered_at, quantity}", history);
  const lines = [...given].map(readLine);
  if (lines.length === 0)
    return { history: [], history_age_days: new Float32Array(0), history_quantity: new Float32Array(0) };
  const ids = checkProductIds(lines.map((line) => line.product_id), (position) => `history[${position}].product_id`);
  const ages = daysBetween(now, lines.map((line) => line.ordered_at));
  const quantities = readQuantities(lines.map((line) => line.quantity));
  checkUnitPrices(lines.map((line) => line.unit_price));
  const used = latest(ages, quantities);
  return {
    history: used.map((line) => ids[line]),
    history_age_days: Float32Array.from(used, (line) => ages[line]),
    history_quantity: Float32Array.from(used, (line) => quantities[line]),
  };
}

/**
 * The line itself, if it is an object with the fields that a line must have.
 * @param {unknown} line
 * @param {number} position
 * @returns {Record<string, unknown>}
 */
function readLine(line, position) {
  if (!isObject(line))
    throw new RequestError(`history[${position}]`, "an object {product_id, ordered_at, quantity}", line);
  for (const name of ["product_id", "ordered_at"])
    if (line[name] === undefined) throw new RequestError(`history[${position}].${name}`, "a value", undefined);
  return line;
}

/**
 * Positions of the lines that are used, ascending: bought before now, not returned, the latest HISTORY_LINES.
 * @param {Float64Array} ages
 * @param {number[]} quantities
 * @returns {number[]}
 */
function latest(ages, quantities) {
  const used = [...quantities.keys()].filter((line) => ages[line] >= 0 && quantities[line] > 0);
  if (used.length <= HISTORY_LINES) return used;
  return used.sort((a, b) => ages[a] - ages[b] || b - a).slice(0, HISTORY_LINES).sort((a, b) => a - b);
}

/**
 * Finite quantities; an absent one counts as 1.
 * @param {unknown[]} amounts
 * @returns {number[]}
 */
function readQuantities(amounts) {
  const quantities = amounts.map((amount, position) => {
    if (amount === undefined || amount === null) return 1;
    if (typeof amount !== "number") throw wrongQuantity(position, amount);
    return amount;
  });
  const worst = quantities.findIndex((quantity) => !(Math.abs(quantity) <= MAX_QUANTITY));
  if (worst >= 0) throw wrongQuantity(worst, quantities[worst]);
  return quantities;
}

/**
 * @param {number} position
 * @param {unknown} amount
 */
function wrongQuantity(position, amount) {
  return new RequestError(`history[${position}].quantity`, "a number up to 1e+09", amount);
}

/**
 * Refuse a price that is none. Prices are for the rules of a policy, which acts in Python alone.
 * @param {unknown[]} prices
 */
function checkUnitPrices(prices) {
  for (const [position, price] of prices.entries())
    if (price !== undefined && price !== null)
      if (typeof price !== "number" || !(price >= 0 && price <= MAX_QUANTITY))
        throw new RequestError(`history[${position}].unit_price`, "a number from 0, or null", price);
}

/**
 * Whether each of KINDS is named.
 * @param {unknown} kinds
 */
function readKinds(kinds) {
  if (!isList(kinds))
    throw new RequestError("kinds", `a list of kinds out of ${KINDS.join(", ")}; null for the moment's own`, kinds);
  const named = [...kinds];
  for (const [position, kind] of named.entries())
    if (!KINDS.some((known) => known === kind))
      throw new RequestError(`kinds[${position}]`, `one of ${KINDS.join(", ")}`, kind);
  return KINDS.map((kind) => named.includes(kind));
}

/** @param {unknown} limit */
function readLimit(limit) {
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 0 || limit > MAX_LIMIT)
    throw new RequestError("limit", `a whole number from 0 to ${MAX_LIMIT}`, limit);
  return limit;
}
