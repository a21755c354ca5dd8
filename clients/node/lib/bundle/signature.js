/**
 * Signatures of bundles by OpenSSF Model Signing with plain keys, verified with WebCrypto: no library, no network.
 *
 * The signature is the file model.sig of the bundle: a Sigstore bundle around a DSSE envelope around an in-toto statement
 * with the digests of the manifest and of every file that it lists. `mersalg sign` writes it. What is older than version
 * 1.0 of that format is refused.
 */

import { BundleError, MersalgError } from "../errors.js";
import { isObject } from "../values.js";
import { parseJson } from "./json.js";

const MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
const PREDICATE_TYPE = "https://model_signing/signature/v1.0";
const PEM = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** Curve -> its hash and the bytes of a number on it. */
const CURVES = { "P-256": ["SHA-256", 32], "P-384": ["SHA-384", 48], "P-521": ["SHA-512", 66] };
const MAKE_KEYS =
  "`openssl ecparam -name prime256v1 -genkey -noout` makes a private key, `openssl ec -pubout` its public";

/** What is wrong with a signature. */
class NoSignature extends Error {}

/**
 * A public key, its hash and the bytes of its numbers.
 * @typedef {{key: CryptoKey, hash: string, width: number}} PublicKey
 */

/**
 * A public key from its text in PEM; MersalgError where it is none on a curve that is known.
 * @param {unknown} text
 * @returns {Promise<PublicKey>}
 */
export async function readPublicKey(text) {
  const written = typeof text === "string" ? PEM.exec(text)?.[1].replace(/\s/g, "") : undefined;
  if (written !== undefined && BASE64.test(written) && written.length % 4 === 0 && globalThis.crypto?.subtle !== undefined)
    for (const [namedCurve, [hash, width]] of Object.entries(CURVES)) {
      const algorithm = { name: "ECDSA", namedCurve };
      const key = await crypto.subtle
        .importKey("spki", fromBase64(written), algorithm, false, ["verify"])
        .catch(() => null); // on another curve
      if (key !== null) return { key, hash: String(hash), width: Number(width) };
    }
  throw new MersalgError(
    `public_key: expected a public key in PEM on P-256, P-384 or P-521, and WebCrypto, got another text; ${MAKE_KEYS}`,
  );
}

/**
 * Refuse a signature that is not of exactly these files' sha256 digests by that key.
 * @param {Uint8Array} signature
 * @param {ReadonlyMap<string, string>} digests
 * @param {PublicKey} publicKey
 * @param {string} where
 */
export async function checkSignature(signature, digests, publicKey, where) {
  try {
    const statement = await readStatement(parseJson(signature, where), publicKey);
    compare(await signedDigests(statement), digests);
  } catch (error) {
    if (!(error instanceof NoSignature || error instanceof BundleError)) throw error;
    const got = error instanceof NoSignature ? error.message : "no JSON";
    throw new BundleError(
      `${where}: expected a signature of this bundle by the public key, got ${got}; do not use the bundle, ask who ` +
        "signs it",
    );
  }
}

/** The statement that the key has signed. @param {any} document @param {PublicKey} publicKey */
async function readStatement(document, { key, hash, width }) {
  if (document?.mediaType !== MEDIA_TYPE) throw new NoSignature("another form");
  const envelope = document.dsseEnvelope;
  if (envelope?.payloadType !== PAYLOAD_TYPE) throw new NoSignature("another payload");
  if (!Array.isArray(envelope.signatures) || envelope.signatures.length !== 1)
    throw new NoSignature("more or fewer signatures than one");
  const payload = fromBase64(envelope.payload);
  const signed = plainSignature(fromBase64(envelope.signatures[0]?.sig), width);
  if (!(await crypto.subtle.verify({ name: "ECDSA", hash }, key, signed, authenticated(payload))))
    throw new NoSignature("one by another key, or of other bytes");
  return /** @type {any} */ (parseJson(payload, "payload"));
}

/** The pre-authentication encoding of DSSE, version 1. @param {Uint8Array} payload */
function authenticated(payload) {
  const head = new TextEncoder().encode(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `);
  const whole = new Uint8Array(head.length + payload.length);
  whole.set(head);
  whole.set(payload, head.length);
  return whole;
}

/**
 * The two numbers of an ECDSA signature in DER, each `width` bytes, as WebCrypto takes them.
 * @param {Uint8Array} der
 * @param {number} width
 */
function plainSignature(der, width) {
  const plain = new Uint8Array(2 * width);
  const long = der[1] === 0x81 ? 1 : 0;
  let at = 2 + long;
  if (der[0] !== 0x30 || der[1 + long] !== der.length - at) throw new NoSignature("a signature that is none");
  for (const end of [width, 2 * width]) {
    const length = der[at + 1];
    const number = der.subarray(at + 2, at + 2 + length);
    const digits = number[0] === 0 ? number.subarray(1) : number;
    if (der[at] !== 0x02 || !length || number.length !== length || digits.length > width)
      throw new NoSignature("a signature that is none");
    plain.set(digits, end - digits.length);
    at += 2 + length;
  }
  if (at !== der.length) throw new NoSignature("a signature that is none");
  return plain;
}

/** File name -> sha256 that a statement names. @param {any} statement */
async function signedDigests(statement) {
  if (statement?._type !== STATEMENT_TYPE || statement.predicateType !== PREDICATE_TYPE)
    throw new NoSignature("a statement of another type");
  const resources = statement.predicate?.resources;
  if (!Array.isArray(resources) || !Array.isArray(statement.subject) || statement.subject.length !== 1)
    throw new NoSignature("a statement of another form");
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const resource of resources) {
    const { name, digest, algorithm } = isObject(resource) ? resource : {};
    const isKnown = algorithm === "sha256" && typeof digest === "string" && /^[0-9a-f]{64}$/.test(digest);
    if (!isKnown || typeof name !== "string" || found.has(name)) throw new NoSignature("a digest of another form");
    found.set(name, digest);
  }
  const together = [...found.values()].flatMap((digest) => digest.match(/../g) ?? []);
  const root = await crypto.subtle.digest("SHA-256", Uint8Array.from(together, (pair) => parseInt(pair, 16)));
  const told = Array.from(new Uint8Array(root), (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (statement.subject[0]?.digest?.sha256 !== told) throw new NoSignature("a statement that contradicts itself");
  return found;
}

/** @param {ReadonlyMap<string, string>} signed @param {ReadonlyMap<string, string>} digests */
function compare(signed, digests) {
  for (const [name, digest] of digests) {
    if (!signed.has(name)) throw new NoSignature(`one without ${name}`);
    if (signed.get(name) !== digest) throw new NoSignature(`one of another ${name}`);
  }
  const missing = [...signed.keys()].filter((name) => !digests.has(name));
  if (missing.length) throw new NoSignature(`one of ${missing[0].slice(0, 80)}, which the manifest does not list`);
}

/** @param {unknown} text */
function fromBase64(text) {
  if (typeof text !== "string" || !BASE64.test(text) || text.length % 4) throw new NoSignature("no base64");
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
