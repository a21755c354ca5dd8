/** What a customer bought: read and checked once, for every time at which is asked. */

import { RequestError } from "./errors.js";
import { daysUntil, readTimes, zoneLike } from "./times.js";
import { checkProductIds, isList, isObject } from "./values.js";

/** The latest lines that are used of a longer history. */
export const HISTORY_LINES = 1000;
const MAX_QUANTITY = 1e9;

/** @typedef {{id: string, time: import("./times.js").Time, quantity: number}} Line a purchase: its quantity is above 0 */

/** A history that is read already; of no bundle, and never changed. `recommender.customer(history)` makes one. */
export class Customer {
  #lines;
  #zoned;

  /**
   * @param {readonly Line[]} lines
   * @param {boolean | null} zoned whether the times have a zone; null without any
   */
  constructor(lines, zoned) {
    this.#lines = lines;
    this.#zoned = zoned;
    Object.freeze(this);
  }

  /** Lines that are no returns. */
  get length() {
    return this.#lines.length;
  }

  /**
   * The customer with lines behind those of before, as if both had been read together.
   * @param {unknown} lines
   * @returns {Customer}
   */
  bought(lines) {
    const more = readCustomer(lines);
    if (this.#zoned === null || more.#zoned === null) return more.#zoned === null ? this : more;
    if (more.#zoned !== this.#zoned)
      throw new RequestError(
        "history[0].ordered_at", zoneLike(this.#zoned, "those before have"), `a time with${more.#zoned ? "" : "out"} one`,
      );
    return new Customer([...this.#lines, ...more.#lines], this.#zoned);
  }

  /**
   * Product ids, ages in days and quantities of what had been bought by then, null for now. Of more lines the latest
   * HISTORY_LINES, of two at the same time the later in the list.
   * @param {import("./times.js").Time | null} at
   */
  until(at) {
    const ages = daysUntil(at, this.#lines.map((line) => line.time), this.#zoned);
    let used = [...this.#lines.keys()].filter((line) => ages[line] >= 0);
    if (used.length > HISTORY_LINES)
      used = used.sort((a, b) => ages[a] - ages[b] || b - a).slice(0, HISTORY_LINES).sort((a, b) => a - b);
    return {
      history: used.map((line) => this.#lines[line].id),
      history_age_days: Float32Array.from(used, (line) => ages[line]),
      history_quantity: Float32Array.from(used, (line) => this.#lines[line].quantity),
    };
  }

  toString() {
    return `Customer(${this.length} lines)`;
  }
}

/**
 * The customer who bought the lines. Those with a quantity of zero or below (returns) are left out.
 * @param {unknown} history
 * @returns {Customer}
 */
export function readCustomer(history) {
  const given = history ?? [];
  if (!isList(given)) throw new RequestError("history", "a list of {product_id, ordered_at, quantity}", history);
  const lines = [...given].map(readLine);
  if (lines.length === 0) return new Customer([], null);
  const ids = checkProductIds(lines.map((line) => line.product_id), (position) => `history[${position}].product_id`);
  const times = readTimes(lines.map((line) => line.ordered_at));
  const quantities = readQuantities(lines.map((line) => line.quantity));
  checkUnitPrices(lines.map((line) => line.unit_price));
  const kept = ids.map((id, line) => ({ id, time: times[line], quantity: quantities[line] }));
  return new Customer(kept.filter((line) => line.quantity > 0), times[0].zoned);
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
