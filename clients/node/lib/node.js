/** mersalg in Node: `await load("models/NAME")` from a folder or an address, on onnxruntime-node. */

import { fileURLToPath } from "node:url";

import { addressSource } from "./address.js";
import { MersalgError } from "./errors.js";
import { folderSource } from "./folder.js";
import { open, readThreads } from "./recommender.js";

export { BundleError, MersalgError, RequestError } from "./errors.js";
export { KINDS, MOMENTS } from "./names.js";
export { Offers } from "./offers.js";
export { Recommender } from "./recommender.js";

/**
 * A recommender from a bundle folder, or from the address of one, verified and tried on its golden requests.
 * @param {string | URL} place
 * @param {{threads?: number, ort?: import("./session.js").Runtime}} [options]
 */
export async function load(place, { threads = 1, ort } = {}) {
  const count = readThreads(threads);
  const source = /^https?:/.test(String(place))
    ? addressSource(place)
    : await folderSource(place instanceof URL ? fileURLToPath(place) : place);
  return open(source, ort ?? (await importRuntime()), count);
}

async function importRuntime() {
  try {
    return await import("onnxruntime-node");
  } catch (error) {
    throw new MersalgError("onnxruntime-node cannot be imported: `npm install onnxruntime-node`", { cause: error });
  }
}
