/** A bundle that is loaded in a worker, as promises. */

import { addressPlace } from "../client/address.js";
import { readFile, readManifest, readNames } from "../client/bundle/reading.js";
import { ProductIndex, namesInOrder } from "./search.js";

const TEXT = new TextDecoder();

export class Model {
  /** @type {any} */
  patterns = null;
  /** @type {Worker} */
  #worker;
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
  }

  /** Loaded and verified, which is done once. */
  opening() {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open() {
    this.#startWorker();
    const source = await addressPlace(this.address).open();
    const { manifest } = await readManifest(source);
    const [opened] = await Promise.all([
      this.#call("open", { address: this.address, manifest }),
      readFile(source, manifest, "products.json").then((names) => this.#read(names, source.place("products.json"))),
      this.info.patterns ? readFile(source, manifest, "patterns.json").then((rows) => (this.patterns = JSON.parse(TEXT.decode(rows)))) : null,
    ]);
    return Object.assign(this, opened, { manifest });
  }

  #startWorker() {
    this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
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

  /** The names, which the worker does not need. @param {Uint8Array} content @param {string} where */
  #read(content, where) {
    readNames(content, where); // refuses what no bundle may hold
    this.names = namesInOrder(TEXT.decode(content));
    this.index = new ProductIndex(this.names);
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
}
