/** A request, checked at the border. */

import { Customer, readCustomer } from "./customer.js";
import { RequestError } from "./errors.js";
import { KINDS, KINDS_BY_MOMENT, MOMENTS, ORDERS } from "./names.js";
import { readTime } from "./times.js";
import { checkProductIds, isList, isObject } from "./values.js";

export const FIELDS = Object.freeze([
  "request_id", "cart", "history", "at", "moment", "kinds", "limit", "exclude", "only", "order",
]);
/** Product ids to which a request may be restricted. */
export const MAX_ONLY = 512;
const MAX_LIMIT = 2 ** 31 - 1;

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
 * Of the history, or of the customer in its place, counts what `Customer.until` gives.
 *
 * @param {unknown} request
 * @returns {Checked}
 */
export function readRequest(request) {
  if (!isObject(request)) throw new RequestError("request", `an object with the fields ${FIELDS.join(", ")}`, request);
  for (const name of Object.keys(request))
    if (!FIELDS.includes(name) && name !== "customer") throw new RequestError(name, `one of the fields ${FIELDS.join(", ")}`, name);
  const { request_id = "", moment = "cart", order = "relevance", limit = 3 } = request;
  if (typeof request_id !== "string") throw new RequestError("request_id", "a string", request_id);
  const kindsOfMoment = typeof moment === "string" ? KINDS_BY_MOMENT.get(moment) : undefined;
  if (kindsOfMoment === undefined) throw new RequestError("moment", `one of ${MOMENTS.join(", ")}`, moment);
  if (order !== null && !ORDERS.some((known) => known === order))
    throw new RequestError("order", `one of ${ORDERS.join(", ")}`, order);
  const now = request.at === undefined || request.at === null ? null : readTime(request.at, "at");
  const history = pastOf(request.history, request.customer).until(now);
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
 * The customer, or who bought the history.
 * @param {unknown} history
 * @param {unknown} customer
 * @returns {Customer}
 */
function pastOf(history, customer) {
  if (customer === undefined || customer === null) return readCustomer(history);
  if (!(customer instanceof Customer))
    throw new RequestError("customer", "what recommender.customer(history) gives", customer);
  if (history !== undefined && history !== null && !(Array.isArray(history) && history.length === 0))
    throw new RequestError("customer", "none beside a history; customer.bought(lines) adds lines", String(customer));
  return customer;
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
