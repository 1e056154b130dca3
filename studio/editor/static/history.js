// All that was ever said of the selected region, by whom and when; any of it can be brought back.

import { clock } from "./clock.js";
import { button, el } from "./dom.js";

const SAID = { section: "section", raga: "raga", tala: "tala", composer: "composer", composition: "composition", artist: "lead", note: "note", status: "status" };
const DONE = { add: "drew it", delete: "deleted it", undo: "took an edit back", redo: "repeated an edit" };

export class History {
  #asked = 0;

  constructor(session) {
    this.session = session;
    this.list = el("ol");
    this.node = el("details", { class: "history", ontoggle: () => this.draw() }, el("summary", {}, "History"), this.list);
    session.addEventListener("selection", () => this.draw());
    session.store.addEventListener("state", ({ detail }) => detail.state === "saved" && this.draw());
  }

  async draw() {
    const chosen = this.session.selected;
    const asked = (this.#asked += 1);
    if (!this.node.open || !chosen) return;
    const url = `${this.session.store.at}/recordings/${chosen.recording_id}/segments/${chosen.id}/history`;
    const told = await fetch(url).then((answer) => answer.json(), () => null);
    if (asked !== this.#asked) return;
    const revisions = told?.revisions ?? [];
    const rows = revisions.map((each, i) => this.#row(each, revisions[i - 1], i === revisions.length - 1));
    this.list.replaceChildren(...rows.reverse());
    if (!rows.length) this.list.append(el("li", {}, "Not saved yet."));
  }

  #row(revision, before, isLast) {
    const when = new Date(revision.at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    const what = DONE[revision.action] ?? differences(before?.segment, revision.segment);
    const row = el("li", {}, el("small", {}, `${when}, ${revision.by ?? "no name"}: `), what);
    const { segment } = revision;
    if (segment && !isLast) {
      row.append(" ", button("Bring this back", { text: "bring back", press: () => this.session.store.change([segment]) }));
    }
    return row;
  }
}

function differences(before, after) {
  if (!before || !after) return "changed it";
  const said = [];
  if (before.start_s !== after.start_s || before.end_s !== after.end_s) {
    said.push(`${clock(after.start_s, 2)} to ${clock(after.end_s, 2)}`);
  }
  for (const [name, word] of Object.entries(SAID)) {
    if (before[name] !== after[name]) said.push(`${word} ${after[name] ?? "taken back"}`);
  }
  return said.join(", ") || "changed it";
}
