/** A bundle whose answers are evident, and a runtime that gives them: no graph runs here. */

import { createHash } from "node:crypto";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { KINDS } from "../lib/names.js";

/** Candidates with their kinds and relevances; milk is never shown, for replacements are silent. */
const CANDIDATES = { bread: ["cross-sell", 0.5], bag: ["add-on", 0.25], milk: ["replacement", 0.125] };
const SHOWN_FROM = 0.2;
const LIFTS = { bread: 6.25 };
/** The larger pack and the higher grade, as the bits of a graph. */
const BETTER = { bag: 0b0101n };

export const GOLDEN = {
  requests: [{ request_id: "g", cart: ["jam"], moment: "cart", limit: 2 }],
  answers: [
    [
      { product_id: "bread", kind: "cross-sell", relevance: 0.5 },
      { product_id: "bag", kind: "add-on", relevance: 0.25 },
    ],
  ],
};

/** Write the bundle with some files or keys of the manifest changed; gives its folder. */
export async function writeBundle({ files = {}, manifest = {} } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "mersalg-"));
  const whole = {
    "scorer.onnx": scorer(),
    "products.json": Buffer.from(JSON.stringify({ bread: "Fresh bread" })),
    "golden.json": Buffer.from(JSON.stringify(GOLDEN)),
    "CARD.md": Buffer.from("# toy\n"),
    ...files,
  };
  for (const [name, content] of Object.entries(whole)) await writeFile(join(folder, name), content);
  await writeManifest(folder, { ...manifestOf(whole), ...manifest });
  return folder;
}

