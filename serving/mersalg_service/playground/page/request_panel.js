/** The request: moment, cart, history and limit. */

import { MOMENTS } from "../client/names.js";
import { productSearch } from "./combobox.js";
import { button, byId, el } from "./dom.js";
import { daysBefore, firstToTry, lineOf, productsToTry, sampleCustomers, timeText } from "./samples.js";
import { figure, t } from "./texts.js";

const LIMIT = 3;
const MAX_LIMIT = 20;
const NOBODY = "none";
const AS_TYPED = "own";

export class RequestPanel {
  moment = MOMENTS[0];
  /** @type {string[]} */
  cart = [];
  /** @type {import("./samples.js").Line[]} */
  history = [];
  limit = LIMIT;
  at = timeText();
  /** Fields of an opened request that the page does not show. @type {Record<string, unknown>} */
  #rest = {};
  #sample = NOBODY;
  /** @type {string[]} */
  #tries = [];

  /** @param {{model: () => any, changed: () => void, said: (text: string) => void}} page */
  constructor(page) {
    this.page = page;
    byId("limit").addEventListener("input", () => this.#setLimit(byId("limit").valueAsNumber));
    byId("sample").addEventListener("change", () => this.#choose(byId("sample").value));
  }

  /** Begin with a product that sees offers. */
  async begin() {
    this.cart = await firstToTry(this.page.model(), this.at);
  }

  /** Look for more products to try, while the page is in use already. */
  async findTries() {
    const model = this.page.model();
    const tries = await productsToTry(model, this.at);
    if (model === this.page.model()) this.#tries = tries;
    this.#showTries();
  }

  /** The request as every reader of requests takes it. */
  request() {
    const { at, moment, limit } = this;
    const history = this.history.map(({ id, days, quantity }) => ({ product_id: id, ordered_at: daysBefore(at, days), quantity }));
    return { cart: [...this.cart], ...(history.length ? { history } : {}), moment, at, limit, ...this.#rest };
  }

  /** Take over a saved request. @param {any} saved */
  open(saved) {
    const { request_id: _, cart, history, moment, at, limit, ...rest } = saved;
    this.at = at ?? timeText();
    this.moment = moment ?? "cart";
    this.limit = limit ?? LIMIT;
    this.cart = [...new Set(cart)];
    this.history = (history ?? []).map((line) => lineOf(line, this.at));
    this.#rest = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null));
    this.#sample = this.history.length ? AS_TYPED : NOBODY;
    this.#changed();
  }

  /** @param {string} moment */
  setMoment(moment) {
    this.moment = moment;
    if (this.page.model().own === undefined) this.showSearch(); // the bundle is still on its way, and will be asked this
    else this.#changed();
  }

  /** @param {string} id */
  add(id) {
    if (!this.cart.includes(id)) this.cart.push(id);
    this.#changed();
    this.page.said(t("added", { name: this.page.model().name(id) }));
  }

  #setLimit(limit) {
    if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) return;
    this.limit = limit;
    this.page.changed();
  }

  #changed() {
    this.show();
    this.page.changed();
  }

  #remove(id) {
    const place = this.cart.indexOf(id);
    this.cart.splice(place, 1);
    this.#changed();
    const left = byId("cart").querySelectorAll("button.remove");
    (left[Math.min(place, left.length - 1)] ?? byId("search-cart")).focus();
  }

  #choose(value) {
    this.#sample = value;
    if (value !== AS_TYPED) this.history = value === NOBODY ? [] : this.#customers()[Number(value)].lines.map((line) => ({ ...line }));
    this.#changed();
  }

  #customers() {
    return sampleCustomers(this.page.model().samples, this.page.model().patterns);
  }

  show() {
    byId("limit").value = String(this.limit);
    this.showSearch();
    this.#showSearch("search-history", "history", (id) => {
      this.#sample = AS_TYPED;
      this.history.unshift({ id, days: 30, quantity: 1 });
      this.#changed();
      byId("history").querySelector("input")?.focus();
    });
    byId("cart").replaceChildren(...this.cart.map((id) => this.#cartLine(id)));
    this.#showTries();
    this.#showHistory();
  }

  /** The field that fills the cart; while the bundle is loaded it takes what is typed, and finds nothing yet. */
  showSearch() {
    byId("cart-title").textContent = t(`cart.${this.moment}`);
    this.#showSearch("search-cart", "cart", (id) => this.add(id));
  }

  #showTries() {
    const tries = this.#tries.filter((id) => !this.cart.includes(id) && this.page.model().names.has(id));
    byId("tries").replaceChildren(
      ...(tries.length ? [`${t("tries")}: `] : []),
      ...tries.map((id) => button(this.page.model().name(id), () => this.#try(id), { className: "chip" })),
    );
  }

  /** A product to try takes the place of the whole cart. @param {string} id */
  #try(id) {
    this.cart = [id];
    this.#rest = {};
    this.#changed();
    byId("search-cart").focus();
    byId("search-cart").blur();
  }

  /** The search fields are made once for each language; what is typed in them stays. */
  #showSearch(id, what, chosen) {
    const label = t(`search.${what}`);
    if (byId(id)?.placeholder === label) return;
    byId(`${what}-search`).replaceChildren(
      productSearch({
        id, label, chosen, index: () => this.page.model().index, name: (product) => this.page.model().name(product),
        more: (shown, count) => t("search.more", { shown: figure(shown), count: figure(count) }),
        byId: (product) => t("search.id", { id: product }),
      }),
    );
  }

  #cartLine(id) {
    const { names } = this.page.model();
    return el(
      "li", {},
      el("span", { className: "grow" }, this.page.model().name(id), names.has(id) ? null : el("small", {}, ` ${t("unknown")}`)),
      this.#removeButton(id, () => this.#remove(id)),
    );
  }

  #removeButton(id, pressed) {
    const label = t("remove", { name: this.page.model().name(id) });
    return button("×", pressed, { className: "remove quiet", "aria-label": label, title: label });
  }

  #showHistory() {
    const words = [
      [NOBODY, t("sample.none")],
      ...this.#customers().map(({ sort, number, lines }, place) => [
        String(place), t(`sample.${sort}`, { number, count: figure(lines.length) }),
      ]),
      [AS_TYPED, t("sample.own")],
    ];
    byId("sample").replaceChildren(...words.map(([value, word]) => el("option", { value }, word)));
    byId("sample").value = this.#sample;
    byId("history-count").textContent = t("history.count", { count: figure(this.history.length) });
    byId("history").replaceChildren(...this.history.map((line, place) => this.#historyLine(line, place)));
  }

  #historyLine(line, place) {
    const name = this.page.model().name(line.id);
    const days = el("input", {
      type: "number", min: "0", value: String(Math.round(line.days)), "aria-label": `${name}: ${t("history.days")}`,
      on: {
        change: () => {
          line.days = Math.max(0, Math.round(days.valueAsNumber || 0));
          byId("sample").value = this.#sample = AS_TYPED;
          this.page.changed();
        },
      },
    });
    const remove = () => {
      this.history.splice(place, 1);
      this.#sample = this.history.length ? AS_TYPED : NOBODY;
      this.#changed();
      byId("search-history").focus();
      byId("search-history").blur();
    };
    return el("li", {}, el("span", { className: "grow" }, name), days, ` ${t("history.days")} `, this.#removeButton(line.id, remove));
  }
}
