import assert from "node:assert/strict";
import { createServer } from "node:http";
import { mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { BundleError, MersalgError, load } from "mersalg";
import { readBundle } from "../lib/bundle/reading.js";
import { folderPlace } from "../lib/folder.js";
import { GOLDEN, fakeRuntime, field, port, scorer, writeBundle } from "./toy.js";

async function refuses(folder, words, runtime = fakeRuntime()) {
  await assert.rejects(load(folder, { ort: runtime }), (error) => {
    assert.ok(error instanceof BundleError, String(error));
    for (const word of [words].flat()) assert.ok(error.message.includes(word), `${error.message}\nhas no: ${word}`);
    return true;
  });
}

test("a whole bundle loads from a path, a file URL and a link to its folder", async () => {
  const folder = await writeBundle();
  await symlink(folder, `${folder}-link`);
  for (const place of [folder, pathToFileURL(folder), `${folder}-link`]) {
    const recommender = await load(place, { ort: fakeRuntime() });
    assert.equal(String(recommender), "Recommender('toy', 3 products)");
  }
});

test("a bundle that is not there is refused with what makes one", async () => {
  await refuses("/no/such/bundle", ["got nothing", "mersalg train"]);
  await refuses(join(await writeBundle(), "CARD.md"), "got a file");
});

test("a damaged, missing or linked file is refused by its name", async () => {
  for (const name of ["scorer.onnx", "products.json", "golden.json", "CARD.md"]) {
    const folder = await writeBundle();
    const whole = await readFile(join(folder, name));
    await writeFile(join(folder, name), Buffer.concat([whole.subarray(1), Buffer.from("x")]));
    await refuses(folder, [name, "sha256"]);
    await writeFile(join(folder, name), Buffer.concat([whole, Buffer.from(" ")]));
    await refuses(folder, [name, `expected ${whole.length} bytes, got ${whole.length + 1}`]);
    await rename(join(folder, name), `${folder}-${name}`);
    await refuses(folder, [name, "got nothing"]);
    await symlink(`${folder}-${name}`, join(folder, name));
    await refuses(folder, [name, "got a link"]);
    await rm(join(folder, name));
    await mkdir(join(folder, name));
    await refuses(folder, [name, "another kind of file"]);
  }
});

test("a manifest of another shape is refused by its key", async () => {
  const entry = { sha256: "0".repeat(64), size: 0 };
  const required = ["scorer.onnx", "products.json", "golden.json", "CARD.md"];
  const files = Object.fromEntries(required.map((name) => [name, entry]));
  const cases = [
    [{ format: "zip" }, "format: expected"],
    [{ format_version: 1 }, ["format_version: expected 2, got 1", "train it again"]],
    [{ name: "" }, "name: expected a text"],
    [{ created_at: "2017-06-02T00:00:00" }, "created_at"],
    [{ created_at: "2017-02-30T00:00:00Z" }, "created_at"],
    [{ graph: { opset: 20, ml_opset: 5, candidates: 3 } }, "graph.opset: expected 21, got 20"],
    [{ kinds: {} }, "kinds.cross-sell: expected a value, got none"],
    [{ certificates: [{ kind: "add-on" }] }, "certificates[0].threshold"],
    [{ metrics: { loss: "low" } }, "metrics.loss: expected a finite number"],
    [{ features: "all" }, "features: expected a list"],
    [{ value: "fame" }, "value"],
    [{ files: { "scorer.onnx": 5 } }, "files.products.json: expected a value, got none"],
    [{ files: { ...files, "scorer.onnx": 5 } }, "files.scorer.onnx: expected an object"],
  ];
  for (const [manifest, words] of cases) await refuses(await writeBundle({ manifest }), words);
});

test("a listed file whose name leaves the folder, or whose entry is none, is refused", async () => {
  const folder = await writeBundle();
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf-8"));
  const entry = { sha256: "0".repeat(64), size: 0 };
  for (const name of ["../secret", "a/b", "a\\b", "..", ".hidden", "manifest.json", "", "/etc/passwd", "a\n"])
    await refuses(await writeBundle({ manifest: { files: { ...manifest.files, [name]: entry } } }), "plain file names");
  const more = { ...manifest.files, "more.bin": 5 };
  await refuses(await writeBundle({ files: {}, manifest: { files: more } }), "files.more.bin");
});

test("JSON that is not plain is refused", async () => {
  const deep = `{"a": ${"[".repeat(129)}1${"]".repeat(129)}}`;
  const twice = ['{"a": 1, "a": 1}', '{"a": {"b": 1, "\\u0062": 2}}', '{"a": "\\ud800"}', '{"\\udfff": 1}', deep];
  for (const text of ["", "{", "[]", "null", '{"a": NaN}', "\ufeff{}", ...twice]) {
    const folder = await writeBundle();
    await writeFile(join(folder, "manifest.json"), text);
    await refuses(folder, "manifest.json");
  }
  const folder = await writeBundle();
  await writeFile(join(folder, "manifest.json"), Buffer.from([0x22, 0xff, 0x22]));
  await refuses(folder, "UTF-8");
});

test("a graph that is more than a pure function is refused before a runtime sees it", async () => {
  const subgraph = field(5, field(6, ""));
  const external = field(1, Buffer.concat([field(8, "w"), field(13, "")]));
  const cases = [
    [scorer({ nodes: [field(4, "Loop")] }), '"Loop"'],
    [scorer({ nodes: [Buffer.concat([field(4, "Add"), field(7, "evil")])] }), '"evil.Add"'],
    [scorer({ nodes: [Buffer.concat([field(4, "Loop"), Buffer.from([0x21]), Buffer.from("Constant")])] }), "not one"],
    [scorer({ nodes: [Buffer.concat([field(4, "Add"), subgraph])] }), "subgraph"],
    [scorer({ graph: [field(5, field(13, ""))] }), "external data"],
    [scorer({ graph: [field(5, Buffer.concat([field(1, 3), field(2, 1), field(9, "four")]))] }), "as much data"],
    [scorer({ graph: [field(5, field(2, 99))] }), "plain types"],
    [scorer({ graph: [field(5, field(3, 0))] }), "field 3 of a tensor"],
    [scorer({ graph: [field(9, 0)] }), "field 9 of the graph"],
    [scorer({ nodes: [Buffer.concat([field(2, "limit"), field(4, "Add")])] }), '"limit" twice'],
    [scorer({ nodes: Array(10_001).fill(field(4, "Add")) }), "at most 10000 nodes"],
    [scorer({ nodes: [Buffer.concat([field(4, "TreeEnsemble"), field(7, "ai.onnx.ml")])] }), "without tree_roots"],
    [scorer({ ports: { input: { more: ["string", ["n"]] } } }), "not known [more]"],
    [scorer({ ports: { output: { score: ["float32", ["n", 3]] } } }), "score: expected axis 1 of size any, got 3"],
    [scorer({ graph: [field(11, port("cart", "string", ["n", "b"]))] }), "each once"],
    [scorer({ graph: [field(5, field(14, 1))] }), "external data"],
    [scorer({ graph: [field(15, external)] }), "sparse tensor"],
    [scorer({ model: [field(25, "")] }), "functions"],
    [scorer({ model: [field(20, "")] }), "training graph"],
    [scorer({ model: [field(7, "")] }), "inputs: expected cart"],
    [scorer({ model: [field(1, 9)] }), "IR version from 10 to 13, got 9"],
    [scorer({ model: [field(26, "")] }), "field 26 of the model"],
    [Buffer.concat([scorer(), Buffer.from([0x02, 0x00])]), "not one"],
    [Buffer.concat([Buffer.from([0x32, 6, 0x20, 0x20]), Buffer.from("ORTM"), scorer()]), "onnxruntime's own format"],
    [scorer({ opsets: [["", 20]] }), "opset 21"],
    [scorer({ opsets: [["", 21], ["com.microsoft", 1]] }), "com.microsoft"],
    [scorer({ opsets: [["", 21], ["", 22]] }), "not one"],
    [scorer().subarray(0, -1), "not one"],
    [Buffer.from("not a model"), "not one"],
    [Buffer.alloc(0), "one graph, got 0"],
    [Buffer.from("....ORTM...."), "not one"],
    [Buffer.from([0x0a, ...Array(11).fill(0xff)]), "not one"],
  ];
  for (const [bytes, words] of cases) {
    const runtime = fakeRuntime();
    runtime.InferenceSession.create = () => assert.fail("a runtime saw it");
    await refuses(await writeBundle({ files: { "scorer.onnx": bytes } }), words, runtime);
  }
});

test("inputs and outputs of another name, type, rank or width are refused, and the session is released", async () => {
  const cases = [
    [{ input: { more: ["string", ["n"]] } }, "not known [more]"],
    [{ input: { cart: ["int64", ["n", "b"]] } }, "cart: expected tensor(string) of rank 2, got tensor(int64)"],
    [{ input: { kinds: ["bool", ["n", 6]] } }, "kinds"],
    [{ output: { retrieved: ["int64", ["n", "k"]] } }, "retrieved"],
    [{ output: { score: ["float32", ["n", 3]] } }, "score"],
  ];
  for (const [ports, words] of cases) {
    const runtime = fakeRuntime({ ports });
    await refuses(await writeBundle(), words, runtime);
    assert.ok(runtime.session.released);
  }
});

test("golden requests that do not give their answers refuse the bundle", async () => {
  const golden = (changes) => ({ files: { "golden.json": Buffer.from(JSON.stringify({ ...GOLDEN, ...changes })) } });
  const [offers] = GOLDEN.answers;
  const cases = [
    [{ answers: [offers.toReversed()] }, "request 0: expected the offers"],
    [{ answers: [offers.slice(1)] }, "request 0: expected the offers"],
    [{ answers: [[{ ...offers[0], relevance: 0.5002 }, offers[1]]] }, "rank 1: expected relevance 0.5002"],
    [{ answers: [] }, "as many answers"],
    [{ requests: [], answers: [] }, "at least one"],
    [{ answers: [[{ product_id: "bread" }]] }, "answers[0]"],
    [{ answers: [[{ ...offers[0], relevance: 1.5 }, offers[1]]] }, "answers[0]"],
    [{ requests: [{ limit: -1 }] }, "limit"],
  ];
  for (const [changes, words] of cases) await refuses(await writeBundle(golden(changes)), words);
  await load(await writeBundle(golden({ answers: [[{ ...offers[0], relevance: 0.50009 }, offers[1]]] })), {
    ort: fakeRuntime(),
  });
});

test("threads are a whole number from 1", async () => {
  const folder = await writeBundle();
  for (const threads of [0, -1, 1.5, "1", null])
    await assert.rejects(load(folder, { threads, ort: fakeRuntime() }), (error) => {
      assert.ok(error instanceof MersalgError);
      return error.message.startsWith("threads: ");
    });
});

test("a public key is one, and a bundle without a signature is refused where one is required", async () => {
  const folder = await writeBundle();
  const key = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const written = Buffer.from(await crypto.subtle.exportKey("spki", key.publicKey)).toString("base64");
  const pem = `-----BEGIN PUBLIC KEY-----\n${written}\n-----END PUBLIC KEY-----\n`;
  const load_with = (public_key) => load(folder, { public_key, ort: fakeRuntime() });
  await assert.rejects(load_with(pem), (error) => {
    assert.ok(error instanceof BundleError);
    return error.message.includes("model.sig: expected the bundle's signature, got nothing; `mersalg sign`");
  });
  for (const wrong of [5, "", "no such file", pem.replace("MFk", "AFk"), pem.replaceAll("PUBLIC", "PRIVATE")])
    await assert.rejects(load_with(wrong), (error) => {
      assert.ok(error instanceof MersalgError && !(error instanceof BundleError), String(error));
      return error.message.includes("public key");
    });
});

test("a bundle loads from an address, and one that is not whole there is refused", async () => {
  const folder = await writeBundle();
  const server = createServer(async (request, response) => {
    const content = await readFile(join(folder, request.url)).catch(() => null);
    response.statusCode = content ? 200 : 404;
    response.end(content);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const address = `http://127.0.0.1:${server.address().port}`;
  assert.equal((await load(address, { ort: fakeRuntime() })).name("bread"), "Fresh bread");
  assert.equal((await load(new URL(`${address}/`), { ort: fakeRuntime() })).name("jam"), "jam");
  await rm(join(folder, "CARD.md"));
  await refuses(address, ["CARD.md", "HTTP status 404"]);
  server.close();
  server.closeAllConnections();
  await refuses(address, "cannot be fetched");
  for (const place of ["http://[", new URL("ftp://127.0.0.1/")]) await refuses(place, "address");
});

test("a folder that is exchanged while it is read is read again from its beginning", async () => {
  const [older, newer] = [await writeBundle(), await writeBundle({ files: { "CARD.md": Buffer.from("# newer\n") } })];
  const link = `${older}-link`;
  await symlink(older, link);
  const place = folderPlace(link);
  const opened = [];
  const exchanging = {
    identity: place.identity,
    hold: place.hold,
    async open() {
      const source = await place.open();
      opened.push(source.place(""));
      if (opened.length > 1) return source;
      return {
        ...source,
        async read(name, ...sizes) {
          if (name !== "golden.json") return source.read(name, ...sizes);
          await symlink(newer, `${link}-new`);
          await rename(`${link}-new`, link);
          throw new BundleError("half of it");
        },
      };
    },
  };
  const { manifest } = await readBundle(exchanging);
  assert.equal(manifest.files["CARD.md"].size, "# newer\n".length);
  assert.equal(opened.length, 2);
});
