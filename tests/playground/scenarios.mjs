/** node scenarios.mjs CHROMIUM ADDRESS SCENARIO ARGUMENT: what a page was like, as one JSON object on the last line. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "../../clients/node/node_modules/playwright-core/index.mjs";

const PATIENCE = 240_000;
const axe = readFileSync(createRequire(import.meta.url).resolve("../../clients/node/node_modules/axe-core/axe.min.js"), "utf-8");
const [executablePath, address, scenario, argument] = process.argv.slice(2);

const products = (page) => page.locator("#answer .offer").evaluateAll((cards) => cards.map((card) => card.dataset.product));
const curl = async (page) => {
  await page.check("#code-tabs input[value=curl]");
  return page.locator("#code").textContent();
};

/** Open the page and wait until it has answered. */
async function ready(page) {
  await page.goto(address);
  await page.waitForSelector("body[data-ready]");
}

/** Change something, and wait until the request that is then shown as code has been answered. */
async function answered(page, change) {
  await page.evaluate(() => {
    globalThis.seen = document.querySelector("#answer").firstChild;
  });
  await change();
  await page.waitForFunction(() => document.querySelector("#answer").firstChild !== globalThis.seen);
}

async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

async function add(page, id) {
  await answered(page, async () => {
    await page.fill("#search-cart", id);
    await page.press("#search-cart", "Enter");
  });
}

