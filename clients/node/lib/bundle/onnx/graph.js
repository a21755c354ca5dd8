/**
 * What a scorer may hold, read from its bytes before a runtime sees them.
 *
 * A scorer is an ONNX ModelProto (protobuf, onnx.proto of IR version 10 and later) made of the operators below. Refused
 * are: other domains and versions of operators, subgraphs (If, Loop, Scan), functions, training graphs, tensors whose
 * data lie outside the file or are not as many as they say, trees that are none, other inputs and outputs than the
 * format's, and whatever field is not named below. So a scorer is a pure function of its inputs: it reads no file, and
 * no operator of it loops. The walk never recurses into a graph of a graph. All limits are constants here: none is taken
 * from the bundle. They are those of Python's loader, in the same order.
 */

import { BundleError, shown } from "../../errors.js";
import { checkTexts } from "../texts.js";
import { INPUTS, OUTPUTS, checkPorts } from "./inputs_outputs.js";
import { Damage, expectKnown, fields, numberOf, numbersOf, part, text } from "./protobuf.js";
import { checkTensor } from "./tensors.js";
import { MAX_SPLITS, checkTrees } from "./trees.js";

/** @typedef {import("./tensors.js").Tensor} Tensor */

export const OPSET = 21;
export const ML_OPSET = 5;
const ML_DOMAIN = "ai.onnx.ml";
const IR_VERSIONS = [10, 11, 12, 13];

const OPERATORS = new Set(
  `Add And BitwiseAnd Cast Clip Compress Concat ConstantOfShape CumSum Equal Exp Expand Gather GatherElements
  Gemm Greater GreaterOrEqual Identity Less Log MatMul Max Min Mul Not Or Reciprocal ReduceMax ReduceSum Reshape
  Round ScatterElements Shape Slice Split Sqrt Sub TopK Transpose Unsqueeze Where`.split(/\s+/),
);
const ML_OPERATORS = new Set(["LabelEncoder", "TreeEnsemble"]);

const MAX_DOMAINS = 16;
const MAX_NODES = 10_000;
const MAX_TENSORS = 10_000;
const MAX_PORTS = 64;
/** Of one node. */
const MAX_ATTRIBUTES = 64;
/** Inputs and outputs of one node. */
const MAX_VALUES = 1024;
/** Bytes of the name of a node's value. */
const MAX_NAME_BYTES = 1024;
/** Of a split: the modes up to here compare with a number, the next looks into a set. */
const LAST_MODE = 5;

// Field numbers of onnx.proto; a field that is not named here is refused. `rest` is never read: who made it,
// documentation, metadata, shapes in between, and attributes that are numbers.
const MODEL = { ir: 1, graph: 7, opset: 8, training: 20, functions: 25, rest: new Set([2, 3, 4, 5, 6, 14]) };
const OPERATOR_SET = { domain: 1, version: 2 };
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12, sparse: 15, rest: new Set([2, 10, 13, 16]) };
const NODE = { input: 1, output: 2, operator: 4, attribute: 5, domain: 7, rest: new Set([3, 6, 9]) };
const ATTRIBUTE = {
  name: 1, int: 3, text: 4, tensor: 5, graph: 6, ints: 8, texts: 9, graphs: 11, rest: new Set([2, 7, 13, 20]),
};

/**
 * Refuse a model that is more than a pure function made of allowed operators.
 * @param {Uint8Array} model
 * @param {string} where
 */
export function checkGraph(model, where) {
  try {
    checkModel(model, where);
  } catch (error) {
    if (!(error instanceof Damage)) throw error;
    throw new BundleError(`${where}: expected an ONNX model, got bytes that are not one; export the bundle again`);
  }
  // A JavaScript runtime cannot be told which of the two forms it is given, and goes by these four bytes.
  if (String.fromCharCode(...model.subarray(4, 8)) === "ORTM")
    throw new BundleError(
      `${where}: expected an ONNX model, got one in onnxruntime's own format; export the bundle again`,
    );
}

