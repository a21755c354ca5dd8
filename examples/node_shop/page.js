/** The page of a cart: what is in it, what goes with it, and an upsell side by side with what it would replace. */

import { reasonText } from "mersalg";

const ESCAPED = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text as HTML. @param {string} text */
const html = (text) => text.replace(/[&<>"']/g, (character) => ESCAPED[character]);
/** @param {number} price */
const money = (price) => `€ ${price.toFixed(2)}`;
/** The address of a cart. @param {string[]} cart */
const link = (cart) => html(`/?cart=${cart.map(encodeURIComponent).join(",")}`);

/**
 * @param {string[]} cart product ids
 * @param {import("mersalg").Offer[]} offers best first
 * @param {Map<string, {id: string, name: string, price: number}>} products
 */
export function cartPage(cart, offers, products) {
  const lines = cart.map((id) => products.get(id));
  const total = lines.reduce((sum, line) => sum + line.price, 0);
  const beside = offers.map((offer) => (isUpsell(offer, cart) ? compared : card)(offer, cart, products));
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Corner shop</title>
<link rel="stylesheet" href="/style.css">
<header><h1>Corner shop</h1></header>
<main>
  <section class="cart">
    <h2>Your cart</h2>
    ${lines.length ? "" : "<p>It is empty.</p>"}
    <ul>${lines.map((line) => row(line, cart)).join("")}</ul>
    <p class="total"><span>Total</span> <span>${money(total)}</span></p>
  </section>
  ${beside.length ? `<aside class="offers"><h2>Goes with it</h2>${beside.join("")}</aside>` : ""}
  <section class="products">
    <h2>All products</h2>
    <ul>${[...products.values()].map((product) => choice(product, cart)).join("")}</ul>
  </section>
</main>
</html>
`;
}

/** An upsell is shown beside its anchor only while the anchor is in the cart. */
const isUpsell = (offer, cart) => offer.kind === "upsell" && cart.includes(offer.because);

/** A line of the cart. */
function row(line, cart) {
  const without = link(cart.filter((id) => id !== line.id));
  return `<li><span>${html(line.name)}</span> <span>${money(line.price)}</span>
    <a href="${without}" aria-label="Take ${html(line.name)} out">Remove</a></li>`;
}

/** A product of the shop. */
function choice(product, cart) {
  return `<li><a href="${link([...cart, product.id])}">${html(product.name)}</a> <span>${money(product.price)}</span></li>`;
}

/** Why an offer is made, with the shop's names. */
const reason = (offer, products) => html(reasonText(offer, (id) => products.get(id)?.name ?? id, "en"));

/** What goes with the cart. */
function card(offer, cart, products) {
  const { id, name, price } = products.get(offer.product_id);
  return `<article class="offer">
  <h3>${html(name)}</h3>
  <p class="price">${money(price)}</p>
  <p class="reason">${reason(offer, products)}</p>
  <a class="take" href="${link([...cart, id])}">Add</a>
</article>`;
}

/** A better product side by side with the one of the cart whose place it would take. */
function compared(offer, cart, products) {
  const [anchor, better] = [products.get(offer.because), products.get(offer.product_id)];
  const swapped = cart.map((id) => (id === anchor.id ? better.id : id));
  const more = better.price - anchor.price;
  const facts = offer.better.map((fact) => `<li>${html(fact)}</li>`).join("");
  return `<article class="offer pair" aria-label="Choose between ${html(anchor.name)} and ${html(better.name)}">
  <div class="anchor"><p class="tag">In your cart</p><h3>${html(anchor.name)}</h3>
    <p class="price">${money(anchor.price)}</p><p>Stays if you do nothing.</p></div>
  <div class="better"><p class="tag">For ${money(Math.abs(more))} ${more < 0 ? "less" : "more"}</p><h3>${html(better.name)}</h3>
    <p class="price">${money(better.price)}</p><ul>${facts}</ul>
    <a class="take" href="${link(swapped)}">Take it instead</a></div>
</article>`;
}
