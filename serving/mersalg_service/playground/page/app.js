/** The page: a request on the left, its answer in the middle, the floors on the right. */

import { KINDS_BY_MOMENT, MOMENTS } from "../client/names.js";
import { byId, el, keepingFocus, radios } from "./dom.js";
import { describeFloors, floorsView } from "./floors_panel.js";
import { Model } from "./model.js";
import { answerView, changesView, leftView, otherView } from "./offers.js";
import { patternsView } from "./patterns_view.js";
import { RequestPanel } from "./request_panel.js";
import { SavedPanel } from "./saved_panel.js";
import { SNIPPETS } from "./snippets.js";
import { keep, kept } from "./storage.js";
import { LANGUAGES, figure, sayAll, speak, spoken, t } from "./texts.js";

/** @type {Model[]} */
const models = [];
let current = 0;
/** @type {Record<string, number>} */
let floors = {};
/** @type {Map<string, string>} */
let verdicts = new Map();
/** @type {any} */
let answer = null;
let snippet = Object.keys(SNIPPETS)[0];
let [isAsking, isAsked] = [false, false];

const model = () => models[current];
const request = new RequestPanel({ model, changed: requestChanged, said });
const saved = new SavedPanel({
  model, floors: () => floors, request: () => request.request(), verdicts: () => verdicts,
  open(one) {
    verdicts = one.verdicts;
    request.open(one.request);
  },
});

function context() {
  return {
    name: model().name, floors, verdicts, isEmpty: !request.cart.length && !request.history.length, canMove: model().canMove, judge, showPatterns,
    take: (id) => request.add(id),
    moveFloor(kind, floor) {
      byId(`floor-${kind}`).focus();
      moveFloor(kind, floor);
    },
  };
}

function requestChanged() {
  showMoment();
  ask();
}

function showMoment() {
  const words = MOMENTS.map((value) => ({ value, word: t(`moment.${value}`) }));
  radios(byId("moments"), "moment", words, request.moment, (value) => request.setMoment(value));
}

/** Ask the graph and show the answer; while it is at work, the latest question alone waits. */
async function ask() {
  showCode(request.request());
  describeFloors(model(), floors, new Set(KINDS_BY_MOMENT.get(request.moment)));
  isAsked = true;
  if (isAsking) return;
  isAsking = true;
  while (isAsked) {
    isAsked = false;
    await askOnce(model(), request.request()).catch(fail);
  }
  isAsking = false;
}

/** @param {any} of the bundle that is asked @param {any} question */
async function askOnce(of, question) {
  const given = await of.answer(question, floors);
  if (of !== model()) return;
  answer = given;
  keepingFocus([byId("answer"), byId("left")], show, byId("answer-title"));
  if (!isAsked) await compare(question);
  if (!isAsked) await saved.judge();
}

function show() {
  byId("answer").replaceChildren(answerView(answer, context()));
  byId("left").replaceChildren(leftView(answer, context()));
  const isMoved = Object.entries(floors).some(([kind, floor]) => floor !== model().own[kind]);
  byId("changes").replaceChildren(...(isMoved ? [changesView(answer, context())] : []));
  byId("reset").hidden = !isMoved;
  byId("took").textContent = t("took", { ms: figure(answer.milliseconds.shown, 1) });
  byId("told").textContent = answer.shown.length ? t("told", { count: answer.shown.length }) : t("empty.title");
}

/** What the other bundle shows at its own floors, once it is loaded. */
async function compare(question) {
  const other = models[1 - current];
  if (other?.own === undefined) return byId("other").replaceChildren();
  const given = await other.answer(question, other.own);
  byId("other").replaceChildren(otherView(answer, given.shown, other, question.cart));
}

function judge(id, verdict) {
  if (verdicts.get(id) === verdict) verdicts.delete(id);
  else verdicts.set(id, verdict);
  keepingFocus([byId("answer"), byId("left")], show, byId("answer-title"));
}

function moveFloor(kind, floor) {
  floors = { ...floors, [kind]: Math.fround(floor) };
  ask();
}

