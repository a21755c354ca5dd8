/**
 * A runtime whose scorer takes the floors with each run, so that a moved floor is answered by the graph itself.
 *
 * In a scorer the floors are a constant, `thresholds`. Here an input of that name stands in its place. Nothing else
 * changes, and the golden requests of the bundle have to hold in the changed graph too.
 */

import { NO_BYTES } from "../client/bundle/onnx/protobuf.js";
import { constantsOf, inTwoParts, numbersIn, placesIn, smallest } from "./scorer_parts.js";

/** The constant of a scorer that holds the floors by position in KINDS; also the name of the input made of it. */
const FLOORS = "thresholds";
/** The floor of a kind that is never shown: no probability reaches it. */
export const SILENT = 2;
/** Products whose price nothing tells are not compared. */
const PRICES = "price_of_item";
const IDS = "product_ids";
const KINDS = 5;

/**
 * onnxruntime-web with an open hand on the floors of the scorers that it opens.
 * @param {typeof import("onnxruntime-common")} ort
 */
export function runtimeWithFloors(ort) {
  /** Product id -> price, of the products that were asked about. @type {Map<string, number | null>} */
  const prices = new Map();
  /** The ids as the scorer has them, and the price of each. @type {Uint8Array} */
  let ids = NO_BYTES;
  /** @type {Float32Array | null} */
  let priced = null;
  const runtime = {
    env: ort.env,
    Tensor: ort.Tensor,
    /** Of the next run; null for a scorer whose floors cannot be moved. @type {Float32Array | null} */
    floors: null,
    /** The scorer's own. @type {Float32Array | null} */
    own: null,
    /** Product id -> price; null where the scorer knows none. @param {readonly string[]} products */
    prices(products) {
      const fresh = new Set(products.filter((id) => !prices.has(id)));
      const places = fresh.size && priced !== null ? placesIn(ids, fresh) : new Map();
      for (const id of fresh) prices.set(id, priced?.[places.get(id)] || null);
      return prices;
    },
    /** Have the runtime compiled while the bundle is still on its way. */
    async warm() {
      await (await ort.InferenceSession.create(smallest())).release();
    },
    InferenceSession: { create },
  };

  /** @param {Uint8Array} model @param {object} options */
  async function create(model, options) {
    const found = constantsOf(model, [FLOORS, PRICES, IDS]);
    runtime.own = runtime.floors = floorsIn(found.get(FLOORS));
    prices.clear();
    [ids, priced] = [found.get(IDS)?.slice() ?? NO_BYTES, numbersIn(found.get(PRICES))];
    const { graph, externalData } = inTwoParts(model, new Map(runtime.own ? [[FLOORS, KINDS]] : []));
    // Optimising takes a second, and saves nothing that is felt.
    const opened = await ort.InferenceSession.create(graph, { ...options, externalData, graphOptimizationLevel: "disabled" });
    return {
      inputMetadata: opened.inputMetadata.filter(({ name }) => name !== FLOORS),
      outputMetadata: opened.outputMetadata,
      release: () => opened.release(),
      run(feeds, names) {
        const given = runtime.floors ? { [FLOORS]: new ort.Tensor("float32", runtime.floors, [KINDS]) } : {};
        return opened.run({ ...feeds, ...given }, names);
      },
    };
  }
  return runtime;
}

/** @param {Uint8Array | undefined} tensor */
function floorsIn(tensor) {
  const floors = numbersIn(tensor);
  return floors?.length === KINDS ? floors : null;
}