const SCENARIOS = {
  async smoke(page) {
    await ready(page);
    const title = await page.locator("#bundles").innerText();
    return { products: await products(page), curl: await curl(page), told: await page.locator("#answer").innerText(), title };
  },

  async keyboard(page, { typed }) {
    await ready(page);
    const before = await products(page);
    for (let tabs = 0; tabs < 30; tabs++) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(() => document.activeElement.id === "search-cart")) break;
    }
    await page.keyboard.type(typed);
    const field = page.locator("#search-cart");
    const listed = await page.locator("#search-cart-list [role=option]").allInnerTexts();
    const first = await field.getAttribute("aria-activedescendant");
    await page.keyboard.press("ArrowDown");
    const second = await field.getAttribute("aria-activedescendant");
    const expanded = await field.getAttribute("aria-expanded");
    await answered(page, () => page.keyboard.press("Enter"));
    const cart = await page.locator("#cart li .grow").allInnerTexts();
    const closed = await field.getAttribute("aria-expanded");
    await page.locator("#moments input:checked").focus();
    await answered(page, () => page.keyboard.press("ArrowRight"));
    const held = await page.evaluate(() => document.activeElement.value);
    const request = await curl(page);
    await page.locator("#cart .remove").first().focus();
    await answered(page, () => page.keyboard.press("Enter"));
    const after = await page.evaluate(() => document.activeElement.className);
    return { before, listed, first, second, expanded, closed, cart, held, request, after };
  },

  async accessible(page, { languages }) {
    const found = {};
    for (const [width, height] of [[1440, 1000], [390, 844]])
      for (const colorScheme of ["light", "dark"]) {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme });
        await ready(page);
        found[`${width} ${colorScheme}`] = await violations(page);
        found[`${width} ${colorScheme} is wider`] = await page.evaluate(
          () => (document.documentElement.scrollWidth > document.documentElement.clientWidth ? ["scrolls sideways"] : []),
        );
      }
    await page.fill("#search-cart", "o");
    found.searching = await violations(page);
    await page.keyboard.press("Escape");
    await page.locator("#answer .offer .quiet:not(.verdict)").first().click();
    found.patterns = await violations(page);
    await page.keyboard.press("Escape");
    await answered(page, () => page.locator("#floor-cross-sell").press("Home"));
    found.moved = await violations(page);
    await answered(page, () => page.selectOption("#sample", "0"));
    await page.click("#history-count");
    await page.click("#answer .offer .verdict.must >> nth=0");
    await page.click("#save button");
    found.saved = await violations(page);
    while (await page.locator("#cart .remove").count()) await answered(page, () => page.locator("#cart .remove").first().click());
    await answered(page, () => page.selectOption("#sample", "none"));
    await answered(page, () => page.check("#moments input[value=checkout]"));
    found.empty = await violations(page);
    const said = {};
    for (const language of languages) {
      await answered(page, () => page.selectOption("#language", language));
      found[language] = await violations(page);
      said[language] = await page.locator("#answer h3").first().innerText();
    }
    return { found, said };
  },

  async hostile(page, { names }) {
    await ready(page);
    const shown = {};
    for (const [id, name] of Object.entries(names)) {
      await add(page, id);
      shown[id] = (await page.locator("#cart li .grow").allInnerTexts()).includes(name);
      await page.fill("#search-cart", name);
      shown[`${id} found`] = (await page.locator("#search-cart-list").innerText()).includes(name);
      await page.press("#search-cart", "Escape");
    }
    const alien = await page.locator("main img, main script, main iframe, main b, dialog b").count();
    await page.locator("#answer .quiet:not(.verdict)").first().click();
    return { shown, alien, hit: await page.evaluate(() => globalThis.hit ?? null), title: await page.locator("#patterns-title").innerText() };
  },

  async floors(page, { kind }) {
    await ready(page);
    const told = () => page.locator(`.floor[data-kind=${kind}] .told`).innerText();
    const before = { products: await products(page), told: await told(), left: await page.locator("#left").innerText() };
    await answered(page, () => page.locator(`#floor-${kind}`).press("Home"));
    const low = { products: await products(page), told: await told(), changes: await page.locator("#changes").innerText() };
    await answered(page, () => page.locator(`#floor-${kind}`).press("End"));
    const silent = { products: await products(page), told: await told() };
    await answered(page, () => page.click("#reset"));
    const after = { products: await products(page), told: await told() };
    return { before, low, silent, after, curl: await curl(page) };
  },

  async saved(page) {
    await ready(page);
    const kind = (await page.locator("#answer .offer .kind").first().getAttribute("class")).split(" ")[1];
    await page.locator("#answer .offer .verdict.must").first().click();
    await page.fill("#save-name", "mine");
    await page.click("#save button");
    const [must] = await products(page);
    const state = page.locator("#set li", { hasText: "mine" });
    await page.waitForFunction(() => document.querySelector("#set .verdict-told").textContent !== "");
    const passes = await state.getAttribute("class");
    await ready(page);
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    const written = readFileSync(await download.path(), "utf-8");
    await answered(page, () => page.locator(`#floor-${kind}`).press("End"));
    await page.waitForSelector("#set li.amiss");
    const amiss = await state.innerText();
    const file = (text) => ({ name: "requests.jsonl", mimeType: "application/jsonl", buffer: Buffer.from(text) });
    await page.setInputFiles("#file", file('{"request_id": "other", "cart": []}\n{"cart": 3}\n'));
    await page.waitForFunction(() => document.querySelector("#set-told").textContent !== "");
    const wrong = await page.locator("#set-told").innerText();
    await page.setInputFiles("#file", file('{"request_id": "other", "cart": []}\n'));
    await page.waitForSelector("#set li[data-request=other]");
    return { must, passes, written, amiss, wrong, count: await page.locator("#set li").count() };
  },

  async empty(page, { id }) {
    await ready(page);
    await answered(page, () => page.locator("#cart .remove").first().click());
    await add(page, id);
    await answered(page, () => page.check("#moments input[value=checkout]"));
    return { told: await page.locator("#answer").innerText(), curl: await curl(page), cart: await page.locator("#cart").innerText() };
  },

  async offline(page) {
    await ready(page);
    await page.context().setOffline(true);
    await answered(page, () => page.check("#moments input[value=cart]"));
    return { products: await products(page), curl: await curl(page) };
  },

  async two(page) {
    await ready(page);
    await page.waitForFunction(() => document.querySelector("#other").textContent !== "");
    const other = await page.locator("#other").innerText();
    const first = { products: await products(page), took: await page.locator("#took").innerText() };
    await answered(page, () => page.check("#bundles input[value='1']"));
    return { other, first, second: await products(page), curl: await curl(page), names: await page.locator("#bundles").innerText() };
  },

  async refused(page) {
    await page.goto(address);
    await page.waitForSelector(".failed");
    return { told: await page.locator(".failed").innerText() };
  },
};

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const { password } = JSON.parse(argument);
const page = await browser.newPage({ locale: "en-GB", ...(password ? { httpCredentials: { username: "anyone", password } } : {}) });
page.setDefaultTimeout(PATIENCE);
const [noise, foreign] = [[], []];
page.on("console", (message) => ["error", "warning"].includes(message.type()) && noise.push(message.text()));
page.on("pageerror", (error) => noise.push(String(error)));
page.on("dialog", (dialog) => {
  noise.push(`dialog: ${dialog.message()}`);
  dialog.dismiss();
});
page.on("request", (request) => /^(blob|data):/.test(request.url()) || request.url().startsWith(address) || foreign.push(request.url()));
const result = await SCENARIOS[scenario](page, JSON.parse(argument));
await browser.close();
console.log(JSON.stringify({ ...result, noise, foreign }));
