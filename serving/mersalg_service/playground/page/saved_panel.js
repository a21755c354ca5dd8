/** The saved requests: each is judged whenever a floor or the bundle changes. */

import { button, byId, el } from "./dom.js";
import { fromLines, judged, requestOf, savedRequest, toLines, verdictsOf } from "./saved.js";
import { keep, kept } from "./storage.js";
import { t } from "./texts.js";

const KEY = "requests";

export class SavedPanel {
  /** @type {any[]} */
  #set = kept(KEY, []);

  /**
   * @param {{model: () => any, floors: () => Record<string, number>, request: () => any, verdicts: () => Map<string, string>,
   *   open: (one: {request: any, verdicts: Map<string, string>}) => void}} page
   */
  constructor(page) {
    this.page = page;
    byId("save").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save(byId("save-name").value.trim() || `request-${this.#set.length + 1}`);
    });
    byId("download").addEventListener("click", () => this.#download());
    byId("import").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", () => this.#read(byId("file").files[0]));
  }

  /** A request of the same name is replaced. @param {string} name */
  #save(name) {
    const one = savedRequest(this.page.request(), name, this.page.verdicts());
    this.#put([...this.#set.filter((other) => other.request_id !== name), one]);
    byId("save-name").value = "";
  }

  #put(set) {
    this.#set = set;
    keep(KEY, set);
    this.show();
    this.judge();
  }

  #download() {
    const address = URL.createObjectURL(new Blob([toLines(this.#set)], { type: "application/jsonl" }));
    el("a", { href: address, download: "requests.jsonl" }).click();
    URL.revokeObjectURL(address);
  }

  async #read(file) {
    const { set, wrong } = fromLines(await file.text());
    byId("set-told").textContent = wrong === null ? "" : t("set.wrong", { line: wrong });
    if (set !== null) this.#put([...this.#set.filter((one) => !set.some(({ request_id }) => request_id === one.request_id)), ...set]);
    byId("file").value = "";
  }

  show() {
    byId("download").disabled = this.#set.length === 0;
    byId("set").replaceChildren(...this.#set.map((one) => this.#line(one)));
  }

  #line(one) {
    const open = () => this.page.open({ request: requestOf(one), verdicts: verdictsOf(one) });
    const remove = () => {
      this.#put(this.#set.filter((other) => other !== one));
      byId("save-name").focus();
    };
    const label = t("remove", { name: one.request_id });
    return el(
      "li", { "data-request": one.request_id },
      el("span", { className: "grow" },
        button(one.request_id, open, { className: "link", "aria-label": t("set.open", { name: one.request_id }) }),
        el("span", { className: "verdict-told" })),
      button("×", remove, { className: "remove quiet", "aria-label": label, title: label }),
    );
  }

  /** Ask the bundle for each, and say what is amiss. */
  async judge() {
    const set = this.#set;
    if (!set.length) return;
    const answers = await this.page.model().shown(set.map(requestOf), this.page.floors());
    if (set !== this.#set) return;
    const names = (ids) => ids.map(this.page.model().name).join(", ");
    for (const [place, line] of [...byId("set").children].entries()) {
      const { missing, unwanted } = judged(set[place], answers[place].map(({ product_id }) => product_id));
      const told = [
        ...(missing.length ? [t("set.missing", { names: names(missing) })] : []),
        ...(unwanted.length ? [t("set.unwanted", { names: names(unwanted) })] : []),
      ];
      line.querySelector(".verdict-told").textContent = told.length ? ` ✗ ${told.join("; ")}` : ` ✓ ${t("set.passes")}`;
      line.classList.toggle("amiss", told.length > 0);
    }
  }
}
