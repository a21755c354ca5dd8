/** What the page keeps in this browser: theme, language and the saved requests. Nothing leaves it. */

const PREFIX = "mersalg-playground-";

/** @param {string} key @param {any} otherwise */
export function kept(key, otherwise) {
  const text = localStorage.getItem(PREFIX + key);
  return text === null ? otherwise : JSON.parse(text);
}

/** @param {string} key @param {any} value */
export function keep(key, value) {
  localStorage.setItem(PREFIX + key, JSON.stringify(value));
}
