/** The scorer as a function from arrays to arrays: the only module that knows what a runtime is like. */

import { INPUTS, OUTPUTS, comparePorts } from "./bundle/onnx/inputs_outputs.js";
import { BundleError } from "./errors.js";

/**
 * What is used of onnxruntime-node and onnxruntime-web, which are alike.
 * @typedef {typeof import("onnxruntime-common")} Runtime
 * @typedef {import("./encode.js").Plain} Plain
 */

/** How a runtime calls the element types. @type {Readonly<Record<string, string>>} */
const ELEMENTS = {
  string: "tensor(string)", float32: "tensor(float)", int64: "tensor(int64)", bool: "tensor(bool)",
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
      comparePorts(opened.inputMetadata.map(portOf), INPUTS, `${where}: inputs`);
      comparePorts(opened.outputMetadata.map(portOf), OUTPUTS, `${where}: outputs`);
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
    return this.#opened.run(feeds, [...OUTPUTS.keys()]).catch((error) => {
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
 * An input or output as the runtime tells it.
 * @param {import("onnxruntime-common").InferenceSession.ValueMetadata} port
 * @returns {import("./bundle/onnx/inputs_outputs.js").Port}
 */
function portOf(port) {
  if (!port.isTensor) return { name: port.name, element: "no tensor", shape: [] };
  const shape = port.shape.map((size) => (typeof size === "number" ? size : null));
  return { name: port.name, element: ELEMENTS[port.type] ?? port.type, shape };
}
