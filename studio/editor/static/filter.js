// Above the list: which regions are listed, what to do with all of them, and the suggestions.

import { clock, seconds } from "./clock.js";
import { button, el } from "./dom.js";
import { acceptAbove, clearSpan, judgeAll, proposals, rejectBelow, relabel, removeAll, shift } from "./many.js";

const ORIGIN_NAMES = [["human", "by hand"], ["suggested", "model"], ["catalog", "catalogue"], ["chapter", "chapters"], ["import", "imported"]];
const STATUS_NAMES = ["draft", "approved", "rejected"].map((name) => [name, name]);
const SURE = 80; // per cent

/** A choice with a first entry that means all. */
function choice(label, all, entries, choose) {
  const node = el("select", { "aria-label": label, onchange: () => choose(node.value) });
  const fill = (list) => {
    const value = node.value;
    node.replaceChildren(
      el("option", { value: "" }, all),
      ...list.map(([name, words]) => el("option", { value: name }, words)),
    );
    node.value = list.some(([name]) => name === value) ? value : "";
  };
  fill(entries);
  return { node, fill };
}

/** A time that narrows the list; nonsense is said and forgotten. */
function timeField(label, session, name) {
  const node = el("input", {
    type: "text",
    class: "when",
    placeholder: label,
    "aria-label": `${label} time`,
    onchange: () => {
      const t = node.value.trim() ? seconds(node.value) : null;
      if (node.value.trim() && t === null) session.say(`${node.value} is no time. Write it as 1:02:05.250.`);
      node.value = t === null ? "" : clock(t, 1);
      session.narrow({ [name]: t });
    },
  });
  return node;
}

/** The filter, with what can be done to everything it lists. */
export class Filter {
  constructor(session, sections) {
    this.session = session;
    const names = sections.map(({ name }) => [name, name]);
    const narrow = (name) => (value) => session.narrow({ [name]: value });
    this.section = choice("Section listed", "any section", names, narrow("section"));
    this.origin = choice("Origin listed", "any origin", ORIGIN_NAMES, narrow("origin"));
    this.status = choice("Status listed", "any status", STATUS_NAMES, narrow("status"));
    this.by = choice("Annotator listed", "by anyone", [], narrow("annotator"));
    this.from = timeField("from", session, "from");
    this.to = timeField("to", session, "to");
    this.all = button("List all again", { text: "all", press: () => this.#reset() });
    this.view = button("Only what is in view", { text: "in view", press: () => this.#span(session.wave.view()) });
    this.heading = el("summary");
    this.node = el(
      "details",
      { class: "filter" },
      this.heading,
      el(
        "div",
        { class: "row", role: "group", "aria-label": "Filter" },
        ...[this.section.node, this.origin.node, this.status.node, this.by.node],
        ...[this.from, this.to, this.view, this.all],
      ),
      this.#actions(names),
    );
    for (const what of ["filter", "selection"]) session.addEventListener(what, () => this.draw());
    session.store.addEventListener("change", () => this.draw());
    this.draw();
  }

  open() {
    this.node.open = true;
    this.section.node.focus();
  }

  /** Clear from `from` to `to`, of what the filter lets through. */
  clear(from, to) {
    clearSpan(this.session, this.session.listed().filter((each) => each.end_s > from && each.start_s < to), from, to);
  }

  #actions(names) {
    const { session } = this;
    const onListed = (act) => () => act(session, session.listed());
    this.name = choice("New section of all listed", "new section…", names, (section) => {
      this.name.node.value = "";
      if (section) relabel(session, session.listed(), section);
    });
    const by = el("input", { type: "number", step: "0.05", value: "1", class: "when", "aria-label": "Seconds to shift by" });
    const move = button("Shift all listed", { text: "shift by", press: () => shift(session, session.listed(), Number(by.value)) });
    this.clearing = button("Clear this stretch", { text: "clear the stretch", press: () => this.clear(session.filter.from, session.filter.to) });
    return el(
      "div",
      { class: "row", role: "group", "aria-label": "Change all listed" },
      this.name.node,
      el("span", { class: "joined" }, move, by, " s"),
      button("Approve all listed", { sign: "check", press: onListed((...all) => judgeAll(...all, "approved")) }),
      button("Reject all listed", { sign: "cross", press: onListed((...all) => judgeAll(...all, "rejected")) }),
      button("Delete all listed", { sign: "trash", press: onListed(removeAll) }),
      this.clearing,
    );
  }

  #reset() {
    for (const { node } of [this.section, this.origin, this.status, this.by]) node.value = "";
    for (const node of [this.from, this.to]) node.value = "";
    this.session.narrow();
  }

  #span([from, to]) {
    this.from.value = clock(from, 1);
    this.to.value = clock(to, 1);
    this.session.narrow({ from, to });
  }

  draw() {
    const { session } = this;
    const n = session.listed().length;
    const narrowed = session.isNarrowed;
    this.heading.textContent = narrowed ? `Filter: ${n} of ${session.seen().length}. Change them together` : "Filter, and change many together";
    const { from, to } = session.filter;
    this.clearing.disabled = from === null || to === null || to <= from;
    const people = new Set(session.store.list().map((each) => each.annotator).filter(Boolean));
    this.by.fill([...people].sort().map((name) => [name, name]));
    this.by.node.hidden = people.size < 2 && !session.filter.annotator;
  }
}

/** What was suggested and nobody has judged: accept the sure, reject the rest. */
export class Suggestions {
  constructor(session) {
    this.session = session;
    this.words = el("b");
    this.share = el("input", { type: "number", min: 0, max: 100, step: 5, value: SURE, class: "when", "aria-label": "Least confidence in per cent", oninput: () => this.draw() });
    this.take = button("Accept these suggestions", { key: "Shift+A", class: "primary", press: () => this.accept() });
    this.leave = button("Reject the other suggestions", { key: "Shift+R", press: () => this.rejectRest() });
    this.node = el("div", { class: "suggestions row", role: "group", "aria-label": "Suggestions" }, this.words, el("label", {}, "at least ", this.share, " % sure:"), this.take, this.leave);
    session.store.addEventListener("change", () => this.draw());
    this.draw();
  }

  get least() {
    return Math.min(Math.max(Number(this.share.value), 0), 100) / 100;
  }

  accept() {
    acceptAbove(this.session, this.least);
  }

  rejectRest() {
    rejectBelow(this.session, this.least);
  }

  draw() {
    const n = proposals(this.session).length;
    const sure = proposals(this.session, this.least).length;
    this.node.hidden = !n;
    this.words.textContent = `${n} suggestion${n === 1 ? "" : "s"}`;
    this.take.textContent = `Accept ${sure}`;
    this.leave.textContent = `Reject ${n - sure}`;
    this.take.disabled = !sure;
    this.leave.disabled = sure === n;
  }
}
