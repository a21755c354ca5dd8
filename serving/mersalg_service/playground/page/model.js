/** A bundle that is loaded in a worker, as promises. */

import { ProductIndex, readNames } from "./search.js";

export class Model {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #waiting = new Map();
  #last = 0;

  /** @type {Promise<this> | null} */
  #opening = null;

  /**
   * @param {{address: string, name: string, folder: string, created_at: string, patterns: boolean}} info
   * @param {{name: string, folder: string}[]} all
   * @param {number} place among all
   */
  constructor(info, all, place) {
    this.info = info;
    /** Its name, or what tells it from another of the same name. */
    this.title = new Set(all.map(({ name }) => name)).size === all.length ? info.name : `${info.folder} ${place + 1}`;
    this.address = new URL(info.address, document.baseURI).href;
    this.#worker.addEventListener("message", ({ data }) => {
      const { resolve, reject } = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if (data.error === undefined) resolve(data.result);
      else reject(new Error(data.error));
    });
    this.#worker.addEventListener("error", (event) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(event.message || "the worker ended"));
    });
  }

  /** Loaded and verified, which is done once. */
  opening() {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open() {
    const [opened, names, patterns] = await Promise.all([
      this.#call("open", this.address),
      this.#text("products.json").then(readNames),
      this.info.patterns ? this.#text("patterns.json").then(JSON.parse) : null,
    ]);
    this.names = names;
    this.index = new ProductIndex(names);
    this.patterns = patterns;
    Object.assign(this, opened);
    return this;
  }

  /** A product's name, or its id. @param {string} id */
  name = (id) => this.names.get(id) ?? id;

  /** @param {object} request @param {Record<string, number>} floors */
  answer(request, floors) {
    return this.#call("answer", { request, floors });
  }

  /** Products and kinds shown to each request. @param {object[]} requests @param {Record<string, number>} floors */
  shown(requests, floors) {
    return this.#call("judge", { requests, floors });
  }

  #call(call, argument) {
    const id = (this.#last += 1);
    const result = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#worker.postMessage({ id, call, argument });
    return result;
  }

  async #text(name) {
    const response = await fetch(new URL(name, this.address));
    if (!response.ok) throw new Error(`${response.url}: HTTP status ${response.status}`);
    return response.text();
  }
}
