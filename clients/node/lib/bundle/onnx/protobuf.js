/**
 * The fields of a protobuf message, read from its bytes without a library.
 *
 * The encoding is that of protobuf.dev/programming-guides/encoding. Where protobuf libraries differ in what they make of
 * odd bytes, this reader refuses them, so that it cannot be told another story than the runtime: groups, field number 0,
 * tags above 32 bits, numbers above 64 bits, and a number where a message belongs. A number of fixed width, which no
 * field that is read here has, is null: libraries skip such a field, and taken for a text it would hide the real one.
 * A whole number from 2^63, which is one below zero, is -1; others above 2^53 are not exact, which no check here needs.
 *
 * @typedef {number | Uint8Array | null} Field
 */

import { BundleError } from "../../errors.js";

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
export const NO_BYTES = new Uint8Array(0);
/** Made once: a scorer has a hundred thousand texts. */
const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes that are not what they should be. */
export class Damage extends Error {}

/**
 * Field numbers and values of a message, in order. Damage where it is no message.
 * @param {Uint8Array} message
 * @returns {Generator<[number, Field]>}
 */
export function* fields(message) {
  const place = { at: 0 };
  while (place.at < message.length) {
    const tag = varint(message, place);
    if (tag < 0 || tag >= 2 ** 32) throw new Damage("a tag of more than 32 bits");
    if (tag < 8) throw new Damage("a field without a number");
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    if (wire === VARINT) {
      yield [number, varint(message, place)];
      continue;
    }
    if (wire !== BYTES && wire !== FIXED64 && wire !== FIXED32) throw new Damage("a protobuf group");
    const length = wire === BYTES ? varint(message, place) : wire === FIXED64 ? 8 : 4;
    if (length < 0 || length > message.length - place.at)
      throw new Damage("a field that is longer than its message");
    yield [number, wire === BYTES ? message.subarray(place.at, place.at + length) : null];
    place.at += length;
  }
}

/**
 * A base-128 number below 2^64; `place` moves behind it.
 * @param {Uint8Array} message
 * @param {{at: number}} place
 */
function varint(message, place) {
  let number = 0;
  for (let bytes = 0; bytes < 10; bytes++) {
    if (place.at >= message.length) throw new Damage("a number that has no end");
    const byte = message[place.at++];
    if (bytes === 9) {
      if (byte > 1) throw new Damage("a number of more than 64 bits");
      return byte === 1 ? -1 : number;
    }
    number += (byte & 0x7f) * 2 ** (7 * bytes);
    if (byte < 0x80) return number;
  }
  throw new Damage("a number of more than ten bytes");
}

/** A field that must be a message, a text or bytes. @param {Field | undefined} value */
export function part(value) {
  if (!(value instanceof Uint8Array)) throw new Damage("a number where a message belongs");
  return value;
}

/** A field that must be a text. @param {Field} value */
export function text(value) {
  const bytes = part(value);
  try {
    return UTF_8.decode(bytes);
  } catch {
    throw new Damage("a text that is not UTF-8");
  }
}

/** A field that must be a whole number from 0 to 2^63 - 1. @param {Field | undefined} value */
export function numberOf(value) {
  if (typeof value !== "number" || value < 0) throw new Damage("something else where a number from 0 belongs");
  return value;
}

/**
 * One number of a repeated field, or many in their packed form; Damage for more than `most`.
 * @param {Field} value
 * @param {number} most
 */
export function numbersOf(value, most) {
  if (typeof value === "number") return [numberOf(value)];
  const packed = part(value);
  const numbers = [];
  const place = { at: 0 };
  while (place.at < packed.length) {
    numbers.push(numberOf(varint(packed, place)));
    if (numbers.length > most) throw new Damage("too many numbers");
  }
  return numbers;
}

/**
 * Refuse a field that this reader does not know: what it means to a runtime cannot be judged.
 * @param {number} number
 * @param {ReadonlySet<number>} known
 * @param {string} what
 * @param {string} where
 */
export function expectKnown(number, known, what, where) {
  if (!known.has(number))
    throw new BundleError(`${where}: expected fields of the bundle format only, got field ${number} of ${what}`);
}