/** Write a manifest with its digest. */
export async function writeManifest(folder, manifest) {
  const text = JSON.stringify({ ...manifest, manifest_sha256: "0".repeat(64) });
  const digest = createHash("sha256").update(text).digest("hex");
  await writeFile(join(folder, "manifest.json"), text.replace(/(?<="manifest_sha256":")0{64}/, digest));
}

export function manifestOf(files) {
  const entries = Object.entries(files).map(([name, content]) => [
    name,
    { sha256: createHash("sha256").update(content).digest("hex"), size: content.length },
  ]);
  return {
    format: "mersalg-bundle",
    format_version: 2,
    manifest_sha256: "0".repeat(64),
    name: "toy",
    created_at: "2017-06-02T00:00:00Z",
    mersalg_version: "0.1.0",
    run_id: null,
    files: Object.fromEntries(entries),
    graph: { opset: 21, ml_opset: 5, candidates: 3 },
    vocabulary: { products: 3, product_types: 3, categories: 2, brands: 0 },
    features: ["pieces_owned"],
    kinds: Object.fromEntries(
      KINDS.map((kind) => [kind, { threshold: kind === "replacement" ? null : SHOWN_FROM, precision_wanted: 0.1 }]),
    ),
    certificates: [],
    metrics: { "test/recall@10": 0.31 },
    data: {
      digest: "0".repeat(64), lines: 10, orders: 5, customers: 2, products: 3, from: "2017-01-01", to: "2017-05-31",
      rejected: { duplicate: 3 }, switched_off: [],
    },
    windows: Object.fromEntries(
      ["fit_from", "rank_from", "calibrate_from", "test_from", "to"].map((name) => [name, "2017-01-01T00:00:00"]),
    ),
    config: {},
  };
}

/** A protobuf field: a number, or the bytes of a text or a message. */
export function field(number, value) {
  if (typeof value === "number") return Buffer.from([number * 8, value]);
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
}

function varint(number) {
  return number < 128 ? [number] : [(number % 128) + 128, ...varint(Math.floor(number / 128))];
}

const PORTS = {
  input: {
    cart: ["string", ["n", "b"]], history: ["string", ["n", "h"]], history_age_days: ["float32", ["n", "h"]],
    history_quantity: ["float32", ["n", "h"]], exclude: ["string", ["n", "x"]], only: ["string", ["n", "o"]],
    moment: ["int64", ["n"]], kinds: ["bool", ["n", 5]], limit: ["int64", ["n"]], apply_threshold: ["bool", ["n"]],
    by_value: ["bool", ["n"]], by_moment: ["bool", ["n"]],
  },
  output: {
    product_id: ["string", ["n", "k"]], kind: ["int64", ["n", "k"]], relevance: ["float32", ["n", "k"]],
    score: ["float32", ["n", "k"]], because: ["string", ["n", "k"]], retrieved: ["int64", ["n"]],
    best_relevance: ["float32", ["n", 5]], lift: ["float32", ["n", "k"]], due_in_days: ["float32", ["n", "k"]],
    interval_days: ["float32", ["n", "k"]], better: ["int64", ["n", "k"]],
  },
};

/** TensorProto.DataType of the element types. */
const ELEMENTS = { float32: 1, int64: 7, string: 8, bool: 9 };

/** An input or output, the bytes of a ValueInfoProto; a size is a number or, where it is free, a name. */
export function port(name, element, shape) {
  const sizes = shape.map((size) => field(1, field(typeof size === "number" ? 1 : 2, size)));
  const type = field(1, Buffer.concat([field(1, ELEMENTS[element]), field(2, Buffer.concat(sizes))]));
  return Buffer.concat([field(1, name), field(2, type)]);
}

/** An ONNX model with these nodes, each the bytes of a NodeProto, the inputs and outputs of the format, and more. */
export function scorer({
  nodes = [field(4, "Add")], graph = [], model = [], opsets = [["", 21], ["ai.onnx.ml", 5]], ports = {},
} = {}) {
  const declared = (number, all) => Object.entries(all).map(([name, form]) => field(number, port(name, ...form)));
  const parts = [
    ...nodes.map((node) => field(1, node)),
    ...declared(11, { ...PORTS.input, ...ports.input }),
    ...declared(12, { ...PORTS.output, ...ports.output }),
    ...graph,
  ];
  return Buffer.concat([
    field(1, 10),
    field(7, Buffer.concat(parts)),
    ...opsets.map(([domain, version]) => field(8, Buffer.concat([field(1, domain), field(2, version)]))),
    ...model,
  ]);
}

/** A runtime that remembers what it was asked; `ports` changes what the graph says of itself. */
export function fakeRuntime({ ports = {}, fails = null } = {}) {
  const asked = [];
  const metadata = (all) =>
    Object.entries(all).map(([name, [type, shape]]) => ({ name, isTensor: true, type, shape }));
  class Tensor {
    constructor(type, data, dims) {
      Object.assign(this, { type, data, dims });
    }
  }
  const session = {
    inputMetadata: metadata({ ...PORTS.input, ...ports.input }),
    outputMetadata: metadata({ ...PORTS.output, ...ports.output }),
    released: false,
    running: 0,
    async run(feeds) {
      asked.push(feeds);
      session.running += 1;
      await new Promise((done) => setTimeout(done, 1));
      const overlapping = session.running > 1;
      session.running -= 1;
      if (overlapping) throw new Error("two runs at once");
      if (fails) throw new Error(fails);
      return answer(feeds, Tensor);
    },
    async release() {
      session.released = true;
    },
  };
  const env = { versions: { node: "0" } };
  return { Tensor, InferenceSession: { create: async () => session }, env, asked, session };
}

function answer(feeds, Tensor) {
  const n = feeds.moment.dims[0];
  const rows = Array.from({ length: n }, (_, row) => answerRow(feeds, row));
  const places = Math.max(...rows.map(({ offers }) => offers.length));
  const padded = (read, nothing) =>
    rows.flatMap(({ offers }) => Array.from({ length: places }, (_, i) => (offers[i] ? read(offers[i]) : nothing)));
  const shape = [n, places];
  return {
    product_id: new Tensor("string", padded((o) => o.id, ""), shape),
    kind: new Tensor("int64", BigInt64Array.from(padded((o) => BigInt(o.kind), -1n)), shape),
    relevance: new Tensor("float32", Float32Array.from(padded((o) => o.relevance, 0)), shape),
    score: new Tensor("float32", Float32Array.from(padded((o) => o.relevance * 10, 0)), shape),
    because: new Tensor("string", padded((o) => o.because, ""), shape),
    lift: new Tensor("float32", Float32Array.from(padded((o) => LIFTS[o.id] ?? NaN, NaN)), shape),
    due_in_days: new Tensor("float32", Float32Array.from(padded((o) => (o.id === "milk" ? -2 : NaN), NaN)), shape),
    interval_days: new Tensor("float32", Float32Array.from(padded((o) => (o.id === "milk" ? 7 : NaN), NaN)), shape),
    better: new Tensor("int64", BigInt64Array.from(padded((o) => BETTER[o.id] ?? 0n, 0n)), shape),
    retrieved: new Tensor("int64", BigInt64Array.from(rows, ({ retrieved }) => BigInt(retrieved)), [n]),
    best_relevance: new Tensor("float32", Float32Array.from(rows.flatMap(({ best }) => best)), [n, 5]),
  };
}

function answerRow(feeds, row) {
  const list = ({ data, dims }) => data.slice(row * dims[1], (row + 1) * dims[1]);
  const [exclude, only] = [list(feeds.exclude), list(feeds.only).filter(Boolean)];
  const candidates = Object.entries(CANDIDATES)
    .map(([id, [kind, relevance]]) => ({ id, kind: KINDS.indexOf(kind), relevance, because: list(feeds.cart)[0] }))
    .filter(({ id, kind }) => list(feeds.kinds)[kind] && !exclude.includes(id) && (!only.length || only.includes(id)));
  const best = KINDS.map((_, kind) =>
    candidates.reduce((most, c) => (c.kind === kind ? Math.max(most, c.relevance) : most), -1),
  );
  const least = feeds.apply_threshold.data[row] ? SHOWN_FROM : 0;
  const offers = candidates.filter((c) => c.relevance >= least).slice(0, Number(feeds.limit.data[row]));
  return { offers, best, retrieved: candidates.length };
}
