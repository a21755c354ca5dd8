/** A bundle behind an address, fetched over HTTP. */

import { BundleError, MissingFileError } from "./errors.js";

/**
 * A bundle behind an address, with or without a slash at its end. An address does not tell when another bundle has taken
 * its place.
 * @param {string | URL} address
 * @returns {import("./bundle/reading.js").Place}
 */
export function addressPlace(address) {
  return {
    identity: async () => "",
    hold: async () => ({ identity: "", release: async () => {} }),
    open: async () => addressSource(address),
  };
}

/** @param {string | URL} address @returns {import("./bundle/reading.js").Source} */
function addressSource(address) {
  const base = readAddress(address);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const place = (/** @type {string} */ name) => new URL(name, base).href;
  return { place, read: (name, largest, expected) => fetchFile(place(name), largest, expected) };
}

/** @param {string | URL} address */
function readAddress(address) {
  try {
    return new URL(address, globalThis.location?.href);
  } catch {
    throw new BundleError(`${address}: expected the address of a bundle, got a text that is none`);
  }
}

/**
 * The bytes behind an address, of the expected size where it is told; no more than that, or than the cap, are taken.
 * @param {string} where
 * @param {number} largest
 * @param {number} [expected]
 * @returns {Promise<Uint8Array>}
 */
async function fetchFile(where, largest, expected) {
  const response = await fetch(where).catch((error) => {
    throw new BundleError(`${where}: cannot be fetched: ${error.message}`);
  });
  if (!response.ok || response.body === null)
    throw new MissingFileError(`${where}: expected a file, got HTTP status ${response.status}; the bundle is not whole`);
  /** What is of a known size is put in its place as it arrives, and so lies here once. @type {Uint8Array<ArrayBuffer>} */
  let content = new Uint8Array(Math.min(expected ?? 0, largest));
  /** @type {Uint8Array[]} */
  const parts = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw new BundleError(`${where}: the transfer broke off: ${error.message}`);
    });
    if (done) break;
    size += value.length;
    if (size > largest || size > (expected ?? size)) {
      await reader.cancel();
      if (size > largest) throw new BundleError(`${where}: expected at most ${largest} bytes, got more`);
      throw new BundleError(`${where}: expected ${expected} bytes, got more; copy the whole bundle again`);
    }
    if (expected === undefined) parts.push(value);
    else content.set(value, size - value.length);
  }
  if (size !== (expected ?? size))
    throw new BundleError(`${where}: expected ${expected} bytes, got ${size}; copy the whole bundle again`);
  if (expected !== undefined) return content;
  content = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    content.set(part, at);
    at += part.length;
  }
  return content;
}
