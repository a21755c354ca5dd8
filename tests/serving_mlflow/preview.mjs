/** node preview.mjs CHROMIUM URL PNG: what MLflow's own page shows of an HTML artifact, as one JSON object on the last line. */

import { chromium } from "../../clients/node/node_modules/playwright-core/index.mjs";

const PATIENCE = 240_000;
const [executablePath, url, picture] = process.argv.slice(2);

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-quic"] });
const page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
page.setDefaultTimeout(PATIENCE);
const errors = [];
page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
page.on("pageerror", (error) => errors.push(String(error)));
try {
  await page.goto(url);
  const frame = page.frameLocator("iframe").first();
  await frame.locator("h1").waitFor({ state: "visible" });
  const seen = await frame.locator("article").first().isVisible();
  const box = await page.locator("iframe").first().boundingBox();
  const told = {
    seen,
    box,
    sandbox: await page.locator("iframe").first().getAttribute("sandbox"),
    heading: await frame.locator("h1").innerText(),
    text: await frame.locator("main").innerText(),
    styled: await frame.locator("article").first().evaluate((article) => getComputedStyle(article.parentElement).display),
    errors,
  };
  await page.screenshot({ path: picture });
  console.log(JSON.stringify(told));
} catch (error) {
  await page.screenshot({ path: picture });
  throw new Error(`${error}\n${errors.join("\n")}\n${(await page.locator("body").innerText()).slice(0, 2000)}`);
} finally {
  await browser.close();
}
