/**
 * A runtime whose scorer takes the floors with each run, so that a moved floor is answered by the graph itself.
 *
 * In a scorer the floors are a constant, `thresholds`. Here an input of that name stands in its place. Nothing else
 * changes, and the golden requests of the bundle have to hold in the changed graph too.
 */

import { constantsOf, inTwoParts, numbersIn, smallest, textsIn } from "./scorer_parts.js";

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
  /** @type {Map<string, number> | null} */
  let prices = null;
  /** Ids and prices as the scorer has them, read when the first price is asked for. @type {(Uint8Array | undefined)[]} */
  let priced = [];
  const runtime = {
    env: ort.env,
    Tensor: ort.Tensor,
    /** Of the next run; null for a scorer whose floors cannot be moved. @type {Float32Array | null} */
    floors: null,
    /** The scorer's own. @type {Float32Array | null} */
    own: null,
    /** The price of a product; null where the scorer knows none. @param {string} id @returns {number | null} */
    price(id) {
      prices ??= pricesIn(...priced);
      return prices.get(id) ?? null;
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
    prices = null;
    priced = [found.get(IDS)?.slice(), found.get(PRICES)?.slice()];
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

/** Product id -> price, of the products that have one. @param {Uint8Array | undefined} ids @param {Uint8Array | undefined} prices */
function pricesIn(ids, prices) {
  const numbers = numbersIn(prices);
  if (numbers === null) return new Map();
  return new Map(textsIn(ids).map((id, place) => [id, numbers[place]]).filter(([, price]) => price > 0));
}
