/** node modules.mjs SITE BUNDLE QUESTIONS: what the page's modules give under Node, as one JSON object. */

import { readFileSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [site, bundle, questions] = process.argv.slice(2);
const code = `${site}/code/${readdirSync(`${site}/code`)}`;
const module = (name) => import(pathToFileURL(`${code}/${name}`).href);
const ort = await module("ort/ort.js");
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmBinary = readFileSync(`${code}/ort/ort.wasm`);
const { runtimeWithFloors } = await module("page/floors.js");
const { load } = await module("client/node.js");
const { ProductIndex, namesInOrder } = await module("page/search.js");
const saved = await module("page/saved.js");
const { daysBefore, lineOf } = await module("page/samples.js");
const { SNIPPETS } = await module("page/snippets.js");
const { requests, floors, typed, lines } = JSON.parse(readFileSync(questions, "utf-8"));

const runtime = runtimeWithFloors(ort);
await runtime.warm();
const recommender = await load(bundle, { ort: runtime });
const own = [...runtime.own];
const answers = [];
for (const request of requests) {
  runtime.floors = Float32Array.from(floors);
  const offers = await recommender.recommend(request);
  answers.push(Array.from(offers, ({ product_id, kind, relevance }) => ({ product_id, kind, relevance })));
}
const names = namesInOrder(readFileSync(`${bundle}/products.json`, "utf-8"));
const index = new ProductIndex(names);
const made = new ProductIndex(new Map(Object.entries({ "b-1": "Brød, groft", "m-2": "Mælk 1 l", "m-3": "Havremælk", c: "Café crème" })));
const read = saved.fromLines(lines);
console.log(JSON.stringify({
  own,
  answers,
  order: [...names.keys()],
  prices: [...names.keys()].map((id) => runtime.prices([...names.keys()]).get(id)),
  found: typed.map((text) => made.find(text, 3).ids),
  capped: index.find("", 2),
  written: saved.toLines(read.set),
  requests: read.set.map(saved.requestOf),
  judged: read.set.map((one) => saved.judged(one, ["tea", "milk"])),
  wrong: ["{}", '{"request_id": "a", "cart": ["x"]}\nnonsense\n', '{"request_id": "a", "cart": [1]}', "[]\n", "null"].map(
    (text) => saved.fromLines(text).wrong,
  ),
  made: saved.savedRequest({ cart: [], limit: 1 }, "x", new Map([["a", "must"], ["b", "must"]])),
  aged: ["2024-02-28T17:30:00", "2024-03-01T11:59:59"].map((ordered_at) => {
    const at = "2024-03-01T12:00:00";
    const { id, days, quantity } = lineOf({ product_id: "a", ordered_at }, at);
    return { product_id: id, ordered_at: daysBefore(at, days), quantity };
  }),
  snippets: Object.fromEntries(Object.entries(SNIPPETS).map(([name, write]) => [name, write(requests[0], "shop")])),
}));
