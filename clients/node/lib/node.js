/** mersalg in Node: `await load("models/NAME")` from a folder or an address, on onnxruntime-node. */

import { fileURLToPath } from "node:url";

import { addressPlace } from "./address.js";
import { BundleError, MersalgError } from "./errors.js";
import { folderPlace } from "./folder.js";
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
  const found = /^https?:/.test(String(place)) ? addressPlace(place) : folderPlace(readPath(place));
  return open(found, ort ?? (await importRuntime()), count);
}

/** The path of a folder. @param {string | URL} place */
function readPath(place) {
  if (typeof place === "string") return place;
  if (place instanceof URL && place.protocol === "file:") return fileURLToPath(place);
  throw new BundleError(`${place}: expected a folder's path, or an address that begins with file:, http: or https:`);
}

async function importRuntime() {
  try {
    return await import("onnxruntime-node");
  } catch (error) {
    throw new MersalgError("onnxruntime-node cannot be imported: `npm install onnxruntime-node`", { cause: error });
  }
}
