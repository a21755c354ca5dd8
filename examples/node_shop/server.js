/** A shop with offers beside the cart: `node server.js`. The cart is in the address, so that nothing has to be kept. */

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

import { load, MersalgError } from "mersalg";

import { cartPage } from "./page.js";

const { BUNDLE = "../corner_shop/bundle", PRODUCTS = "../corner_shop/products.csv", PORT = "3000" } = process.env;
const POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

const recommender = await load(BUNDLE);
const products = readProducts(await readFile(PRODUCTS, "utf8"));
const style = await readFile(new URL("style.css", import.meta.url));

/** Product id -> id, name and price, of a CSV whose fields hold no comma. @param {string} text */
function readProducts(text) {
  const [head, ...rows] = text.trim().split(/\r?\n/).map((line) => line.split(","));
  const all = rows.map((row) => Object.fromEntries(row.map((value, column) => [head[column], value])));
  return new Map(all.map(({ product_id, name, price }) => [product_id, { id: product_id, name, price: Number(price) }]));
}

/** The offers beside a cart, of products that the shop sells; none where they fail, for a page never fails for them. */
async function offersFor(cart) {
  try {
    const offers = await recommender.recommend({ cart, moment: "cart", limit: 3 });
    return offers.items.filter((offer) => products.has(offer.product_id));
  } catch (error) {
    if (!(error instanceof MersalgError)) throw error;
    console.error("no offers:", error.message);
    return [];
  }
}

/** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
async function answer(request, response) {
  const address = new URL(request.url, "http://shop");
  if (address.pathname === "/style.css") return response.writeHead(200, { "Content-Type": "text/css" }).end(style);
  if (address.pathname !== "/") return response.writeHead(404).end();
  const wanted = (address.searchParams.get("cart") ?? "").split(",");
  const cart = [...new Set(wanted)].filter((id) => products.has(id));
  const page = cartPage(cart, cart.length ? await offersFor(cart) : [], products);
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY }).end(page);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
