/** A bundle in a folder: regular files in the folder itself, no links. */

import { constants } from "node:fs";
import { lstat, open, realpath, stat } from "node:fs/promises";
import { join } from "node:path";

import { BundleError, MissingFileError } from "./errors.js";

/**
 * A bundle's folder, which itself may be a link.
 * @param {string} path
 * @returns {import("./bundle/reading.js").Place}
 */
export function folderPlace(path) {
  return { identity: () => identity(path), hold: () => hold(path), open: () => openFolder(path) };
}

/** What tells a folder from one that takes its place; "" where there is none. @param {string} path */
async function identity(path) {
  return told(await stat(path, { bigint: true }).catch(() => null));
}

/** @param {import("node:fs").BigIntStats | null} found */
function told(found) {
  return found ? `${found.dev} ${found.ino} ${found.mtimeNs}` : "";
}

/**
 * The identity of a folder. Where the system lets folders be opened it stays open until it is released: one that is
 * gone leaves its number to the next, and both may have been made within one tick of the clock.
 * @param {string} path
 * @returns {Promise<import("./bundle/reading.js").Held>}
 */
async function hold(path) {
  const folder = await open(path, constants.O_RDONLY | (constants.O_DIRECTORY ?? 0)).catch(() => null);
  if (!folder) return { identity: await identity(path), release: async () => {} };
  return { identity: told(await folder.stat({ bigint: true })), release: () => folder.close() };
}

/** @param {string} path @returns {Promise<import("./bundle/reading.js").Source>} */
async function openFolder(path) {
  const found = await stat(path).catch(() => null);
  if (!found?.isDirectory())
    throw new BundleError(
      `${path}: expected a bundle folder, got ${found ? "a file" : "nothing"}; ` +
        `\`mersalg train CONFIG --out ${path}\` makes one`,
    );
  const folder = await realpath(path).catch((error) => {
    throw cannotRead(path, error);
  });
  return {
    place: (name) => join(folder, name),
    read: (name, largest, expected) => readRegularFile(join(folder, name), largest, expected),
  };
}

/**
 * The bytes of a file that is no link, no device, not above the cap and, where told, of the expected size. Nothing is
 * read before its kind and its size are known.
 * @param {string} where
 * @param {number} largest
 * @param {number} [expected]
 * @returns {Promise<Uint8Array>}
 */
async function readRegularFile(where, largest, expected) {
  // O_NOFOLLOW and O_NONBLOCK are not on Windows.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  if ((await lstat(where).catch(() => null))?.isSymbolicLink()) throw isLink(where);
  const file = await open(where, flags).catch((error) => {
    throw cannotRead(where, error);
  });
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new BundleError(`${where}: expected a regular file, got another kind of file`);
    if (found.size > largest)
      throw new BundleError(`${where}: expected at most ${largest} bytes, got ${found.size}`);
    if (found.size !== (expected ?? found.size))
      throw new BundleError(`${where}: expected ${expected} bytes, got ${found.size}; copy the whole bundle again`);
    return await readWhole(file, found.size, where);
  } catch (error) {
    throw error instanceof BundleError ? error : cannotRead(where, /** @type {any} */ (error));
  } finally {
    await file.close();
  }
}

/** @param {import("node:fs/promises").FileHandle} file @param {number} size @param {string} where */
async function readWhole(file, size, where) {
  const content = new Uint8Array(size + 1); // one place more, which stays empty
  let read = 0;
  while (read <= size) {
    const { bytesRead } = await file.read(content, read, content.length - read, read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  if (read !== size)
    throw new BundleError(
      `${where}: expected ${size} bytes, got more or less; somebody writes it, load it again later`,
    );
  return content.subarray(0, size);
}

/** @param {string} where */
function isLink(where) {
  return new BundleError(`${where}: expected a regular file, got a link; copy the file itself into the folder`);
}

/** @param {string} where @param {NodeJS.ErrnoException} error */
function cannotRead(where, error) {
  if (error.code === "ENOENT")
    return new MissingFileError(
      `${where}: expected a file, got nothing; the bundle is not whole, copy or export it again`,
    );
  if (error.code === "ELOOP" || error.code === "EMLINK") return isLink(where);
  return new BundleError(`${where}: cannot be read: ${error.message}`);
}
