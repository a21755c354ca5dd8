/**
 * node refusals.mjs < PIECES: a line for each piece, null where it passes and otherwise the words of its refusal.
 *
 * A piece is {"graph": BASE64}, {"manifest": BASE64} or {"folder": PATH}, maybe with {"public_key": PATH}; a folder is
 * loaded whole, with a real runtime.
 */

import { createInterface } from "node:readline";

import { MersalgError } from "../../clients/node/lib/errors.js";
import { checkGraph } from "../../clients/node/lib/bundle/onnx/graph.js";
import { parseJson } from "../../clients/node/lib/bundle/json.js";
import { checkManifest } from "../../clients/node/lib/bundle/manifest.js";
import { load } from "../../clients/node/lib/node.js";

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
for await (const line of lines) console.log(JSON.stringify(await refusalOf(JSON.parse(line))));

async function refusalOf({ graph, manifest, folder, public_key }) {
  try {
    if (graph !== undefined) checkGraph(Buffer.from(graph, "base64"), "scorer.onnx");
    else if (manifest !== undefined)
      checkManifest(parseJson(Buffer.from(manifest, "base64"), "manifest.json"), "manifest.json");
    else await (await load(folder, { public_key })).close();
    return null;
  } catch (error) {
    if (error instanceof MersalgError) return error.message;
    return `no MersalgError: ${error?.stack ?? error}`;
  }
}
