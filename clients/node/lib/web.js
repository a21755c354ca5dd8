/** mersalg in a browser: `await load("/models/NAME/")` from an address, on the WebAssembly build of onnxruntime-web. */

import { addressPlace } from "./address.js";
import { readPublicKey } from "./bundle/signature.js";
import { MersalgError } from "./errors.js";
import { open, readThreads } from "./recommender.js";

export { Customer } from "./customer.js";
export { BundleError, MersalgError, RequestError } from "./errors.js";
export { KINDS, MOMENTS } from "./names.js";
export { Offers } from "./offers.js";
export { reasonText } from "./reasons.js";
export { Recommender } from "./recommender.js";

/**
 * A recommender from the address of a bundle, verified and tried on its golden requests.
 * @param {string | URL} place
 * @param {{threads?: number, ort?: import("./session.js").Runtime, public_key?: string | null}} [options]
 */
export async function load(place, { threads = 1, ort, public_key = null } = {}) {
  const count = readThreads(threads);
  const key = public_key === null ? null : await readPublicKey(public_key);
  return open(addressPlace(place), ort ?? (await importRuntime(count)), count, key);
}

/** The threads of onnxruntime-web are a setting of the page; a runtime that is passed in keeps its own. */
async function importRuntime(/** @type {number} */ threads) {
  try {
    const runtime = await import("onnxruntime-web/wasm");
    runtime.env.wasm.numThreads = threads;
    return runtime;
  } catch (error) {
    throw new MersalgError("onnxruntime-web/wasm cannot be imported: `npm install onnxruntime-web`", { cause: error });
  }
}
