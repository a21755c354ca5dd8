/**
 * The closed vocabularies of an offer: its kinds and the moments at which it is made.
 *
 * Their order is part of the bundle format: inside the graph a kind and a moment are their positions here.
 *
 * @typedef {import("../index.js").Kind} Kind
 * @typedef {import("../index.js").Moment} Moment
 * @typedef {import("../index.js").Order} Order
 */

/** @type {readonly Kind[]} */
export const KINDS = Object.freeze(["cross-sell", "add-on", "upsell", "more-of-same", "replacement"]);

/** @type {readonly Moment[]} */
export const MOMENTS = Object.freeze(["product-page", "cart", "checkout", "order-confirmation", "follow-up"]);

/** Moments at which the order is paid. @type {ReadonlySet<Moment>} */
export const AFTER_PAYMENT = new Set(["order-confirmation", "follow-up"]);

/**
 * In what an upsell is better than its anchor: inside the graph the bit of its position here.
 * @type {readonly import("../index.js").Better[]}
 */
export const BETTER = Object.freeze(["larger pack", "lower price for the unit", "higher grade", "more features"]);

/** @type {readonly Order[]} */
export const ORDERS = Object.freeze(["relevance", "value"]);

/**
 * What is offered at a moment when a request names no kinds.
 * @type {ReadonlyMap<string, readonly Kind[]>}
 */
export const KINDS_BY_MOMENT = new Map(
  Object.entries({
    "product-page": ["upsell", "add-on", "cross-sell"],
    cart: KINDS,
    checkout: ["add-on", "replacement"],
    "order-confirmation": ["add-on", "cross-sell"],
    "follow-up": ["replacement", "more-of-same", "cross-sell"],
  }),
);
