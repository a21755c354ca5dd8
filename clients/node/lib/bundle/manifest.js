/**
 * The shape of manifest.json, format version 2. Keys that are not named here are left alone: a later writer of the same
 * format version may add some.
 */

import { BundleError, shown } from "../errors.js";
import { KINDS } from "../names.js";
import { isObject } from "../values.js";
import { readTime } from "../times.js";
import { ML_OPSET, OPSET } from "./onnx/graph.js";

const FORMAT = "mersalg-bundle";
const FORMAT_VERSION = 2;
/** The key of the manifest's digest of itself, and what stands in its place while it is taken. */
export const DIGEST = "manifest_sha256";
export const NO_DIGEST = "0".repeat(64);
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const REQUIRED_FILES = ["scorer.onnx", "products.json", "golden.json", "CARD.md"];
const RESERVED = ["manifest.json", "model.sig"];
const MAX_FILES = 64;
const DATE_FORM = /^\d{4}-\d{2}-\d{2}$/;
const TIME_FORM = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?$/;

/**
 * What a value has to be: plain, an object with these keys (and maybe more), an object or a list of one sort.
 * @typedef {{expected: string, holds: (value: any) => boolean}} Plain
 * @typedef {Plain | {keys: Record<string, Rule>, optional?: Record<string, Rule>} | {each: Rule} | {list: Rule}} Rule
 */

/** @param {any} v */
const isNumber = (v) => typeof v === "number" && Number.isFinite(v);
/** @param {any} v */
export const isShare = (v) => isNumber(v) && v >= 0 && v <= 1;
/** @param {any} v */
const isCount = (v) => Number.isSafeInteger(v) && v >= 0;
/** @param {any} v */
const isTime = (v) => typeof v === "string" && TIME_FORM.test(v) && isInCalendar(v);
/** @param {any} v */
const isDate = (v) => typeof v === "string" && DATE_FORM.test(v) && isInCalendar(v);

/** @param {string} expected @param {(value: any) => boolean} holds @returns {Plain} */
const plain = (expected, holds) => ({ expected, holds });
/** @param {readonly string[]} names @param {Rule} rule @returns {Record<string, Rule>} */
const all = (names, rule) => Object.fromEntries(names.map((name) => [name, rule]));

const TEXT = plain("a text", (v) => typeof v === "string" && v !== "");
const COUNT = plain("a whole number from 0", isCount);
const SIZE = plain("a whole number from 1", (v) => isCount(v) && v > 0);
const LEFT_OUT = ["products", "pairs", "type_pairs", "follow_pairs", "switches", "intervals", "repeats"];
const SHARE = plain("a number from 0 to 1", isShare);
const THRESHOLD = plain("a number from 0 to 1, or null for a silent kind", (v) => v === null || isShare(v));
const TIME = plain("an ISO 8601 date and time", isTime);
const DATE = plain("an ISO 8601 date", isDate);
const MOMENT_OR_DATE = plain("an ISO 8601 date, or date and time", (v) => isTime(v) || isDate(v));
const HASH = plain("64 hexadecimal digits", (v) => typeof v === "string" && /^[0-9a-f]{64}$/.test(v));

