/**
 * A bundle, read and verified before anything of it is used.
 *
 * Each file is read once, with a size cap, and hashed; what is verified is what is used. What the manifest does not
 * list is not read. No policy is read from the bundle: the caps and the checks are constants of this code. They are
 * those of Python's loader, in the same order.
 */

import { BundleError, MissingFileError, shown } from "../errors.js";
import { isObject } from "../values.js";
import { parseJson } from "./json.js";
import { DIGEST, NO_DIGEST, checkManifest, isShare } from "./manifest.js";
import { checkGraph } from "./onnx/graph.js";
import { checkSignature } from "./signature.js";
import { checkNames } from "./texts.js";

const MEGABYTE = 2 ** 20;
/** The one file that the manifest does not list; read only where a signature is required. */
const SIGNATURE = "model.sig";
/** @type {ReadonlyMap<string, number>} */
const MAX_BYTES = new Map([
  ["manifest.json", 4 * MEGABYTE],
  ["scorer.onnx", 2048 * MEGABYTE - 1],
  ["products.json", 64 * MEGABYTE], // two million names; parsed they take some ten times as much
  ["golden.json", 4 * MEGABYTE],
  ["CARD.md", 4 * MEGABYTE],
  [SIGNATURE, MEGABYTE],
]);
const MAX_OTHER_BYTES = 64 * MEGABYTE;
const MAX_GOLDEN_REQUESTS = 256;

/** A folder may be exchanged for a newer bundle while it is read; then the newer one is read from its beginning. */
const TRIES = 50;

/**
 * The files of a bundle. `read` gives the bytes of a file of at most `largest` bytes and, where told, of exactly
 * `expected`, and takes no more than that; `place` names it in messages.
 *
 * @typedef {object} Source
 * @property {(name: string) => string} place
 * @property {(name: string, largest: number, expected?: number) => Promise<Uint8Array>} read
 *
 * Where a bundle lies. `identity` tells a folder from one that takes its place, as far as the place can tell; while one
 * is held, no other gets its identity.
 *
 * @typedef {{identity: string, release: () => Promise<void>}} Held
 *
 * @typedef {object} Place
 * @property {() => Promise<string>} identity
 * @property {() => Promise<Held>} hold
 * @property {() => Promise<Source>} open
 *
 * @typedef {object} GoldenOffer
 * @property {string} product_id
 * @property {string} kind
 * @property {number} relevance
 *
 * @typedef {object} Bundle
 * @property {Source} source
 * @property {import("../../index.js").Manifest} manifest
 * @property {Uint8Array} scorer
 * @property {ReadonlyMap<string, string>} names product id -> name
 * @property {{request: Record<string, unknown>, offers: GoldenOffer[]}[]} golden
 */

/**
 * Read and verify every file that the manifest lists. With a public key the bundle has to carry a signature of these very
 * bytes by its private key.
 * @param {Place} place
 * @param {import("./signature.js").PublicKey | null} [publicKey]
 * @returns {Promise<Bundle>}
 */
export async function readBundle(place, publicKey = null) {
  for (let attempt = 1; ; attempt++) {
    const held = await place.hold();
    try {
      return await readOnce(await place.open(), publicKey);
    } catch (error) {
      if (!(error instanceof BundleError) || attempt === TRIES || (await place.identity()) === held.identity)
        throw error;
    } finally {
      await held.release();
    }
  }
}

/**
 * The bundle, if nobody exchanges it meanwhile.
 * @param {Source} source
 * @param {import("./signature.js").PublicKey | null} publicKey
 * @returns {Promise<Bundle>}
 */
async function readOnce(source, publicKey) {
  const { manifest, content } = await readManifest(source);
  if (publicKey !== null) {
    const digests = new Map([["manifest.json", await hash(content, source.place("manifest.json"))]]);
    for (const [name, { sha256 }] of Object.entries(manifest.files)) digests.set(name, sha256);
    await checkSignature(await readSignature(source), digests, publicKey, source.place(SIGNATURE));
  }
  const scorer = await readScorer(source, manifest);
  const golden = await readGolden(source, manifest);
  const names = readNames(await readFile(source, manifest, "products.json"), source.place("products.json"));
  for (const name of Object.keys(manifest.files))
    if (!["scorer.onnx", "golden.json", "products.json"].includes(name)) await readFile(source, manifest, name);
  return { source, manifest, scorer, golden, names };
}

/**
 * The manifest and its bytes, if they have its shape and are the bytes that were written.
 * @param {Source} source
 */
