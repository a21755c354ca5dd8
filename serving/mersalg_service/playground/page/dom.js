/** Elements of the page. Text is text alone: no name of a product is ever read as HTML. */

/**
 * An element. `on` holds listeners by event; a property such as `value` or `hidden` is set, anything else an attribute.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An element of a drawing. @param {string} tag @param {Record<string, any>} attributes @param {...(Node | string)} children */
export function drawn(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

const PROPERTIES = new Set(["value", "hidden", "checked", "disabled", "className"]);

/** @param {any} element @param {Record<string, any>} attributes @param {(Node | string | null)[]} children */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (PROPERTIES.has(name)) element[name] = value;
    else if (value !== null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @param {string} id @returns {any} */
export function byId(id) {
  return document.getElementById(id);
}

/** A button with a word. @param {string} word @param {() => void} pressed @param {Record<string, any>} [more] */
export function button(word, pressed, more = {}) {
  return el("button", { type: "button", ...more, on: { click: pressed } }, word);
}

/**
 * Radio buttons that look like one bar. `chosen` is called with the value.
 * @param {any} group
 * @param {string} name
 * @param {{value: string, word: string}[]} choices
 * @param {string} value
 * @param {(value: string) => void} chosen
 */
export function radios(group, name, choices, value, chosen) {
  const isHeld = group.contains(document.activeElement);
  group.classList.add("bar-of-choices");
  group.replaceChildren(
    ...choices.map((choice) =>
      el(
        "label", {},
        el("input", {
          type: "radio", name, value: choice.value, checked: choice.value === value, on: { change: () => chosen(choice.value) },
        }),
        el("span", {}, choice.word),
      ),
    ),
  );
  if (isHeld) group.querySelector("input:checked")?.focus();
}

/**
 * Draw areas anew and give the focus back to the button that had it, or else to another place.
 * @param {any[]} areas
 * @param {() => void} draw
 * @param {any} otherwise
 */
export function keepingFocus(areas, draw, otherwise) {
  const held = document.activeElement;
  const key = held !== null && areas.some((area) => area.contains(held)) ? labelOf(held) : null;
  draw();
  if (key === null) return;
  const buttons = areas.flatMap((area) => [...area.querySelectorAll("button, summary")]);
  (buttons.find((button) => labelOf(button) === key) ?? otherwise).focus();
}

/** What an element is called, with the group that it stands in. @param {Element} element */
function labelOf(element) {
  const group = element.closest("[role=group]")?.getAttribute("aria-label");
  return `${group}: ${element.getAttribute("aria-label") ?? element.textContent}`;
}