/** Check the parts of a model. Damage where the bytes are damaged. @param {Uint8Array} model @param {string} where */
function checkModel(model, where) {
  /** @type {Map<string, number>} */
  const versions = new Map();
  let [graphs, written] = [0, 0];
  for (const [number, value] of fields(model)) {
    if (number === MODEL.graph) {
      graphs += 1;
      checkParts(part(value), where);
    } else if (number === MODEL.opset) readOpset(part(value), versions);
    else if (number === MODEL.training || number === MODEL.functions)
      throw new BundleError(`${where}: expected a plain graph, got one with functions or a training graph`);
    else if (number === MODEL.ir) written = numberOf(value);
    else expectKnown(number, MODEL.rest, "the model", where);
  }
  if (graphs !== 1)
    throw new BundleError(`${where}: expected an ONNX model with one graph, got ${graphs}; export the bundle again`);
  const known = [...versions.keys()].every((domain) => domain === "" || domain === ML_DOMAIN);
  if (!known || versions.get("") !== OPSET || (versions.get(ML_DOMAIN) ?? ML_OPSET) !== ML_OPSET) {
    const got = [...versions].map(([domain, version]) => `${domain || "onnx"} ${version}`).join(", ");
    throw new BundleError(
      `${where}: expected opset ${OPSET} and ${ML_DOMAIN} ${ML_OPSET}, got ${got.slice(0, 200) || "none"}`,
    );
  }
  if (!IR_VERSIONS.includes(written))
    throw new BundleError(
      `${where}: expected an IR version from ${IR_VERSIONS[0]} to ${IR_VERSIONS.at(-1)}, got ${written}; ` +
        "export the bundle again",
    );
}

/**
 * What the walk has seen of a graph; `defined` are names of values, for a second definition of one would leave open
 * which is meant.
 */
class Parts {
  nodes = 0;
  tensors = 0;
  /** @type {Uint8Array[]} */
  inputs = [];
  /** @type {Uint8Array[]} */
  outputs = [];
  defined = new Set(INPUTS.keys());

  /** Note a value; an unused output has no name. @param {string} name @param {string} where */
  define(name, where) {
    if (this.defined.has(name))
      throw new BundleError(`${where}: expected every value to be defined once, got ${shown(name)} twice`);
    if (name) this.defined.add(name);
  }

  /** Note an input or an output of a node. @param {Uint8Array} name @param {boolean} isOutput @param {string} where */
  use(name, isOutput, where) {
    if (name.length > MAX_NAME_BYTES)
      throw new BundleError(
        `${where}: expected names of at most ${MAX_NAME_BYTES} bytes, got one of ${name.length}`,
      );
    if (isOutput) this.define(text(name), where);
  }

  /** Whether there is more than a scorer may have. */
  get isTooMuch() {
    const ports = this.inputs.length + this.outputs.length;
    return this.nodes > MAX_NODES || this.tensors > MAX_TENSORS || ports > MAX_PORTS;
  }
}

/** Check nodes, constants, inputs and outputs of the graph. @param {Uint8Array} graph @param {string} where */
function checkParts(graph, where) {
  const parts = new Parts();
  for (const [number, value] of fields(graph)) {
    if (number === GRAPH.node) {
      parts.nodes += 1;
      checkNode(part(value), parts, where);
    } else if (number === GRAPH.initializer) {
      parts.tensors += 1;
      parts.define(checkTensor(part(value), where).name, where);
    } else if (number === GRAPH.input) parts.inputs.push(part(value));
    else if (number === GRAPH.output) parts.outputs.push(part(value));
    else if (number === GRAPH.sparse)
      throw new BundleError(`${where}: expected plain tensors, got a sparse tensor, maybe with external data`);
    else expectKnown(number, GRAPH.rest, "the graph", where);
    if (parts.isTooMuch)
      throw new BundleError(
        `${where}: expected at most ${MAX_NODES} nodes, ${MAX_TENSORS} tensors and ${MAX_PORTS} inputs and ` +
          "outputs, got more",
      );
  }
  checkPorts(parts.inputs, INPUTS, `${where}: inputs`);
  checkPorts(parts.outputs, OUTPUTS, `${where}: outputs`);
}

/**
 * Check the operator, the attributes and the names of a node.
 * @param {Uint8Array} node
 * @param {Parts} parts
 * @param {string} where
 */
