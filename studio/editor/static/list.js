// The regions as a table: to read, to jump to, and to reach without a mouse.

import { clock } from "./clock.js";
import { el } from "./dom.js";
import { classOf } from "./lanes.js";

const STATUS = { approved: "✓ approved", rejected: "✕ rejected", draft: "draft" };

export class SegmentList {
  constructor(session) {
    this.session = session;
    this.body = el("tbody");
    this.count = el("caption");
    const heads = ["From", "To", "Section", "Raga", "Tala", "Status"];
    const head = el("thead", {}, el("tr", {}, ...heads.map((name) => el("th", { scope: "col" }, name))));
    this.node = el("div", { class: "list" }, el("table", {}, this.count, head, this.body));
    this.waits = false;
    session.store.addEventListener("change", () => this.later());
    session.addEventListener("selection", () => this.mark());
    this.draw();
  }

  later() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      this.draw();
    });
  }

  draw() {
    const segments = this.session.store.list();
    const approved = segments.filter((each) => each.status === "approved").length;
    const s = segments.length === 1 ? "" : "s";
    this.count.textContent = `${segments.length} region${s}, ${approved} approved`;
    this.body.replaceChildren(...segments.map((segment) => this.row(segment)));
    this.mark();
  }

  row(segment) {
    const cells = [
      clock(segment.start_s, 1),
      clock(segment.end_s, 1),
      null,
      segment.raga ?? "",
      segment.tala ?? "",
      segment.status === "draft" && segment.origin !== "human" ? "suggested" : STATUS[segment.status],
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

  mark() {
    for (const row of this.body.rows) {
      const isChosen = row.dataset.id === this.session.selected?.id;
      row.classList.toggle("selected", isChosen);
      if (isChosen) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }
}
