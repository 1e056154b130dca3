// The regions as a table: to read, to jump to, and to reach without a mouse. Only the rows in sight
// are in the page; empty rows stand for those above and below.

import { clock } from "./clock.js";
import { el } from "./dom.js";
import { classOf } from "./names.js";
import { isProposed } from "./rules.js";

const STATUS = { approved: "✓ approved", rejected: "✕ rejected", draft: "draft" };
const ROW_PX = 34; // as the style sheet has it
const SPARE_ROWS = 12;

export class SegmentList {
  #listed = [];
  #waits = false;

  constructor(session) {
    this.session = session;
    this.body = el("tbody");
    this.count = el("caption");
    const heads = ["From", "To", "Section", "Raga", "Tala", "Status"];
    const head = el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name))));
    const table = el("table", {}, this.count, head, this.body);
    this.node = el("div", { class: "list", onscroll: () => this.draw() }, table);
    session.store.addEventListener("change", () => this.later());
    session.addEventListener("filter", () => this.later());
    session.addEventListener("selection", () => this.mark());
    this.refresh();
  }

  later() {
    if (this.#waits) return;
    this.#waits = true;
    requestAnimationFrame(() => {
      this.#waits = false;
      this.refresh();
    });
  }

  refresh() {
    const all = this.session.seen();
    this.#listed = this.session.listed();
    const approved = all.filter((each) => each.status === "approved").length;
    const s = all.length === 1 ? "" : "s";
    const listed = this.session.isNarrowed ? `${this.#listed.length} listed of ` : "";
    this.count.textContent = `${listed}${all.length} region${s}, ${approved} approved`;
    this.draw();
  }

  draw() {
    const n = this.#listed.length;
    const sight = Math.ceil((this.node.clientHeight || 320) / ROW_PX);
    const top = Math.max(0, Math.floor(this.node.scrollTop / ROW_PX) - SPARE_ROWS);
    const first = Math.min(top, Math.max(0, n - sight - SPARE_ROWS));
    const last = Math.min(n, first + sight + 2 * SPARE_ROWS);
    const rows = this.#listed.slice(first, last).map((segment) => this.row(segment));
    this.body.replaceChildren(...gap(first), ...rows, ...gap(n - last));
    this.mark(false);
  }

  row(segment) {
    const cells = [
      clock(segment.start_s, 1),
      clock(segment.end_s, 1),
      null,
      segment.raga ?? "",
      segment.tala ?? "",
      isProposed(segment) ? "suggested" : STATUS[segment.status],
    ].map((text) => el("td", {}, text));
    const name = el(
      "button",
      { type: "button", class: `name ${classOf(segment.section)}`, onclick: () => this.choose(segment) },
      el("span", { class: "swatch" }),
      segment.section,
    );
    cells[2].append(name);
    return el("tr", { "data-id": segment.id, onclick: () => this.choose(segment) }, ...cells);
  }

  choose(segment) {
    this.session.select(segment.id);
    this.session.wave.reveal(segment.start_s);
  }

  mark(bring = true) {
    const id = this.session.selected?.id;
    const at = bring && id ? this.#listed.findIndex((each) => each.id === id) : -1;
    if (at >= 0) this.#bring(at);
    for (const row of this.body.rows) {
      const isChosen = Boolean(id) && row.dataset.id === id;
      row.classList.toggle("selected", isChosen);
      if (isChosen) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  /** Scroll the list itself, never the page, so that row `at` is in sight. */
  #bring(at) {
    const top = at * ROW_PX;
    const tall = this.node.clientHeight - 2 * ROW_PX; // less caption and head
    if (top < this.node.scrollTop) this.node.scrollTop = top;
    else if (top + ROW_PX > this.node.scrollTop + tall) this.node.scrollTop = top + ROW_PX - tall;
  }
}

/** An empty row as tall as `n` rows. */
function gap(n) {
  if (n <= 0) return [];
  const row = el("tr", { class: "gap", "aria-hidden": "true" }, el("td", { colspan: 6 }));
  row.style.height = `${n * ROW_PX}px`;
  return [row];
}
