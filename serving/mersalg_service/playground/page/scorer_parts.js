/**
 * A verified scorer in two parts, as onnxruntime-web takes a model: the graph, and beside it the large constants, which
 * the runtime reads where they lie. So they are copied once, into the runtime, and not parsed.
 */

import { fields, part, text } from "../client/bundle/onnx/protobuf.js";

/** Bytes of a constant that is left in the graph. */
const MAX_WITHIN = 4096;
const BESIDE = "constants";

// Field numbers of onnx.proto.
const MODEL = { ir: 1, graph: 7, opset: 8 };
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const TENSOR = { type: 2, texts: 6, name: 8, raw: 9, external: 13, location: 14 };
const [IR_VERSION, OPSET] = [10, 21];
const [FLOAT, EXTERNAL] = [1, 1];

/** Pieces of a message, in order. @typedef {Uint8Array[]} Pieces */

/**
 * The constants of these names, each as the bytes of its tensor.
 * @param {Uint8Array} model
 * @param {readonly string[]} names
 * @returns {Map<string, Uint8Array>}
 */
export function constantsOf(model, names) {
  const found = new Map();
  for (const [number, graph] of fields(model)) {
    if (number !== MODEL.graph) continue;
    for (const [inner, tensor] of fields(part(graph))) {
      if (inner !== GRAPH.initializer) continue;
      const name = nameOf(part(tensor));
      if (names.includes(name)) found.set(name, part(tensor));
    }
  }
  return found;
}

/**
 * The two parts: `graph`, and what `externalData` of onnxruntime-web takes.
 * @param {Uint8Array} model
 * @param {ReadonlyMap<string, number>} inputs constants that become inputs of so many floats
 */
export function inTwoParts(model, inputs) {
  const pieces = [];
  for (const [number, value] of fields(model))
    pieces.push(...(number === MODEL.graph ? message(number, graphPieces(part(value), model, inputs)) : copied(number, value)));
  return { graph: joined(pieces), externalData: [{ path: BESIDE, data: model }] };
}

/** @param {Uint8Array} graph @param {Uint8Array} model @param {ReadonlyMap<string, number>} inputs @returns {Pieces} */
function graphPieces(graph, model, inputs) {
  const pieces = [...inputs].flatMap(([name, size]) => message(GRAPH.input, floatValue(name, size)));
  for (const [number, value] of fields(graph))
    if (number !== GRAPH.initializer) pieces.push(...copied(number, value));
    else if (!inputs.has(nameOf(part(value)))) pieces.push(...message(number, constantPieces(part(value), model)));
  return pieces;
}

/** A constant; in the place of numbers that are many stands where they lie. @param {Uint8Array} tensor @param {Uint8Array} model */
function constantPieces(tensor, model) {
  if (tensor.length <= MAX_WITHIN) return [tensor];
  const pieces = [];
  for (const [number, value] of fields(tensor))
    if (number === TENSOR.texts) return [tensor];
    else if (number !== TENSOR.raw) pieces.push(...copied(number, value));
    else {
      const place = { location: BESIDE, offset: part(value).byteOffset - model.byteOffset, length: part(value).length };
      for (const [key, told] of Object.entries(place))
        pieces.push(...message(TENSOR.external, [...message(1, [bytesOf(key)]), ...message(2, [bytesOf(String(told))])]));
      pieces.push(...numeral(TENSOR.location, EXTERNAL));
    }
  return pieces;
}

/** The smallest model: an input a is given back as b. */
export function smallest() {
  const node = [...message(1, [bytesOf("a")]), ...message(2, [bytesOf("b")]), ...message(4, [bytesOf("Identity")])];
  const ports = [...message(GRAPH.input, floatValue("a", 1)), ...message(GRAPH.output, floatValue("b", 1))];
  const graph = [...message(GRAPH.node, node), ...message(GRAPH.name, [bytesOf("g")]), ...ports];
  return joined([...numeral(MODEL.ir, IR_VERSION), ...message(MODEL.graph, graph), ...message(MODEL.opset, numeral(2, OPSET))]);
}

/** The numbers of a float tensor in one piece; null for another. @param {Uint8Array | undefined} tensor */
export function numbersIn(tensor) {
  if (tensor === undefined) return null;
  let [type, raw] = [0, null];
  for (const [number, value] of fields(tensor))
    if (number === TENSOR.type) type = value;
    else if (number === TENSOR.raw) raw = part(value);
  return type === FLOAT && raw !== null ? new Float32Array(raw.slice().buffer) : null;
}

/**
 * Text -> its position among the texts of a tensor, of these texts alone: a hundred thousand others are passed by.
 * @param {Uint8Array} tensor
 * @param {ReadonlySet<string>} wanted
 * @returns {Map<string, number>}
 */
export function placesIn(tensor, wanted) {
  const mark = (bytes) => 65_536 * bytes.length + 256 * (bytes.at(-2) ?? 0) + (bytes.at(-1) ?? 0);
  const marks = new Set([...wanted].map((id) => mark(bytesOf(id))));
  const found = new Map();
  let place = 0;
  for (const [number, value] of fields(tensor)) {
    if (number !== TENSOR.texts) continue;
    const id = marks.has(mark(part(value))) ? text(value) : null;
    if (id !== null && wanted.has(id)) found.set(id, place);
    place += 1;
  }
  return found;
}

/** @param {Uint8Array} tensor */
function nameOf(tensor) {
  for (const [number, value] of fields(tensor)) if (number === TENSOR.name) return text(value);
  return "";
}

/** A ValueInfoProto of floats of one dimension. @param {string} name @param {number} size */
function floatValue(name, size) {
  const shape = message(2, message(1, numeral(1, size)));
  return [...message(1, [bytesOf(name)]), ...message(2, message(1, [...numeral(1, FLOAT), ...shape]))];
}

/** A field as it was; one that no reader takes is left out. @param {number} field @param {import("../client/bundle/onnx/protobuf.js").Field} value */
function copied(field, value) {
  if (value instanceof Uint8Array) return message(field, [value]);
  return value === null || value < 0 ? [] : numeral(field, value);
}

/** A field of protobuf that holds bytes. @param {number} field @param {Pieces} pieces @returns {Pieces} */
function message(field, pieces) {
  return [varint(field * 8 + 2), varint(sizeOf(pieces)), ...pieces];
}

/** A field of protobuf that holds a number from 0. @param {number} field @param {number} value @returns {Pieces} */
function numeral(field, value) {
  return [varint(field * 8), varint(value)];
}

/** @param {number} value */
function varint(value) {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.of(...bytes, value);
}

/** @param {string} word */
function bytesOf(word) {
  return new TextEncoder().encode(word);
}

/** @param {Pieces} pieces */
function sizeOf(pieces) {
  return pieces.reduce((size, piece) => size + piece.length, 0);
}

/** @param {Pieces} pieces */
function joined(pieces) {
  const whole = new Uint8Array(sizeOf(pieces));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
