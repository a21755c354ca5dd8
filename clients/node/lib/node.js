/** mersalg in Node: `await load("models/NAME")` from a folder or an address, on onnxruntime-node. */

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { addressPlace } from "./address.js";
import { readPublicKey } from "./bundle/signature.js";
import { BundleError, MersalgError } from "./errors.js";
import { folderPlace } from "./folder.js";
import { open, readThreads } from "./recommender.js";

export { Customer } from "./customer.js";
export { BundleError, MersalgError, RequestError } from "./errors.js";
export { KINDS, MOMENTS } from "./names.js";
export { Offers } from "./offers.js";
export { reasonText } from "./reasons.js";
export { Recommender } from "./recommender.js";

/**
 * A recommender from a bundle folder, or from the address of one, verified and tried on its golden requests.
 * @param {string | URL} place
 * @param {{threads?: number, ort?: import("./session.js").Runtime, public_key?: string | null}} [options]
 */
export async function load(place, { threads = 1, ort, public_key = null } = {}) {
  const count = readThreads(threads);
  const key = public_key === null ? null : await readPublicKey(await readKeyFile(public_key));
  const found = /^https?:/.test(String(place)) ? addressPlace(place) : folderPlace(readPath(place));
  return open(found, ort ?? (await importRuntime()), count, key);
}

/** The text of a key, which is given or in a file. @param {unknown} given */
async function readKeyFile(given) {
  if (typeof given !== "string" || given.includes("-----BEGIN")) return given;
  return readFile(given, "utf-8").catch((error) => {
    throw new MersalgError(`${given}: the public key cannot be read: ${error.message}`);
  });
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
