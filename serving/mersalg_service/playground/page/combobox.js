/** A search field with a list below it, by the combobox pattern of the ARIA Authoring Practices. */

import { el } from "./dom.js";

const MOST = 12;

/**
 * A combobox that finds products.
 * @param {{id: string, label: string, index: () => import("./search.js").ProductIndex | undefined, name: (id: string) => string,
 *   chosen: (id: string) => void, more: (shown: number, count: number) => string, byId: (id: string) => string}} options
 */
export function productSearch(options) {
  const list = el("ul", { id: `${options.id}-list`, role: "listbox", "aria-label": options.label, hidden: true });
  const note = el("p", { className: "hint", role: "status" });
  const input = el("input", {
    id: options.id, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
    placeholder: options.label, "aria-label": options.label, "aria-autocomplete": "list", "aria-expanded": "false",
    "aria-controls": list.id, on: { input: look, keydown, click: look, blur: close },
  });
  let active = -1;

  function look() {
    const typed = input.value.trim();
    const index = options.index();
    if (index === undefined) return; // the bundle is still on its way
    const { ids, count } = index.find(typed, MOST);
    const free = typed !== "" && count === 0 ? [typed] : [];
    list.replaceChildren(...[...ids, ...free].map((id, place) => option(id, place, free.length > 0)));
    list.hidden = list.childElementCount === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    note.textContent = typed === "" || free.length ? "" : options.more(Math.min(count, MOST), count);
    mark(typed === "" ? -1 : 0);
  }

  function option(id, place, isFree) {
    const word = isFree ? options.byId(id) : options.name(id);
    const line = el("li", { id: `${list.id}-${place}`, role: "option", "aria-selected": "false", "data-id": id }, word);
    if (!isFree && word !== id) line.append(el("small", {}, id));
    line.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the focus stays in the field
      take(id);
    });
    return line;
  }

  function mark(place) {
    active = place;
    for (const [at, line] of [...list.children].entries()) line.setAttribute("aria-selected", String(at === place));
    const line = list.children[place];
    if (line && !list.hidden) input.setAttribute("aria-activedescendant", line.id);
    else input.removeAttribute("aria-activedescendant");
    line?.scrollIntoView({ block: "nearest" });
  }

  function take(id) {
    input.value = "";
    close();
    options.chosen(id);
  }

  function close() {
    list.hidden = true;
    note.textContent = "";
    input.setAttribute("aria-expanded", "false");
    mark(-1);
  }

  function keydown(event) {
    const last = list.childElementCount - 1;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (list.hidden) look();
      else if (event.key === "ArrowDown") mark(active >= last ? 0 : active + 1);
      else mark(active <= 0 ? last : active - 1);
    } else if (event.key === "Enter" && active >= 0 && !list.hidden) take(list.children[active].dataset.id);
    else if (event.key === "Escape") {
      if (list.hidden) input.value = "";
      close();
    } else return;
    event.preventDefault();
  }

  return el("div", { className: "combobox" }, input, list, note);
}
