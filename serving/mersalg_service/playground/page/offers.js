/** The offers as a shop would show them, the empty answer, and why others were left out. */

import { reasonText } from "../client/reasons.js";
import { button, el } from "./dom.js";
import { placeOf } from "./scale.js";
import { figure, percent, spoken, t } from "./texts.js";

const MOST_LEFT = 6;
/** Groups of what was left out that are not unfolded. */
const closed = new Set(["unbrought"]);
const VERDICTS = ["must", "may", "must_not"];

/**
 * What a view needs of the page.
 * @typedef {object} Context
 * @property {(id: string) => string} name
 * @property {Record<string, number>} floors
 * @property {Map<string, string>} verdicts
 * @property {(id: string, verdict: string) => void} judge
 * @property {(id: string) => void} take
 * @property {(id: string) => void} showPatterns
 * @property {(kind: string, floor: number) => void} moveFloor
 * @property {boolean} canMove
 * @property {boolean} isEmpty nothing is in the cart, and nothing was bought before
 */

/** @param {any} answer @param {Context} context */
export function answerView(answer, context) {
  if (!answer.shown.length) return emptyView(answer, context);
  return el("ol", { className: "offers" }, ...answer.shown.map((offer) => el("li", {}, offerCard(offer, context))));
}

function offerCard(offer, context) {
  return el(
    "article", { className: "offer", "data-product": offer.product_id },
    el("div", { className: "offer-top" }, kindBadge(offer.kind), verdicts(offer, context)),
    offer.kind === "upsell" && offer.because !== null ? sideBySide(offer, context) : nameAndPrice(offer, context),
    el("p", { className: "reason" }, sentence(offer, context)),
    el(
      "div", { className: "offer-foot" },
      relevanceBar(offer, context.floors[offer.kind]),
      patternsButton(offer.product_id, context),
      button(t("take"), () => context.take(offer.product_id), { "aria-label": `${t("take")}: ${context.name(offer.product_id)}` }),
    ),
  );
}

function nameAndPrice({ product_id, price }, context) {
  return el(
    "div", { className: "named" },
    el("h3", { title: product_id }, context.name(product_id)),
    price === null ? null : el("p", { className: "price", title: t("price") }, figure(price, 2)),
  );
}

/** A name, with the id where another of these products has the same. @param {string} id @param {string[]} ids @param {(id: string) => string} name */
export function toldApart(id, ids, name) {
  const isShared = ids.some((other) => other !== id && name(other) === name(id));
  return [name(id), ...(isShared ? [el("small", {}, id)] : [])];
}

function kindBadge(kind) {
  return el("span", { className: `kind ${kind}` }, t(`kind.${kind}`));
}

function patternsButton(id, context) {
  const label = t("patterns.of", { name: context.name(id) });
  return button(t("patterns"), () => context.showPatterns(id), { className: "quiet", "aria-label": label });
}

/** The anchor of an upsell beside it, the step of the price, and in what it is better. */
function sideBySide(offer, context) {
  const side = (word, id, price, better) =>
    el(
      "div", {},
      el("p", { className: "hint" }, t(word)),
      el("h3", { title: id }, context.name(id)),
      price === null ? null : el("p", { className: "price", title: t("price") }, figure(price, 2)),
      better.length ? el("ul", { className: "better" }, ...better.map((sort) => el("li", {}, t(`better.${sort}`)))) : null,
    );
  const step = offer.price_step;
  return el(
    "div", { className: "sides" },
    side("instead", offer.because, offer.anchor_price, []),
    el(
      "p", { className: "step" },
      el("span", { "aria-hidden": "true" }, "→"),
      step === null ? null : t("step", { amount: figure(step, 2), share: `+${percent(step / offer.anchor_price)}` }),
    ),
    side("offered", offer.product_id, offer.price, offer.better),
  );
}

