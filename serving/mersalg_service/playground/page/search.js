/** Finds products by a part of their name or by their id, among a hundred thousand within a few milliseconds. */

const PLAIN = /^[\x20-\x7e]*$/;

/** Letters that are none with an accent, as they are typed without them. @type {Record<string, string>} */
const LETTERS = { æ: "ae", ø: "o", ß: "ss", ð: "d", þ: "th", ł: "l" };

/** Small letters without accents. @param {string} text */
function folded(text) {
  const small = text.toLowerCase();
  if (PLAIN.test(small)) return small;
  return small.normalize("NFD").replace(/\p{M}/gu, "").replace(/[æøßðþł]/g, (letter) => LETTERS[letter]);
}

const PAIR = /"((?:[^"\\]|\\.)*)"\s*:\s*"((?:[^"\\]|\\.)*)"/g;

/**
 * Product id -> name, in the order of the file, which is that of sales; an object would sort ids that are numbers.
 * @param {string} json of an object of texts
 * @returns {Map<string, string>}
 */
export function namesInOrder(json) {
  const plain = (/** @type {string} */ text) => (text.includes("\\") ? JSON.parse(`"${text}"`) : text);
  return new Map(Array.from(json.matchAll(PAIR), ([, id, name]) => [plain(id), plain(name)]));
}

/** An index over products. */
export class ProductIndex {
  /** @param {ReadonlyMap<string, string>} names product id -> name, the best known product first */
  constructor(names) {
    this.ids = [...names.keys()];
    this.folded = Array.from(names.values(), folded);
  }

  /**
   * At most so many product ids whose name holds every word, and how many there are: first where the name begins with
   * what is typed, then where a word of it does, then anywhere; within these in the order of the index.
   * @param {string} typed
   * @param {number} most
   */
  find(typed, most) {
    const whole = folded(typed.trim());
    const words = whole.split(/\s+/);
    /** @type {string[][]} */
    const found = [[], [], []];
    let count = 0;
    if (whole === "") return { ids: this.ids.slice(0, most), count: this.ids.length };
    for (let place = 0; place < this.ids.length; place++) {
      const name = this.folded[place];
      if (!words.every((word) => name.includes(word)) && this.ids[place] !== typed.trim()) continue;
      count += 1;
      const group = found[name.startsWith(whole) ? 0 : ` ${name}`.includes(` ${whole}`) ? 1 : 2];
      if (group.length < most) group.push(this.ids[place]);
    }
    return { ids: found.flat().slice(0, most), count };
  }
}
