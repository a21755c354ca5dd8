/** A loaded bundle that answers requests. */

import { readBundle } from "./bundle/reading.js";
import { readCustomer } from "./customer.js";
import { encode } from "./encode.js";
import { BundleError, MersalgError, RequestError, shown } from "./errors.js";
import { KINDS } from "./names.js";
import { answerWithoutGraph, readAnswer } from "./offers.js";
import { readRequest } from "./request.js";
import { Session } from "./session.js";
import { isObject } from "./values.js";

/**
 * @typedef {import("../index.js").Request} Request
 * @typedef {import("./bundle/reading.js").Bundle} Bundle
 * @typedef {import("./request.js").Checked} Checked
 */

/** Largest difference of a golden offer's relevance. */
const GOLDEN_TOLERANCE = 1e-4;
/** Of all golden requests together; looked at after each. */
const MAX_GOLDEN_SECONDS = 60;

/**
 * A recommender from the files of a bundle, verified, opened and tried on its golden requests.
 * @param {import("./bundle/reading.js").Place} place
 * @param {import("./session.js").Runtime} runtime
 * @param {number} threads
 * @param {import("./bundle/signature.js").PublicKey | null} publicKey
 */
export async function open(place, runtime, threads, publicKey) {
  const bundle = await readBundle(place, publicKey);
  const { source } = bundle;
  const session = await Session.open(runtime, bundle.scorer, source.place("scorer.onnx"), threads);
  const recommender = new Recommender(bundle, session);
  try {
    await checkGolden(recommender, bundle, source.place("golden.json"));
  } catch (error) {
    await session.close();
    throw error;
  }
  return recommender;
}

/** Answers requests with offers. Holds nothing about a request. */
export class Recommender {
  #session;

  /** @param {Bundle} bundle @param {Session} session */
  constructor(bundle, session) {
    this.manifest = bundle.manifest;
    /** Product id -> name. */
    this.names = bundle.names;
    this.silent = KINDS.map((kind) => bundle.manifest.kinds[kind].threshold === null);
    this.#session = session;
  }

  /**
   * Who bought these lines: `recommend({cart, customer})` answers as for the history, and need not read it.
   * @param {Iterable<import("../index.js").HistoryLine>} history
   */
  customer(history) {
    return readCustomer(history);
  }

  /**
   * The offers for one request, best first, or none and the reason. RequestError names a wrong field.
   * @param {Request} [request]
   */
  async recommend(request = {}) {
    return this.#answer(readRequest(request), true);
  }

  /**
   * The offers for each request, in the order of the requests; `threshold: false` ranks everything that was retrieved.
   * @param {Iterable<Request> | AsyncIterable<Request>} requests
   * @param {{threshold?: boolean, batch_size?: number}} [options]
   */
  async score(requests, options = {}) {
    const answers = [];
    for await (const offers of this.stream(requests, options)) answers.push(offers);
    return answers;
  }

  /**
   * `score` as an iterator that holds `batch_size` requests at a time.
   * @param {Iterable<Request> | AsyncIterable<Request>} requests
   * @param {{threshold?: boolean, batch_size?: number}} [options]
   */
  async *stream(requests, { threshold = true, batch_size = 64 } = {}) {
    if (!Number.isInteger(batch_size) || batch_size < 1)
      throw new MersalgError(`batch_size: expected a whole number from 1, got ${shown(batch_size)}`);
    let number = 0;
    /** @type {Checked[]} */
    let batch = [];
    for await (const request of requests) {
      number += 1;
      batch.push(readNumbered(number, request));
      if (batch.length < batch_size) continue;
      for (const checked of batch) yield await this.#answer(checked, threshold);
      batch = [];
    }
    for (const checked of batch) yield await this.#answer(checked, threshold);
  }

  /**
   * The offers for a checked request.
   * @param {Checked} request
   * @param {boolean} threshold
   */
  async #answer(request, threshold) {
    const known = answerWithoutGraph(request, this.manifest.customers_return ?? true);
    if (known !== null) return known;
    return readAnswer(request, await this.#session.run(encode(request, threshold)), this.silent);
  }

  /**
   * The product's name, or its id when the bundle knows no name.
   * @param {string} productId
   */
  name(productId) {
    return this.names.get(productId) ?? productId;
  }

  /** Give the memory of the graph back. No answer after that. */
  async close() {
    await this.#session.close();
  }

  toString() {
    return `Recommender('${this.manifest.name}', ${this.manifest.vocabulary.products} products)`;
  }
}

/**
 * A checked request; its RequestError says which one of many it is, counted from 1.
 * @param {number} number
 * @param {unknown} request
 */
function readNumbered(number, request) {
  try {
    return readRequest(request);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const id = isObject(request) && request.request_id !== undefined ? request.request_id : null;
    throw error.at(`request ${number}${id === null ? "" : ` (request_id ${shown(id)})`}`);
  }
}

/**
 * Refuse a bundle that does not answer its golden requests here as it did where it was trained.
 *
 * Products, kinds and their order are equal; a relevance differs by at most GOLDEN_TOLERANCE.
 *
 * @param {Recommender} recommender
 * @param {{golden: Bundle["golden"]}} bundle
 * @param {string} where
 */
export async function checkGolden(recommender, { golden }, where) {
  const start = performance.now();
  for (const [position, { request, offers }] of golden.entries()) {
    const [answer] = await recommender.score([request]).catch((error) => {
      if (!(error instanceof RequestError)) throw error;
      throw new BundleError(
        `${where}: request ${position}: expected one that holds, got ${error.message}; export the bundle again`,
      );
    });
    if (performance.now() - start > 1000 * MAX_GOLDEN_SECONDS)
      throw new BundleError(
        `${where}: expected ${golden.length} answers within ${MAX_GOLDEN_SECONDS} s, got ${position + 1}; ` +
          "use a faster machine, or another bundle",
      );
    const told = (/** @type {Iterable<{product_id: string, kind: string}>} */ list) =>
      Array.from(list, (offer) => `${offer.product_id} ${offer.kind}`).join(", ") || "none";
    const [wanted, given] = [told(offers), told(answer)];
    if (wanted !== given)
      throw new BundleError(
        `${where}: request ${position}: expected the offers ${wanted}, got ${given}; this runtime does not answer as ` +
          "the one that trained it: try another onnxruntime, or export it again",
      );
    for (const [place, { relevance }] of offers.entries()) {
      const got = answer.items[place].relevance;
      if (!(Math.abs(relevance - got) <= GOLDEN_TOLERANCE))
        throw new BundleError(
          `${where}: request ${position}, rank ${place + 1}: expected relevance ${relevance} within ` +
            `${GOLDEN_TOLERANCE}, got ${got}; try another onnxruntime, or export it again`,
        );
    }
  }
}

/** The number of threads itself. @param {unknown} threads @returns {number} */
export function readThreads(threads) {
  if (typeof threads !== "number" || !Number.isInteger(threads) || threads < 1)
    throw new MersalgError(`threads: expected a whole number from 1, got ${shown(threads)}`);
  return threads;
}