function sentence(offer, context) {
  const text = reasonText(offer, context.name, spoken());
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function relevanceBar(offer, floor) {
  const fill = el("span", { className: "fill" });
  const tick = el("span", { className: "tick" });
  const lift = offer.lift === null ? "" : ` · ${t("lift", { times: figure(offer.lift, 1) })}`;
  fill.style.width = `${100 * placeOf(offer.relevance)}%`;
  tick.style.left = `${100 * placeOf(floor)}%`;
  return el(
    "div", { className: "measure" },
    el("span", {}, `${t("relevance")} `, el("strong", {}, percent(offer.relevance)), ` · ${t("floor")} ${floorText(floor)}${lift}`),
    el("span", { className: "bar", "aria-hidden": "true" }, fill, tick),
  );
}

export function floorText(floor) {
  return floor > 1 ? t("floors.silent") : percent(floor);
}

function verdicts(offer, context) {
  const now = context.verdicts.get(offer.product_id);
  return el(
    "div", { className: "verdicts", role: "group", "aria-label": t("judge.of", { name: context.name(offer.product_id) }) },
    ...VERDICTS.map((verdict) =>
      button(t(`judge.${verdict}`), () => context.judge(offer.product_id, verdict), {
        className: `verdict ${verdict}`, "aria-pressed": String(now === verdict),
      }),
    ),
  );
}

/** The nearest miss: the candidate with the greatest share of its floor. */
function nearestOf(answer, context) {
  const share = (offer) => offer.relevance / context.floors[offer.kind];
  return answer.below.reduce((best, offer) => (best === null || share(offer) > share(best) ? offer : best), null);
}

function emptyView(answer, context) {
  const nearest = nearestOf(answer, context) ?? answer.unbrought[0] ?? null;
  const isBelow = nearest !== null && answer.below.includes(nearest);
  return el(
    "div", { className: "empty" },
    el("p", { className: "empty-sign", "aria-hidden": "true" }, "∅"),
    el("h3", {}, t("empty.title")),
    el("p", {}, t(context.isEmpty ? "empty.cart" : `empty.${answer.reason}`)),
    nearest === null ? null : nearestView(nearest, isBelow, context),
  );
}

function nearestView(nearest, isBelow, context) {
  const floor = Math.floor(nearest.relevance * 1000) / 1000;
  const words = { kind: t(`kind.${nearest.kind}`), floor: percent(floor) };
  return el(
    "div", { className: "nearest" },
    el("h4", {}, t("nearest")),
    el("p", {}, kindBadge(nearest.kind), " ", el("strong", {}, context.name(nearest.product_id))),
    el("p", { className: "reason" }, isBelow ? sentence(nearest, context) : t("nearest.unbrought")),
    relevanceBar(nearest, context.floors[nearest.kind]),
    isBelow && context.canMove && floor > 0
      ? el("p", {}, button(t("nearest.lower", words), () => context.moveFloor(nearest.kind, floor)))
      : null,
  );
}

/** Why others were left out, the nearest first. @param {any} answer @param {Context} context */
export function leftView(answer, context) {
  const share = (offer) => offer.relevance / context.floors[offer.kind];
  const below = [...answer.below].sort((a, b) => share(b) - share(a));
  const groups = [["below", below], ["cut", answer.cut], ["unmannered", answer.unmannered], ["unbrought", answer.unbrought]];
  const shown = groups.filter(([, offers]) => offers.length);
  if (!shown.length) return el("p", { className: "hint" }, t("left.none"));
  return el("div", {}, ...shown.map(([why, offers]) => leftGroup(why, offers, context)));
}

function leftGroup(why, offers, context) {
  const rest = offers.length - MOST_LEFT;
  const toggled = (event) => (event.target.open ? closed.delete(why) : closed.add(why));
  return el(
    "details", { ...(closed.has(why) ? {} : { open: "" }), on: { toggle: toggled } },
    el("summary", {}, `${t(`left.${why}`)} (${figure(offers.length)})`),
    el(
      "ul", { className: "lines" },
      ...offers.slice(0, MOST_LEFT).map((offer, _, shown) => leftLine(offer, shown.map(({ product_id }) => product_id), why, context)),
      rest > 0 ? el("li", { className: "hint" }, t("more", { count: figure(rest) })) : null,
    ),
  );
}

function leftLine(offer, ids, why, context) {
  return el(
    "li", { className: "left" },
    el(
      "div", { className: "offer-top" },
      el("p", {}, kindBadge(offer.kind), " ", el("strong", { title: offer.product_id }, ...toldApart(offer.product_id, ids, context.name))),
      verdicts(offer, context),
    ),
    why === "unbrought" ? null : el("p", { className: "reason" }, sentence(offer, context)),
    relevanceBar(offer, context.floors[offer.kind]),
  );
}

/** What moved floors change beside the bundle's own. @param {any} answer @param {Context} context */
export function changesView(answer, context) {
  const ids = (offers) => offers.map((offer) => offer.product_id);
  const [now, usual] = [ids(answer.shown), ids(answer.usual)];
  const fresh = now.filter((id) => !usual.includes(id));
  const gone = usual.filter((id) => !now.includes(id));
  const lines = [...fresh.map((id) => ["new", id]), ...gone.map((id) => ["gone", id])];
  return el(
    "div", { className: "changes" },
    el("h3", {}, t("changes")),
    lines.length
      ? el(
        "ul", { className: "lines" },
        ...lines.map(([how, id]) => el("li", {}, el("span", { className: `mark ${how}` }, t(`changes.${how}`)), " ", context.name(id))),
      )
      : el("p", { className: "hint" }, t("changes.none")),
  );
}

/** What the other bundle shows for the same request. @param {any} answer @param {any[]} others @param {any} model @param {string[]} cart */
export function otherView(answer, others, model, cart) {
  const here = new Set(answer.shown.map((offer) => offer.product_id));
  const isKnown = !cart.length || cart.some((id) => model.names.has(id));
  const line = (offer) =>
    el(
      "li", {}, kindBadge(offer.kind), " ", model.name(offer.product_id), ` ${percent(offer.relevance)} `,
      here.has(offer.product_id) ? el("span", { className: "mark" }, t("other.both")) : null,
    );
  return el(
    "div", { className: "changes" },
    el("h3", {}, t("other", { name: model.title })),
    others.length ? el("ul", { className: "lines" }, ...others.map(line)) : el("p", { className: "hint" }, t(isKnown ? "other.nothing" : "other.unknown")),
  );
}
