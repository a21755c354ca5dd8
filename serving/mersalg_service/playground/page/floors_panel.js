/** A slider for the floor of each kind, what was measured there, and what the certificate says of it. */

import { byId, drawn, el } from "./dom.js";
import { floorText } from "./offers.js";
import { placeOf, relevanceAt } from "./scale.js";
import { figure, percent, t } from "./texts.js";

const STEPS = 300;
const [WIDTH, HEIGHT, LEFT, BELOW] = [300, 110, 34, 16];
const LINES = [0.01, 0.1, 0.5, 1];
const TICKS = [0.001, 0.01, 0.1, 1];
const SILENT = 2;

/**
 * @param {any} model
 * @param {Record<string, number>} floors
 * @param {ReadonlySet<string>} asked kinds of the moment
 * @param {(kind: string, floor: number) => void} moved
 */
export function floorsView(model, floors, asked, moved) {
  if (!model.canMove) return [el("p", { className: "hint" }, t("floors.fixed"))];
  return Object.keys(floors).map((kind) => floorRow(model, kind, floors[kind], asked.has(kind), moved));
}

function floorRow(model, kind, floor, isAsked, moved) {
  const id = `floor-${kind}`;
  const slider = el("input", {
    id, type: "range", min: "0", max: String(STEPS), step: "1", "aria-describedby": `${id}-told`,
    on: { input: () => moved(kind, floorAt(Number(slider.value), model.own[kind])) },
  });
  const row = el(
    "div", { className: isAsked ? "floor" : "floor unasked", "data-kind": kind },
    el(
      "p", { className: "heading" },
      el("label", { for: id }, el("span", { className: `kind ${kind}` }, t(`kind.${kind}`))),
      el("output", { for: id }),
    ),
    slider,
    el("div", { className: "told", id: `${id}-told` }),
  );
  describe(row, model, kind, floor, isAsked);
  return row;
}

/** The floor of a step of the slider; the bundle's own where the step is nearest to it. */
function floorAt(step, own) {
  if (step === stepOf(own)) return own;
  return step === STEPS ? SILENT : Math.fround(Number(relevanceAt(step / STEPS).toPrecision(3)));
}

function stepOf(floor) {
  return floor > 1 ? STEPS : Math.min(STEPS - 1, Math.round(STEPS * placeOf(floor)));
}

/** Say of each kind what holds at its floor; the sliders stay, so that the one in hand is not lost. */
export function describeFloors(model, floors, asked) {
  for (const row of byId("floors").querySelectorAll(".floor"))
    describe(row, model, row.dataset.kind, floors[row.dataset.kind], asked.has(row.dataset.kind));
}

function describe(row, model, kind, floor, isAsked) {
  const own = model.own[kind];
  const slider = row.querySelector("input");
  const value = floor === own ? floorText(floor) : `${floorText(floor)} (${t("floors.reset").toLowerCase()}: ${floorText(own)})`;
  slider.value = String(stepOf(floor));
  slider.setAttribute("aria-valuetext", value);
  row.classList.toggle("unasked", !isAsked);
  row.classList.toggle("moved", floor !== own);
  row.querySelector("output").textContent = isAsked ? value : `${value} · ${t("floors.not-now")}`;
  const rows = model.manifest.kinds[kind].tradeoffs ?? [];
  const tradeoffs = rows.filter(({ precision, coverage }) => precision !== null && coverage !== null);
  const measured = floor > 1 || !tradeoffs.length ? null : measuredAt(tradeoffs, floor);
  row.querySelector(".told").replaceChildren(
    ...(tradeoffs.length ? [curve(tradeoffs, floor, own)] : []),
    ...(measured === null ? [] : [el("p", {}, measured)]),
    ...certificate(model.manifest, kind, floor, own),
  );
}

/** What was measured about a floor: on a straight line between two measured thresholds. */
function measuredAt(tradeoffs, floor) {
  const place = tradeoffs.findIndex(({ threshold }) => threshold >= floor);
  const after = tradeoffs[place === -1 ? tradeoffs.length - 1 : place];
  const before = tradeoffs[place > 0 ? place - 1 : place === 0 ? 0 : tradeoffs.length - 1];
  const [from, to] = [placeOf(before.threshold), placeOf(after.threshold)];
  const share = to === from ? 1 : Math.min(1, Math.max(0, (placeOf(floor) - from) / (to - from)));
  const between = (key) => before[key] + share * (after[key] - before[key]);
  return t("floors.measured", {
    precision: percent(between("precision")), coverage: percent(between("coverage")), offers: figure(between("offers")),
  });
}

function certificate(manifest, kind, floor, own) {
  const proved = manifest.certificates.find((one) => one.kind === kind);
  if (floor > 1) return [el("p", { className: "cert" }, t("cert.silent"))];
  if (proved === undefined) return [el("p", { className: "cert" }, t("cert.none"))];
  if (floor === own)
    return [
      el("p", { className: "cert holds" }, t("cert.holds", {
        precision: percent(proved.precision), confidence: percent(proved.confidence), n: figure(proved.n),
        from: proved.from.slice(0, 10), to: proved.to.slice(0, 10),
      })),
    ];
  const words = { threshold: floorText(proved.threshold) };
  const goal = `--set thresholds.${kind}.precision=${Number(floor.toPrecision(3))}`;
  return [
    el("p", { className: `cert ${floor > own ? "above" : "lost"}` }, t(floor > own ? "cert.above" : "cert.below", words)),
    el("code", {}, goal),
  ];
}

/** Share bought and share of requests that see one, by floor; the upright lines are the floor and the bundle's own. */
function curve(tradeoffs, floor, own) {
  const x = (threshold) => LEFT + placeOf(threshold) * (WIDTH - LEFT - 6);
  const y = (share) => (HEIGHT - BELOW) * (1 - 0.94 * Math.sqrt(share));
  const path = (key) => tradeoffs.map((row, i) => `${i ? "L" : "M"}${x(row.threshold).toFixed(1)},${y(row[key]).toFixed(1)}`).join("");
  const label = `${t("floors.curve.precision")}, ${t("floors.curve.coverage")}`;
  const upright = (at, name) => drawn("line", { x1: x(at), x2: x(at), y1: 0, y2: HEIGHT - BELOW, class: name });
  return el(
    "figure", {},
    drawn(
      "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
      ...LINES.flatMap((share) => [
        drawn("line", { x1: LEFT, x2: WIDTH, y1: y(share), y2: y(share), class: "grid" }),
        drawn("text", { x: LEFT - 4, y: y(share) + 3, "text-anchor": "end" }, percent(share)),
      ]),
      ...TICKS.map((at) => drawn("text", { x: Math.min(x(at), WIDTH - 14), y: HEIGHT - 4, "text-anchor": "middle" }, percent(at))),
      drawn("path", { d: path("coverage"), class: "coverage" }),
      drawn("path", { d: path("precision"), class: "precision" }),
      ...(own > 1 ? [] : [upright(own, "own")]),
      ...(floor > 1 ? [] : [upright(floor, "now")]),
    ),
    el(
      "figcaption", {},
      el("span", { className: "key precision" }, t("floors.curve.precision")),
      el("span", { className: "key coverage" }, t("floors.curve.coverage")),
    ),
  );
}
