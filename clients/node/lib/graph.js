/**
 * What a scorer may hold, read from its bytes before a runtime sees them.
 *
 * A scorer is an ONNX ModelProto (protobuf, onnx.proto of IR version 10 and later) made of the operators below. Refused
 * are other domains and versions of operators, subgraphs, functions, training graphs, and tensors whose data lie
 * outside the file: a scorer is a pure function of its inputs.
 */

import { BundleError, shown } from "./errors.js";

export const OPSET = 21;
export const ML_OPSET = 5;
const ML_DOMAIN = "ai.onnx.ml";

const OPERATORS = new Set(
  `Abs Add And ArgMax ArgMin BitShift BitwiseAnd BitwiseOr Cast Ceil Clip Compress Concat Constant ConstantOfShape
  CumSum Div Einsum Equal Erf Exp Expand Flatten Floor Gather GatherElements GatherND Gemm Greater GreaterOrEqual
  Identity IsInf IsNaN Less LessOrEqual Log MatMul Max Mean Min Mod Mul Neg NonZero Not OneHot Or Pad Pow Range
  Reciprocal ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu
  Reshape Round ScatterElements ScatterND Shape Sigmoid Sign Size Slice Softmax Softplus Split Sqrt Squeeze Sub Sum
  Tanh Tile TopK Transpose Trilu Unique Unsqueeze Where Xor`.split(/\s+/),
);
const ML_OPERATORS = new Set(["ArrayFeatureExtractor", "LabelEncoder", "TreeEnsemble"]);

// Field numbers of onnx.proto.
const MODEL = { graph: 7, opset: 8, training: 20, functions: 25 };
const OPERATOR_SET = { domain: 1, version: 2 };
const GRAPH = { node: 1, initializer: 5, sparseInitializer: 15 };
const NODE = { operator: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { tensor: 5, graph: 6, tensors: 10, graphs: 11, sparseTensor: 22, sparseTensors: 23 };
const TENSOR = { externalData: 13, dataLocation: 14 };
const SPARSE_PARTS = [1, 2];

/** Bytes that are not what they should be. */
class Damage extends Error {}

/**
 * Refuse a model that is more than a pure function made of allowed operators.
 * @param {Uint8Array} model
 * @param {string} where
 */
export function checkGraph(model, where) {
  if (String.fromCharCode(...model.subarray(4, 8)) === "ORTM")
    throw new BundleError(
      `${where}: expected an ONNX model, got one in onnxruntime's own format; export the bundle again`,
    );
  try {
    checkModel(model, where);
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    throw new BundleError(`${where}: expected an ONNX model, got bytes that are not one; export the bundle again`);
  }
}

/** @param {Uint8Array} model @param {string} where */
function checkModel(model, where) {
  /** @type {Map<string, number>} */
  const versions = new Map();
  let graphs = 0;
  for (const [number, value] of fields(model)) {
    if (number === MODEL.graph) {
      graphs += 1;
      checkNodes(part(value), where);
    } else if (number === MODEL.opset) readOpset(part(value), versions);
    else if (number === MODEL.training || number === MODEL.functions)
      throw new BundleError(`${where}: expected a plain graph, got one with functions or a training graph`);
  }
  if (graphs !== 1)
    throw new BundleError(`${where}: expected an ONNX model with one graph, got ${graphs}; export the bundle again`);
  const known = [...versions.keys()].every((domain) => domain === "" || domain === ML_DOMAIN);
  if (!known || versions.get("") !== OPSET || (versions.get(ML_DOMAIN) ?? ML_OPSET) !== ML_OPSET) {
    const got = [...versions].map(([domain, version]) => `${domain || "onnx"} ${version}`).join(", ");
    throw new BundleError(`${where}: expected opset ${OPSET} and ${ML_DOMAIN} ${ML_OPSET}, got ${got || "none"}`);
  }
}

/** @param {Uint8Array} graph @param {string} where */
function checkNodes(graph, where) {
  for (const [number, value] of fields(graph)) {
    if (number === GRAPH.node) checkNode(part(value), where);
    else if (number === GRAPH.initializer) checkTensor(part(value), where);
    else if (number === GRAPH.sparseInitializer) checkSparseTensor(part(value), where);
  }
}

/** @param {Uint8Array} node @param {string} where */
function checkNode(node, where) {
  let operator = "";
  let domain = "";
  for (const [number, value] of fields(node)) {
    if (number === NODE.operator) operator = text(part(value));
    else if (number === NODE.domain) domain = text(part(value));
    else if (number === NODE.attribute) checkAttribute(part(value), where);
  }
  const allowed = domain === "" ? OPERATORS : domain === ML_DOMAIN ? ML_OPERATORS : new Set();
  if (!allowed.has(operator)) {
    const name = shown(domain ? `${domain}.${operator}` : operator);
    throw new BundleError(`${where}: expected operators of the bundle format only, got ${name}`);
  }
}

/** @param {Uint8Array} attribute @param {string} where */
function checkAttribute(attribute, where) {
  for (const [number, value] of fields(attribute)) {
    if (number === ATTRIBUTE.graph || number === ATTRIBUTE.graphs)
      throw new BundleError(`${where}: expected a graph without subgraphs, got a node that holds one`);
    if (number === ATTRIBUTE.tensor || number === ATTRIBUTE.tensors) checkTensor(part(value), where);
    else if (number === ATTRIBUTE.sparseTensor || number === ATTRIBUTE.sparseTensors)
      checkSparseTensor(part(value), where);
  }
}

/** @param {Uint8Array} tensor @param {string} where */
function checkSparseTensor(tensor, where) {
  for (const [number, value] of fields(tensor)) if (SPARSE_PARTS.includes(number)) checkTensor(part(value), where);
}

/** @param {Uint8Array} tensor @param {string} where */
function checkTensor(tensor, where) {
  for (const [number, value] of fields(tensor))
    if (number === TENSOR.externalData || (number === TENSOR.dataLocation && value !== 0))
      throw new BundleError(`${where}: expected all data inside the file, got a tensor with external data`);
}

/** @param {Uint8Array} opset @param {Map<string, number>} versions */
function readOpset(opset, versions) {
  let domain = "";
  let version = 0;
  for (const [number, value] of fields(opset)) {
    if (number === OPERATOR_SET.domain) domain = text(part(value));
    else if (number === OPERATOR_SET.version && typeof value === "number") version = value;
  }
  if ((versions.get(domain) ?? version) !== version) throw new Damage("two versions of one operator set");
  versions.set(domain, version);
}

/** A field that must be a message or a text. @param {number | Uint8Array | null} value */
function part(value) {
  if (!(value instanceof Uint8Array)) throw new Damage("a number where a message belongs");
  return value;
}

/** @param {Uint8Array} bytes */
function text(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Damage("a text that is not UTF-8");
  }
}