function checkNode(node, parts, where) {
  let [operator, domain, values] = ["", "", 0];
  /** @type {Uint8Array[]} */
  const attributes = [];
  for (const [number, value] of fields(node)) {
    if (number === NODE.input || number === NODE.output) {
      values += 1;
      parts.use(part(value), number === NODE.output, where);
    } else if (number === NODE.operator) operator = text(value);
    else if (number === NODE.attribute) attributes.push(part(value));
    else if (number === NODE.domain) domain = text(value);
    else expectKnown(number, NODE.rest, "a node", where);
    if (attributes.length > MAX_ATTRIBUTES || values > MAX_VALUES)
      throw new BundleError(
        `${where}: expected at most ${MAX_ATTRIBUTES} attributes and ${MAX_VALUES} values of a node, got ` +
          `${attributes.length} and ${values}`,
      );
  }
  const allowed = domain === "" ? OPERATORS : domain === ML_DOMAIN ? ML_OPERATORS : new Set();
  if (!allowed.has(operator)) {
    const name = shown(domain ? `${domain}.${operator}` : operator);
    throw new BundleError(`${where}: expected operators of the bundle format only, got ${name}`);
  }
  if (domain === ML_DOMAIN && operator === "TreeEnsemble") checkEnsemble(attributes, where);
  else for (const attribute of attributes) checkAttribute(attribute, where);
}

/**
 * The name and the tensor of an attribute that holds no subgraph.
 * @param {Uint8Array} attribute
 * @param {string} where
 */
function checkAttribute(attribute, where) {
  let name = "";
  /** @type {Tensor | null} */
  let tensor = null;
  /** @type {Uint8Array[]} */
  const texts = [];
  for (const [number, value] of fields(attribute)) {
    if (number === ATTRIBUTE.name) name = text(value);
    else if (number === ATTRIBUTE.text || (number === ATTRIBUTE.texts && value !== null)) texts.push(part(value));
    else if (number === ATTRIBUTE.graph || number === ATTRIBUTE.graphs)
      throw new BundleError(`${where}: expected a graph without subgraphs, got a node that holds one`);
    else if (number === ATTRIBUTE.tensor && tensor === null) tensor = checkTensor(part(value), where);
    else if (number !== ATTRIBUTE.ints && number !== ATTRIBUTE.int)
      expectKnown(number, ATTRIBUTE.rest, "an attribute", where);
  }
  checkTexts(texts, where);
  return { name, tensor };
}

/**
 * Check the attributes of a TreeEnsemble, and that its references draw trees that compare.
 * @param {readonly Uint8Array[]} attributes
 * @param {string} where
 */
function checkEnsemble(attributes, where) {
  /** @type {Map<string, number[]>} */
  const lists = new Map();
  /** @type {Map<string, Tensor>} */
  const tensors = new Map();
  for (const attribute of attributes) {
    const { name, tensor } = checkAttribute(attribute, where);
    if (lists.has(name) || name === "membership_values")
      throw new BundleError(
        `${where}: expected attributes that are there once and of the format, got ${shown(name)}`,
      );
    lists.set(name, wholeNumbers(attribute, where));
    if (tensor !== null) tensors.set(name, tensor);
  }
  checkTrees(lists, new Map([...tensors].map(([name, { elements }]) => [name, elements])), where);
  const modes = tensors.get("nodes_modes")?.data ?? [];
  if (modes.length === 0 || modes.some((mode) => mode > LAST_MODE))
    throw new BundleError(`${where}: expected trees that compare with a number, got another mode`);
}

/** The whole numbers of an attribute. @param {Uint8Array} attribute @param {string} where */
function wholeNumbers(attribute, where) {
  /** @type {number[]} */
  const found = [];
  for (const [number, value] of fields(attribute))
    if (number === ATTRIBUTE.ints || number === ATTRIBUTE.int) {
      for (const whole of numbersOf(value, MAX_SPLITS)) found.push(whole);
      if (found.length > MAX_SPLITS)
        throw new BundleError(`${where}: expected trees of at most ${MAX_SPLITS} splits, got more`);
    }
  return found;
}

/** Add an operator set's domain and version. @param {Uint8Array} opset @param {Map<string, number>} versions */
function readOpset(opset, versions) {
  let [domain, version] = ["", 0];
  for (const [number, value] of fields(opset)) {
    if (number === OPERATOR_SET.domain) domain = text(value);
    else if (number === OPERATOR_SET.version && typeof value === "number") version = value;
    else throw new Damage("a field that is not known");
  }
  if ((versions.get(domain) ?? version) !== version) throw new Damage("two versions of one operator set");
  versions.set(domain, version);
  if (versions.size > MAX_DOMAINS) throw new Damage("too many operator sets");
}
