/** Carts to try and made-up customers. No real customer is in a bundle, and none is here. */

const MOST_DRAWN = 6;
const REGULAR = 8;
const TIMES = 4;
const KIND_WORTH = 4;
const MOST_TRIES = 6;
const MOST_TRIED = 90;
const FEW_TRIED = 5;
const PORTION = 15;
const DAY = 86_400_000;

/** A history line as the page holds it; days need not be whole. @typedef {{id: string, days: number, quantity: number}} Line */

/** The time of the page, to the minute and without a zone. @param {Date} [now] */
export function timeText(now = new Date()) {
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 16) + ":00";
}

/** The time so many days before a time, with a zone where it has one. @param {string} at @param {number} days */
export function daysBefore(at, days) {
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(at);
  const time = new Date(Math.round((Date.parse(zoned ? at : `${at}Z`) - days * DAY) / 1000) * 1000).toISOString();
  return zoned ? time : time.slice(0, 19);
}

/**
 * Made-up customers: the histories of golden requests, whose products are drawn, and one who buys by the rhythms.
 * @param {any[]} golden
 * @param {any} patterns
 * @returns {{sort: string, number: number, lines: Line[]}[]}
 */
export function sampleCustomers(golden, patterns) {
  const regular = (patterns?.rhythms ?? []).slice(0, REGULAR).flatMap(({ product, interval_days }) =>
    Array.from({ length: TIMES }, (_, time) => ({ id: product, days: Math.round((time + 0.9) * interval_days), quantity: 1 })),
  );
  const drawn = golden.filter(({ history }) => history?.length).slice(0, MOST_DRAWN);
  return [
    ...(regular.length ? [{ sort: "regular", number: 0, lines: regular }] : []),
    ...drawn.map(({ at, history }, place) => ({
      sort: "drawn", number: place + 1, lines: history.map((line) => lineOf(line, at)),
    })),
  ];
}

/** A line of a request's history. @param {any} line @param {string} at @returns {Line} */
export function lineOf(line, at) {
  const zoned = (time) => (/(Z|[+-]\d\d:?\d\d)$/.test(time) ? time : `${time}Z`);
  const days = (Date.parse(zoned(at)) - Date.parse(zoned(line.ordered_at))) / DAY;
  return { id: line.product_id, days: Math.max(0, days), quantity: line.quantity ?? 1 };
}

/**
 * Products whose own page is worth a look, best first: those that the strongest patterns say most sorts of things about,
 * then those that sell most.
 * @param {import("./model.js").Model} model
 */
function worthTrying({ patterns, index }) {
  const sorts = [patterns?.ladders, patterns?.pairs, patterns?.add_ons].map((rows) => new Set((rows ?? []).map(({ anchor }) => anchor)));
  const ids = [...new Set([...sorts.flatMap((anchors) => [...anchors]), ...index.ids.slice(0, MOST_TRIED)])];
  const count = new Map(ids.map((id) => [id, sorts.filter((anchors) => anchors.has(id)).length]));
  return ids.sort((a, b) => count.get(b) - count.get(a)).slice(0, MOST_TRIED);
}

/** @param {string} id @param {string} at */
function page(id, at) {
  return { cart: [id], moment: "product-page", at };
}

/**
 * The first product that sees offers on its own page, or one soon after it that sees more kinds of them; none if there is
 * none.
 * @param {import("./model.js").Model} model
 * @param {string} at
 */
export async function firstToTry(model, at) {
  let [best, most] = [[], 0];
  for (const [place, id] of worthTrying(model).entries()) {
    if (best.length && place >= FEW_TRIED) break;
    const [offers] = await model.shown([page(id, at)], model.own);
    const kinds = kindsOf(offers);
    if (kinds > most) [best, most] = [[id], kinds];
    if (most > 2) break;
  }
  return best;
}

/** @param {{kind: string}[]} offers */
function kindsOf(offers) {
  return new Set(offers.map(({ kind }) => kind)).size;
}

/**
 * Products to try: those that see offers on their own page, the ones with most kinds of them first.
 * @param {import("./model.js").Model} model
 * @param {string} at
 */
export async function productsToTry(model, at) {
  const ids = worthTrying(model);
  const shown = [];
  for (let place = 0; place < ids.length; place += PORTION) // so that other questions need not wait
    shown.push(...(await model.shown(ids.slice(place, place + PORTION).map((id) => page(id, at)), model.own)));
  const worth = shown.map((offers) => KIND_WORTH * kindsOf(offers) + offers.length);
  const order = ids.map((_, place) => place).filter((place) => worth[place]).sort((a, b) => worth[b] - worth[a] || a - b);
  return order.slice(0, MOST_TRIES).map((place) => ids[place]);
}