/** @type {Rule} */
const MANIFEST = {
  keys: {
    format: TEXT,
    format_version: COUNT,
    [DIGEST]: HASH,
    name: TEXT,
    created_at: plain("an ISO 8601 time in UTC", (v) => isTime(v) && /(Z|\+00:00)$/.test(v)),
    mersalg_version: TEXT,
    run_id: plain("a text or null", (v) => v === null || typeof v === "string"),
    files: { keys: all(REQUIRED_FILES, { keys: { sha256: HASH, size: COUNT } }) },
    graph: {
      keys: {
        opset: plain(String(OPSET), (v) => v === OPSET),
        ml_opset: plain(String(ML_OPSET), (v) => v === ML_OPSET),
        candidates: SIZE,
      },
    },
    vocabulary: { keys: all(["products", "product_types", "categories", "brands"], COUNT) },
    features: { list: TEXT },
    kinds: { keys: all(KINDS, { keys: { threshold: THRESHOLD, precision_wanted: SHARE } }) },
    certificates: {
      list: {
        keys: {
          kind: plain(`one of ${KINDS.join(", ")}`, (v) => KINDS.includes(v)),
          ...all(["threshold", "precision", "confidence"], SHARE),
          n: COUNT,
          ...all(["from", "to"], MOMENT_OR_DATE),
        },
      },
    },
    metrics: { each: plain("a finite number", isNumber) },
    data: {
      keys: {
        digest: TEXT,
        ...all(["lines", "orders", "customers", "products"], COUNT),
        ...all(["from", "to"], DATE),
        rejected: { each: COUNT },
        switched_off: { list: TEXT },
      },
    },
    windows: { keys: all(["fit_from", "rank_from", "calibrate_from", "test_from", "to"], TIME) },
    config: { keys: {} },
  },
  optional: {
    value: plain('"margin", "price" or null', (v) => v === null || v === "margin" || v === "price"),
    customers_return: plain("true or false", (v) => typeof v === "boolean"),
    privacy: { keys: { min_customers: SIZE, left_out: { keys: all(LEFT_OUT, COUNT) } } },
    reference: { keys: {} },
    lineage: { keys: {} },
  },
};

/**
 * The document itself, if it has the shape of a manifest. BundleError names the key that has not.
 * @param {any} document
 * @param {string} where
 * @returns {import("../../index.js").Manifest}
 */
export function checkManifest(document, where) {
  if (!isObject(document)) throw new BundleError(`${where}: expected a JSON object, got ${shown(document)}`);
  if (document.format !== FORMAT)
    throw new BundleError(
      `${where}: format: expected ${shown(FORMAT)}, got ${shown(document.format)}; is this a bundle?`,
    );
  if (document.format_version !== FORMAT_VERSION)
    throw new BundleError(
      `${where}: format_version: expected ${FORMAT_VERSION}, got ${shown(document.format_version)}; ` +
        "train it again, or load it with the mersalg that wrote it (mersalg_version)",
    );
  check(document, MANIFEST, "", where);
  const manifest = /** @type {any} */ (document);
  const names = Object.keys(manifest.files);
  if (names.length > MAX_FILES)
    throw new BundleError(`${where}: files: expected at most ${MAX_FILES}, got ${names.length}`);
  for (const name of names) {
    if (!FILE_NAME.test(name) || RESERVED.includes(name))
      throw new BundleError(
        `${where}: files: expected plain file names other than ${RESERVED.join(" and ")}, got ${shown(name)}`,
      );
    check(manifest.files[name], { keys: { sha256: HASH, size: COUNT } }, `files.${name}`, where);
  }
  return manifest;
}

/**
 * Refuse a value that does not follow its rule.
 * @param {any} value
 * @param {Rule} rule
 * @param {string} key
 * @param {string} where
 */
function check(value, rule, key, where) {
  /** @param {string} name @param {string} expected @param {any} got */
  const refuse = (name, expected, got) => {
    throw new BundleError(`${where}: ${name}: expected ${expected}, got ${got}; export the bundle again`);
  };
  if ("holds" in rule) {
    if (!rule.holds(value)) refuse(key, rule.expected, shown(value));
  } else if ("list" in rule) {
    if (!Array.isArray(value)) refuse(key, "a list", shown(value));
    value.forEach((/** @type {any} */ item, /** @type {number} */ i) => check(item, rule.list, `${key}[${i}]`, where));
  } else {
    if (!isObject(value)) refuse(key, "an object", shown(value));
    /** @param {string} name */
    const full = (name) => (key ? `${key}.${name}` : name);
    if ("keys" in rule)
      for (const name of Object.keys(rule.keys)) if (!Object.hasOwn(value, name)) refuse(full(name), "a value", "none");
    const rules = new Map("each" in rule ? [] : Object.entries({ ...rule.keys, ...rule.optional }));
    for (const [name, item] of Object.entries(value)) {
      const inner = "each" in rule ? rule.each : rules.get(name);
      if (inner !== undefined) check(item, inner, full(name), where);
    }
  }
}

/**
 * Whether there is such a day and time of day.
 * @param {string} text
 */
function isInCalendar(text) {
  try {
    readTime(text, "time");
  } catch {
    return false;
  }
  return true;
}