function showFloors() {
  floors = { ...model().own };
  byId("floors").replaceChildren(...floorsView(model(), floors, new Set(KINDS_BY_MOMENT.get(request.moment)), moveFloor));
}

function showPatterns(id) {
  byId("patterns-title").textContent = t("patterns.of", { name: model().name(id) });
  byId("patterns-body").replaceChildren(...patternsView(model(), id, showPatterns));
  if (!byId("patterns").open) byId("patterns").showModal();
  byId("patterns-close").focus();
}

function showCode(question) {
  const words = Object.keys(SNIPPETS).map((value) => ({ value, word: value }));
  radios(byId("code-tabs"), "code", words, snippet, (value) => {
    snippet = value;
    byId("code").textContent = SNIPPETS[snippet](request.request(), model().info.folder);
  });
  byId("code").textContent = SNIPPETS[snippet](question, model().info.folder);
}

async function copyCode() {
  getSelection().selectAllChildren(byId("code"));
  try {
    await navigator.clipboard.writeText(byId("code").textContent);
  } catch {
    return; // the browser forbids it; the code is selected, for the keys that copy
  }
  byId("copy").textContent = t("copied");
  said(t("copied"));
}

function said(text) {
  byId("told").textContent = text;
}

function fail(error) {
  byId("answer").replaceChildren(
    el("div", { className: "empty failed", role: "alert" }, el("h3", {}, t("failed")), el("p", {}, error.message)),
  );
}

function showBundles() {
  const words = models.map((one, place) => ({ value: String(place), word: one.title }));
  radios(byId("bundles"), "bundle", words, String(current), (value) => choose(Number(value)));
  byId("bundles").setAttribute("role", models.length > 1 ? "radiogroup" : "group");
  byId("bundles").setAttribute("aria-label", t("bundle"));
}

/** Switch to a bundle, which is loaded where it is not yet. @param {number} place */
async function choose(place) {
  current = place;
  if (model().own === undefined) byId("answer").replaceChildren(loading());
  try {
    await model().opening();
  } catch (error) {
    return fail(error);
  }
  if (place !== current) return;
  showAll();
  await ask();
  await request.findTries();
}

function loading() {
  return el("div", { className: "loading", role: "status" }, t("loading", { name: model().title }));
}

function showAll() {
  sayAll(document);
  document.body.dataset.shown = "true";
  showBundles();
  showMoment();
  showFloors();
  request.show();
  saved.show();
  showTheme(kept("theme", null));
}

/** @param {string | null} theme null for that of the system */
function showTheme(theme) {
  const isDark = theme === "dark" || (theme === null && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  byId("theme").textContent = t(isDark ? "light" : "dark");
}

function listen() {
  byId("theme").addEventListener("click", () => {
    keep("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    showTheme(kept("theme", null));
  });
  byId("reset").addEventListener("click", () => {
    showFloors();
    ask();
    byId("floors").querySelector("input")?.focus();
  });
  byId("copy").addEventListener("click", copyCode);
  byId("patterns-close").addEventListener("click", () => byId("patterns").close());
  byId("language").addEventListener("change", async () => {
    speak(byId("language").value);
    keep("language", spoken());
    const moved = floors;
    showAll();
    floors = moved;
    await ask();
  });
}

function languageOf(browser) {
  const language = browser.slice(0, 2).replace(/^(nb|nn)$/, "no");
  return Object.hasOwn(LANGUAGES, language) ? language : "en";
}

async function start() {
  speak(kept("language", languageOf(navigator.language)));
  byId("language").replaceChildren(...Object.entries(LANGUAGES).map(([value, word]) => el("option", { value }, word)));
  byId("language").value = spoken();
  sayAll(document);
  showTheme(kept("theme", null));
  listen();
  const { bundles } = await (await fetch("playground.json")).json();
  models.push(...bundles.map((info, place) => new Model(info, bundles, place)));
  showBundles();
  showMoment();
  request.showSearch();
  byId("answer").replaceChildren(loading());
  await model().opening();
  await request.begin();
  showAll();
  await ask();
  document.body.dataset.ready = "true";
  if (models.length > 1) {
    await models[1].opening();
    await ask();
  }
  await request.findTries();
}

start().catch(fail);
