/** A bundle behind an address, fetched over HTTP. */

import { BundleError } from "./errors.js";

/**
 * The files under an address, with or without a slash at its end.
 * @param {string | URL} address
 * @returns {import("./bundle.js").Source}
 */
export function addressSource(address) {
  const base = new URL(address, globalThis.location?.href);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const place = (/** @type {string} */ name) => new URL(name, base).href;
  return { place, read: (name, largest) => fetchFile(place(name), largest) };
}

/**
 * The bytes behind an address; no more than the cap are taken.
 * @param {string} where
 * @param {number} largest
 * @returns {Promise<Uint8Array>}
 */
async function fetchFile(where, largest) {
  const response = await fetch(where).catch((error) => {
    throw new BundleError(`${where}: cannot be fetched: ${error.message}`);
  });
  if (!response.ok || response.body === null)
    throw new BundleError(`${where}: expected a file, got HTTP status ${response.status}; the bundle is not whole`);
  const parts = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      throw new BundleError(`${where}: the transfer broke off: ${error.message}`);
    });
    if (done) break;
    parts.push(value);
    size += value.length;
    if (size > largest) {
      await reader.cancel();
      throw new BundleError(`${where}: expected at most ${largest} bytes, got more`);
    }
  }
  const content = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    content.set(part, at);
    at += part.length;
  }
  return content;
}