/**
 * Field numbers and values of a protobuf message, in order. Damage where it is no message. A number of fixed width is
 * null: libraries skip it where they expect a text, and taken for one it would hide the real one.
 * @param {Uint8Array} message
 * @returns {Generator<[number, number | Uint8Array | null]>}
 */
function* fields(message) {
  const place = { at: 0 };
  while (place.at < message.length) {
    const tag = varint(message, place);
    if (tag >= 2 ** 32) throw new Damage("a tag of more than 32 bits");
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === 0) {
      yield [number, varint(message, place)];
      continue;
    }
    if (wire !== 1 && wire !== 2 && wire !== 5) throw new Damage("a protobuf group");
    const length = wire === 2 ? varint(message, place) : wire === 1 ? 8 : 4;
    if (length > message.length - place.at) throw new Damage("a field that is longer than its message");
    yield [number, wire === 2 ? message.subarray(place.at, place.at + length) : null];
    place.at += length;
  }
}

/**
 * A base-128 number; `place` moves behind it. Above 2^53 it is not exact, which no check here needs.
 * @param {Uint8Array} message
 * @param {{at: number}} place
 */
function varint(message, place) {
  let number = 0;
  for (let bytes = 0; bytes < 10; bytes++) {
    if (place.at >= message.length) throw new Damage("a number that has no end");
    const byte = message[place.at++];
    number += (byte & 0x7f) * 2 ** (7 * bytes);
    if (byte < 0x80) return number;
  }
  throw new Damage("a number of more than ten bytes");
}
