/**
 * A runtime whose scorer takes the floors with each run, so that a moved floor is answered by the graph itself.
 *
 * In a scorer the floors are a constant, the initializer `thresholds`. Its name is changed by one letter, and an input of
 * the old name is declared at the end of the model, where protobuf merges it into the graph. Nothing else changes, and the
 * golden requests of the bundle have to hold in the changed graph too.
 */

import { Damage, fields, part, text } from "../client/bundle/onnx/protobuf.js";

/** The constant of a scorer that holds the floors by position in KINDS; also the name of the input made of it. */
const FLOORS = "thresholds";
/** The floor of a kind that is never shown: no probability reaches it. */
export const SILENT = 2;
/** Products whose price nothing tells are not compared. */
const PRICES = "price_of_item";
const IDS = "product_ids";

// Field numbers of onnx.proto.
const MODEL = { graph: 7, opset: 8 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const TENSOR = { type: 2, texts: 6, name: 8, raw: 9 };
const [IR_VERSION, OPSET] = [10, 21];
const FLOAT = 1;
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
    const found = constantsOf(model);
    runtime.own = runtime.floors = floorsIn(found.get(FLOORS));
    prices = null;
    priced = [found.get(IDS)?.slice(), found.get(PRICES)?.slice()];
    const opened = await ort.InferenceSession.create(
      runtime.own ? withInput(model, nameOf(found.get(FLOORS))) : model,
      // Optimising takes a second, and saves nothing that is felt.
      { ...options, graphOptimizationLevel: "disabled" },
    );
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

/** The constants that are looked for, by name. @param {Uint8Array} model @returns {Map<string, Uint8Array>} */
function constantsOf(model) {
  const found = new Map();
  for (const [number, value] of fields(model)) {
    if (number !== MODEL.graph) continue;
    for (const [inner, tensor] of fields(part(value))) {
      if (inner !== GRAPH.initializer) continue;
      const name = text(nameOf(part(tensor)));
      if ([FLOORS, PRICES, IDS].includes(name)) found.set(name, part(tensor));
    }
  }
  return found;
}

/** The bytes of a tensor's name. @param {Uint8Array} tensor */
function nameOf(tensor) {
  for (const [number, value] of fields(tensor)) if (number === TENSOR.name) return part(value);
  throw new Damage("a tensor without a name");
}

/** The numbers of a float tensor of one dimension; null for another. @param {Uint8Array | undefined} tensor */
function numbersIn(tensor) {
  if (tensor === undefined) return null;
  let [type, raw] = [0, null];
  for (const [number, value] of fields(tensor))
    if (number === TENSOR.type) type = value;
    else if (number === TENSOR.raw) raw = part(value);
  return type === FLOAT && raw !== null ? new Float32Array(raw.slice().buffer) : null;
}

/** @param {Uint8Array | undefined} tensor */
function floorsIn(tensor) {
  const floors = numbersIn(tensor);
  return floors?.length === KINDS ? floors : null;
}

/**
 * Product id -> price above zero.
 * @param {Uint8Array | undefined} ids
 * @param {Uint8Array | undefined} prices
 */
function pricesIn(ids, prices) {
  const numbers = numbersIn(prices);
  if (ids === undefined || numbers === null) return new Map();
  const products = [];
  for (const [number, value] of fields(ids)) if (number === TENSOR.texts) products.push(text(value));
  return new Map(products.map((id, place) => [id, numbers[place]]).filter(([, price]) => price > 0));
}

/**
 * The model with an input in the place of the constant of this name.
 * @param {Uint8Array} model
 * @param {Uint8Array} name within the model
 */
function withInput(model, name) {
  const input = message(MODEL.graph, message(GRAPH.input, floatValue(FLOORS, KINDS)));
  const changed = new Uint8Array(model.length + input.length);
  changed.set(model);
  changed.set(input, model.length);
  changed[name.byteOffset - model.byteOffset] -= 32; // "Thresholds", which nothing reads
  return changed;
}

/** The smallest model: an input a is given back as b. */
function smallest() {
  const node = [...message(1, bytesOf("a")), ...message(2, bytesOf("b")), ...message(4, bytesOf("Identity"))];
  const ports = [...message(GRAPH.input, floatValue("a", 1)), ...message(GRAPH.output, floatValue("b", 1))];
  const graph = [...message(GRAPH.node, node), ...message(GRAPH.name, bytesOf("g")), ...ports];
  const [version, opset] = [number(1, IR_VERSION), message(MODEL.opset, number(2, OPSET))];
  return Uint8Array.from([...version, ...message(MODEL.graph, graph), ...opset]);
}

/** A ValueInfoProto of floats of one dimension. @param {string} name @param {number} size */
function floatValue(name, size) {
  const shape = message(2, message(1, number(1, size)));
  return [...message(1, bytesOf(name)), ...message(2, message(1, [...number(1, FLOAT), ...shape]))];
}

/** @param {string} word */
function bytesOf(word) {
  return [...new TextEncoder().encode(word)];
}

/** A field of protobuf that holds a number below 128. @param {number} field @param {number} value */
function number(field, value) {
  return [field * 8, value];
}

/** A field of protobuf that holds bytes, fewer than 128. @param {number} field @param {number[]} bytes */
function message(field, bytes) {
  return [field * 8 + 2, bytes.length, ...bytes];
}
