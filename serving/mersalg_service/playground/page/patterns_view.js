/** What the purchases say of one product: what it goes with, its ladder, its rhythm. */

import { el } from "./dom.js";
import { toldApart } from "./offers.js";
import { figure, t } from "./texts.js";

const MOST = 12;

/** @param {any} model @param {string} id @param {(id: string) => void} follow opens another product */
export function patternsView(model, id, follow) {
  const { patterns } = model;
  if (patterns === null) return [el("p", {}, t("patterns.absent"))];
  const with_ = (rows) => rows.filter((row) => row.anchor === id);
  const pair = (row) => t("patterns.pair", { times: figure(row.lift, 1), customers: figure(row.customers) });
  const step = (row) => t("patterns.switch", { ratio: figure(row.price_ratio, 2), customers: figure(row.customers) });
  const rhythm = patterns.rhythms.filter((row) => row.product === id);
  const every = (row) => t("patterns.every", { days: figure(row.interval_days), count: figure(row.intervals) });
  const parts = [
    section("goes", with_(patterns.pairs), (row) => [row.product, pair(row)]),
    section("adds", with_(patterns.add_ons), (row) => [row.product, pair(row)]),
    section("up", with_(patterns.ladders), (row) => [row.product, step(row)]),
    section("down", patterns.ladders.filter((row) => row.product === id), (row) => [row.anchor, step(row)]),
    ...rhythm.map((row) => el("section", {}, el("h3", {}, t("patterns.rhythm")), el("p", {}, every(row)))),
  ].filter((part) => part !== null);
  return parts.length ? parts : [el("p", {}, t("patterns.none"))];

  function section(what, rows, told) {
    if (!rows.length) return null;
    const line = ([product, text], _, lines) =>
      el(
        "li", {},
        el(
          "button", { type: "button", className: "link", on: { click: () => follow(product) } },
          ...toldApart(product, lines.map(([id]) => id), model.name),
        ),
        el("span", { className: "hint" }, ` ${text}`),
      );
    const rest = rows.length - MOST;
    return el(
      "section", {},
      el("h3", {}, t(`patterns.${what}`)),
      el(
        "ul", { className: "lines" }, ...rows.slice(0, MOST).map(told).map(line),
        rest > 0 ? el("li", { className: "hint" }, t("more", { count: figure(rest) })) : null,
      ),
    );
  }
}
