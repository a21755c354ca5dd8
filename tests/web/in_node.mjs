/** node in_node.mjs BUNDLE CORPUS REPEATS: prints one JSON object, what `compare` found and what ran. */

import { createReadStream } from "node:fs";

import { load } from "../../clients/node/lib/node.js";
import { compare } from "./compare.mjs";

const [bundle, corpus, repeats] = process.argv.slice(2);
const start = performance.now();
const recommender = await load(bundle);
const load_seconds = (performance.now() - start) / 1000;
const found = await compare(recommender, createReadStream(corpus, "utf-8"), Number(repeats));
const { env } = await import("../../clients/node/node_modules/onnxruntime-node/dist/index.js");
const runtime = `Node ${process.versions.node}, onnxruntime-node ${env.versions.node}`;
console.log(JSON.stringify({ ...found, load_seconds, runtime, resident: process.memoryUsage().rss }));