export async function readManifest(source) {
  const where = source.place("manifest.json");
  const content = await source.read("manifest.json", /** @type {number} */ (MAX_BYTES.get("manifest.json")));
  const manifest = checkManifest(parseJson(content, where), where);
  const pieces = new TextDecoder().decode(content).split(manifest[DIGEST]);
  if (pieces.length !== 2 || (await hash(new TextEncoder().encode(pieces.join(NO_DIGEST)), where)) !== manifest[DIGEST])
    throw new BundleError(
      `${where}: ${DIGEST}: expected the SHA-256 of these bytes with ${NO_DIGEST.length} zeros in its place, got ` +
        "another; copy the whole bundle again",
    );
  return { manifest, content };
}

/** @param {Source} source */
async function readSignature(source) {
  return source.read(SIGNATURE, /** @type {number} */ (MAX_BYTES.get(SIGNATURE))).catch((error) => {
    if (!(error instanceof MissingFileError)) throw error;
    throw new BundleError(
      `${source.place(SIGNATURE)}: expected the bundle's signature, got nothing; \`mersalg sign\` makes one`,
    );
  });
}

/**
 * The bytes of a listed file, of the size and hash that the manifest says.
 * @param {Source} source
 * @param {import("../../index.js").Manifest} manifest
 * @param {string} name
 */
export async function readFile(source, manifest, name) {
  const { size, sha256 } = manifest.files[name];
  const content = await source.read(name, MAX_BYTES.get(name) ?? MAX_OTHER_BYTES, size);
  await checkDigest(content, sha256, source.place(name));
  return content;
}

/**
 * The verified bytes of the scorer, which is a graph of the format. It is walked while it is hashed, on another thread;
 * a wrong hash is what is told of both.
 * @param {Source} source
 * @param {import("../../index.js").Manifest} manifest
 */
export async function readScorer(source, manifest) {
  const { size, sha256 } = manifest.files["scorer.onnx"];
  const where = source.place("scorer.onnx");
  const content = await source.read("scorer.onnx", /** @type {number} */ (MAX_BYTES.get("scorer.onnx")), size);
  const checked = checkDigest(content, sha256, where);
  const walked = Promise.resolve().then(() => checkGraph(content, where));
  await Promise.allSettled([checked, walked]);
  await checked;
  await walked;
  return content;
}

/** @param {Uint8Array} content @param {string} expected @param {string} where */
async function checkDigest(content, expected, where) {
  const digest = await hash(content, where);
  if (digest !== expected)
    throw new BundleError(`${where}: expected sha256 ${expected}, got ${digest}; copy the whole bundle again`);
}

/** SHA-256 in hexadecimal digits. @param {Uint8Array} content @param {string} where */
async function hash(content, where) {
  if (globalThis.crypto?.subtle === undefined)
    throw new BundleError(`${where}: its hash needs WebCrypto, which a page has over https or from localhost only`);
  const digest = await crypto.subtle.digest("SHA-256", /** @type {Uint8Array<ArrayBuffer>} */ (content));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Verified golden requests, each with its offers; at least one.
 * @param {Source} source
 * @param {import("../../index.js").Manifest} manifest
 */
export async function readGolden(source, manifest) {
  const where = source.place("golden.json");
  const document = parseJson(await readFile(source, manifest, "golden.json"), where);
  const { requests, answers } = isObject(document) ? document : {};
  if (!Array.isArray(requests) || !Array.isArray(answers) || requests.length !== answers.length || !requests.length)
    throw new BundleError(`${where}: expected as many answers as requests, and at least one; export the bundle again`);
  if (requests.length > MAX_GOLDEN_REQUESTS)
    throw new BundleError(`${where}: expected at most ${MAX_GOLDEN_REQUESTS} requests, got ${requests.length}`);
  if (!requests.every(isObject))
    throw new BundleError(`${where}: requests: expected objects; export the bundle again`);
  return requests.map((request, position) => {
    const offers = answers[position];
    if (!Array.isArray(offers) || !offers.every(isGoldenOffer))
      throw new BundleError(
        `${where}: answers[${position}]: expected a list of offers with product_id, kind and relevance; ` +
          "export the bundle again",
      );
    return { request, offers };
  });
}

/** @param {unknown} offer @returns {offer is GoldenOffer} */
function isGoldenOffer(offer) {
  return (
    isObject(offer) &&
    typeof offer.product_id === "string" &&
    typeof offer.kind === "string" &&
    isShare(offer.relevance)
  );
}

/**
 * Product id -> name, from the verified bytes of products.json.
 * @param {Uint8Array} content
 * @param {string} where
 * @returns {ReadonlyMap<string, string>}
 */
export function readNames(content, where) {
  const names = parseJson(content, where);
  if (!isObject(names))
    throw new BundleError(`${where}: expected an object of product id and name, got ${shown(names)}`);
  const entries = Object.entries(/** @type {Record<string, string>} */ (names));
  checkNames(entries, where);
  return new Map(entries);
}
