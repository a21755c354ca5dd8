/** A bundle in a folder: regular files in the folder itself, no links. */

import { constants } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { join } from "node:path";

import { BundleError } from "./errors.js";

/**
 * The files of a bundle's folder, which itself may be a link.
 * @param {string} path
 * @returns {Promise<import("./bundle.js").Source>}
 */
export async function folderSource(path) {
  const found = await stat(path).catch(() => null);
  if (!found?.isDirectory())
    throw new BundleError(
      `${path}: expected a bundle folder, got ${found ? "a file" : "nothing"}; ` +
        `\`mersalg train CONFIG --out ${path}\` makes one`,
    );
  const folder = await realpath(path);
  return {
    place: (name) => join(folder, name),
    read: (name, largest) => readRegularFile(join(folder, name), largest),
  };
}

/**
 * The bytes of a file that is no link, no device and not above the cap.
 * @param {string} where
 * @param {number} largest
 * @returns {Promise<Uint8Array>}
 */
async function readRegularFile(where, largest) {
  // O_NOFOLLOW and O_NONBLOCK are not on Windows.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await open(where, flags).catch((error) => {
    throw cannotRead(where, error);
  });
  try {
    const { size } = await regular(file, where);
    if (size > largest) throw new BundleError(`${where}: expected at most ${largest} bytes, got ${size}`);
    const content = new Uint8Array(size);
    let read = 0;
    while (read < size) {
      const { bytesRead } = await file.read(content, read, size - read, read);
      if (bytesRead === 0) break;
      read += bytesRead;
    }
    return content.subarray(0, read);
  } finally {
    await file.close();
  }
}

/** @param {import("node:fs/promises").FileHandle} file @param {string} where */
async function regular(file, where) {
  const found = await file.stat();
  if (!found.isFile()) throw new BundleError(`${where}: expected a regular file, got another kind of file`);
  return found;
}

/** @param {string} where @param {NodeJS.ErrnoException} error */
function cannotRead(where, error) {
  if (error.code === "ENOENT")
    return new BundleError(
      `${where}: expected a file, got nothing; the bundle is not whole, copy or export it again`,
    );
  if (error.code === "ELOOP" || error.code === "EMLINK")
    return new BundleError(`${where}: expected a regular file, got a link; copy the file itself into the folder`);
  return new BundleError(`${where}: cannot be read: ${error.message}`);
}
