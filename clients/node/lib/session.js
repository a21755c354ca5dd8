/** The scorer as a function from arrays to arrays: the only module that knows what a runtime is like. */

import { BundleError } from "./errors.js";

/**
 * What is used of onnxruntime-node and onnxruntime-web, which are alike.
 * @typedef {typeof import("onnxruntime-common")} Runtime
 * @typedef {import("./encode.js").Plain} Plain
 */

/** Name -> element type and axes of every input; an axis without a number is free. */
const INPUTS = {
  cart: ["string", null, null],
  history: ["string", null, null],
  history_age_days: ["float32", null, null],
  history_quantity: ["float32", null, null],
  exclude: ["string", null, null],
  only: ["string", null, null],
  moment: ["int64", null],
  kinds: ["bool", null, 5],
  limit: ["int64", null],
  apply_threshold: ["bool", null],
  by_value: ["bool", null],
};

const OUTPUTS = {
  product_id: ["string", null, null],
  kind: ["int64", null, null],
  relevance: ["float32", null, null],
  score: ["float32", null, null],
  because: ["string", null, null],
  retrieved: ["int64", null],
  best_relevance: ["float32", null, 5],
};

/** An open scorer. Its runs follow one another, in the order in which they were asked for. */
export class Session {
  #runtime;
  #opened;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * @param {Runtime} runtime
   * @param {import("onnxruntime-common").InferenceSession} opened
   * @param {string} where
   */
  constructor(runtime, opened, where) {
    this.#runtime = runtime;
    this.#opened = opened;
    this.where = where;
  }

  /**
   * Open verified bytes. BundleError when the runtime refuses them, or a name, type or rank is another.
   * @param {Runtime} runtime
   * @param {Uint8Array} model
   * @param {string} where
   * @param {number} threads
   */
  static async open(runtime, model, where, threads) {
    const opened = await runtime.InferenceSession.create(model, {
      executionProviders: [isNode(runtime) ? "cpu" : "wasm"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      logSeverityLevel: 3, // errors only
    }).catch((error) => {
      throw new BundleError(
        `${where}: onnxruntime cannot open it: ${error.message}; export the bundle again, ` +
          "or install an onnxruntime that knows opset 21 and ai.onnx.ml 5",
        { cause: error },
      );
    });
    try {
      checkPorts(opened.inputMetadata, INPUTS, `${where}: inputs`);
      checkPorts(opened.outputMetadata, OUTPUTS, `${where}: outputs`);
    } catch (error) {
      await opened.release();
      throw error;
    }
    return new Session(runtime, opened, where);
  }

  /**
   * The outputs by name, for the inputs by name.
   * @param {Record<string, Plain>} inputs
   * @returns {Promise<Record<string, {data: any, dims: readonly number[]}>>}
   */
  run(inputs) {
    const turn = this.#last.then(() => this.#runNow(inputs));
    this.#last = turn.catch(() => undefined); // the caller has the failure; the next run does not depend on it
    return turn;
  }

  /** @param {Record<string, Plain>} inputs */
  async #runNow(inputs) {
    const { Tensor } = this.#runtime;
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { type, data, dims }]) => [
        name,
        new Tensor(/** @type {any} */ (type), /** @type {any} */ (data), dims),
      ]),
    );
    return this.#opened.run(feeds, Object.keys(OUTPUTS)).catch((error) => {
      throw new BundleError(`${this.where}: the graph failed on a valid request: ${error.message}; verify the bundle`, {
        cause: error,
      });
    });
  }

  /** Give the memory back, once what was asked for has been answered. */
  async close() {
    await this.#last;
    await this.#opened.release();
  }
}

/** Whether the runtime is onnxruntime-node. @param {Runtime} runtime */
function isNode(runtime) {
  return runtime.env.versions.node !== undefined;
}

/**
 * Refuse inputs or outputs of another name, type, rank or width.
 * @param {readonly import("onnxruntime-common").InferenceSession.ValueMetadata[]} ports
 * @param {Record<string, (string | number | null)[]>} expected
 * @param {string} where
 */
function checkPorts(ports, expected, where) {
  const names = ports.map((port) => port.name);
  const missing = Object.keys(expected).filter((name) => !names.includes(name));
  const unknown = names.filter((name) => !Object.hasOwn(expected, name));
  if (missing.length || unknown.length)
    throw new BundleError(
      `${where}: expected ${Object.keys(expected).join(", ")}; missing [${missing}], not known [${unknown}]`,
    );
  for (const port of ports) {
    const [type, ...axes] = expected[port.name];
    const told = port.isTensor ? `${port.type} of shape [${port.shape.join(", ")}]` : "no tensor";
    const fits =
      port.isTensor &&
      port.type === type &&
      port.shape.length === axes.length &&
      port.shape.every((size, axis) => typeof size !== "number" || size === axes[axis]);
    if (!fits)
      throw new BundleError(
        `${where}: ${port.name}: expected ${type} of shape [${axes.map((a) => a ?? "any").join(", ")}], got ${told}`,
      );
  }
}
