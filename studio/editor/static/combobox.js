// A text field with a list to choose from, searched on the server in any spelling (ARIA combobox).

import { el } from "./dom.js";

const SETTLE_MS = 90;
let count = 0;

export class Combobox {
  #value = null;
  #options = [];
  #exact = null;
  #at = -1;
  #asked = 0;
  #timer = null;

  /** `search(text)` answers `{exact, options: [{name, detail}]}`; `commit(name or null)` takes. */
  constructor(label, { search, commit, hint = "" }) {
    const id = `combobox-${(count += 1)}`;
    this.search = search;
    this.commit = commit;
    this.input = el("input", {
      id,
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: hint,
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": `${id}-list`,
      oninput: () => this.#later(),
      onfocus: () => this.input.select(),
      onclick: () => this.#look(""),
      onkeydown: (event) => this.#key(event),
      onblur: () => this.#leave(),
    });
    this.list = el("ul", { id: `${id}-list`, role: "listbox", "aria-label": `${label}s`, hidden: true });
    this.node = el("div", { class: "field" }, el("label", { for: id }, label), this.input, this.list);
  }

  set value(value) {
    this.#value = value;
    if (document.activeElement !== this.input) this.input.value = value ?? "";
  }

  set hint(text) {
    this.input.placeholder = text ?? "";
  }

  set disabled(is) {
    this.input.disabled = is;
  }

  #later() {
    clearTimeout(this.#timer);
    this.#exact = null;
    this.#timer = setTimeout(() => this.#look(this.input.value), SETTLE_MS);
  }

  async #look(text) {
    const asked = (this.#asked += 1);
    const found = await this.search(text);
    if (asked !== this.#asked || document.activeElement !== this.input) return;
    this.#options = found.options;
    this.#exact = found.exact;
    this.#at = found.exact ? 0 : -1;
    this.#draw();
  }

  #draw() {
    const items = this.#options.map(({ name, detail }, i) =>
      el(
        "li",
        {
          id: `${this.list.id}-${i}`,
          role: "option",
          "aria-selected": String(i === this.#at),
          onpointerdown: (event) => event.preventDefault(), // the field keeps the focus
          onclick: () => this.#take(name),
        },
        el("b", {}, name),
        el("small", {}, detail),
      ),
    );
    if (!items.length) items.push(el("li", { class: "none" }, "Nothing by that name"));
    this.list.replaceChildren(...items);
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    const current = this.#at >= 0 ? items[this.#at] : null;
    this.input.setAttribute("aria-activedescendant", current?.id ?? "");
    current?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const isOpen = !this.list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) return void this.#look("");
      const by = event.key === "ArrowDown" ? 1 : -1;
      this.#at = Math.min(Math.max(this.#at + by, 0), this.#options.length - 1);
      this.#draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (isOpen && this.#at >= 0) this.#take(this.#options[this.#at].name);
      else this.#leave();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      this.#close();
      this.input.value = this.#value ?? "";
    }
  }

  #take(name) {
    this.input.value = name;
    this.#close();
    this.#say(name);
  }

  /** What was typed counts, chosen from the list or not; the library knows any spelling. */
  #leave() {
    this.#close();
    const text = this.input.value.trim();
    this.#say(text ? (this.#exact ?? text) : null);
  }

  #say(value) {
    clearTimeout(this.#timer);
    this.#exact = null;
    if (value === this.#value) return;
    this.#value = value;
    this.commit(value);
  }

  #close() {
    this.#asked += 1;
    this.list.hidden = true;
    this.#at = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
