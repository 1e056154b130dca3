// What is said of the selected region, and of the whole recording; each change is an edit.

import { clock, seconds, span } from "./clock.js";
import { Combobox } from "./combobox.js";
import { button, el } from "./dom.js";
import { History } from "./history.js";
import { ORIGINS } from "./names.js";
import { isLocked } from "./rules.js";

let count = 0;

/** A labelled input whose `commit` is called with its text (or null) when it was changed. */
function textField(label, commit, attributes = {}) {
  const id = `field-${(count += 1)}`;
  const input = el(attributes.rows ? "textarea" : "input", {
    id,
    ...attributes,
    onchange: () => commit(input.value.trim() || null),
  });
  const node = el("div", { class: "field" }, el("label", { for: id }, label), input);
  const show = (value) => {
    if (document.activeElement !== input) input.value = value ?? "";
  };
  return { node, input, show };
}

/** Search ragas, talas or sections; what was found once is remembered. */
export function searcher(at) {
  const known = new Map();
  return (kind) => async (text) => {
    const url = `${at}/search/${kind}?text=${encodeURIComponent(text)}`;
    if (!known.has(url)) known.set(url, fetch(url).then((answer) => answer.json()));
    return known.get(url).catch(() => (known.delete(url), { exact: null, options: [] }));
  };
}

/** The named raga or tala as the search tells it, with its detail and svaras. */
export async function lookUp(search, kind, name) {
  if (!name) return null;
  const { exact, options } = await search(kind)(name);
  return exact ? options[0] : null;
}

export class Inspector {
  constructor(session, search, ragas = null) {
    this.session = session;
    this.search = search;
    const say = (name) => (value) => {
      const chosen = session.selected;
      if (chosen) session.edit(chosen, { [name]: value });
    };
    const combo = (label, name) =>
      new Combobox(label, { search: search(name), commit: say(name) });
    this.section = combo("Section", "section");
    this.raga = combo("Raga", "raga");
    this.tala = combo("Tala", "tala");
    this.ragaDetail = el("p", { class: "detail" });
    this.talaDetail = el("p", { class: "detail" });
    this.texts = {
      composer: textField("Composer", say("composer")),
      composition: textField("Composition", say("composition")),
      artist: textField("Singer or lead", say("artist")),
      note: textField("Note", say("note"), { rows: 2 }),
    };
    this.start = textField("From", (text) => this.#retime("start_s", text), { inputmode: "decimal" });
    this.end = textField("To", (text) => this.#retime("end_s", text), { inputmode: "decimal" });
    this.head = el("h4");
    this.history = new History(session);
    this.about = el("p", { class: "about" });
    this.approve = button("Approve", { sign: "check", text: "Approve", key: "A", press: () => session.judge("approved") });
    this.reject = button("Reject", { sign: "cross", text: "Reject", key: "R", press: () => session.judge("rejected") });
    this.delete = button("Delete region", { sign: "trash", key: "Delete", press: () => session.remove() });
    this.form = el(
      "div",
      { class: "fields" },
      el("div", { class: "head" }, this.head, ...this.#steps(session)),
      this.about,
      el("div", { class: "verdict" }, this.approve, this.reject, this.delete),
      el("div", { class: "pair" }, this.start.node, this.end.node),
      this.section.node,
      el("div", { class: "field" }, this.raga.node, this.ragaDetail, ragas),
      el("div", { class: "field" }, this.tala.node, this.talaDetail),
      ...Object.values(this.texts).map((field) => field.node),
      this.history.node,
    );
    this.empty = el(
      "p",
      { class: "hint" },
      "Drag over the waveform to mark a section; drag in the lower lane for a violin passage. Or play, and press I and O where one begins and ends. Select a region to say what it is; press ? for all keys.",
    );
    this.node = el("section", { class: "inspector", "aria-label": "Selected region" }, this.empty, this.form);
    session.addEventListener("selection", () => this.draw());
    session.store.addEventListener("change", () => this.draw());
    session.store.addEventListener("recording", () => this.draw());
    this.draw();
  }

  /** To go from region to region and hear each, also with a thumb. */
  #steps(session) {
    const { wave } = session;
    const hear = () => wave.play(session.selected.start_s, session.selected.end_s);
    return [
      button("Previous region", { text: "‹", key: "P", press: () => session.step(-1) }),
      button("Play the selected region", { sign: "play", key: "Enter", press: hear }),
      button("Next region", { text: "›", key: "N", press: () => session.step(1) }),
    ];
  }

  draw() {
    const segment = this.session.selected;
    this.form.hidden = !segment;
    this.empty.hidden = Boolean(segment);
    if (!segment) return;
    const { recording } = this.session;
    const locked = isLocked(segment);
    this.head.textContent = `${segment.section}, ${span(segment.end_s - segment.start_s)}`;
    this.about.textContent = [
      locked ? `${segment.status}, locked` : segment.status,
      ORIGINS[segment.origin],
      segment.confidence === null ? null : `${Math.round(100 * segment.confidence)} % sure`,
      segment.annotator ? `by ${segment.annotator}` : null,
    ]
      .filter(Boolean)
      .join(" · ");
    for (const [node, status] of [[this.approve, "approved"], [this.reject, "rejected"]]) {
      node.setAttribute("aria-pressed", segment.status === status);
      node.title = segment.status === status ? "Open it again for editing" : node.ariaLabel;
    }
    this.start.show(clock(segment.start_s, 3));
    this.end.show(clock(segment.end_s, 3));
    this.section.value = segment.section;
    this.raga.value = segment.raga;
    this.tala.value = segment.tala;
    this.raga.hint = inherited(recording.raga);
    this.tala.hint = inherited(recording.tala);
    for (const [name, field] of Object.entries(this.texts)) {
      field.show(segment[name]);
      const above = name === "artist" ? recording.lead_artist : recording[name];
      field.input.placeholder = inherited(above);
      field.input.disabled = locked && name !== "note";
    }
    for (const field of [this.start, this.end]) field.input.disabled = locked;
    for (const field of [this.section, this.raga, this.tala]) field.disabled = locked;
    this.delete.disabled = locked;
    this.#explain(segment.raga ?? recording.raga, segment.tala ?? recording.tala);
  }

  async #explain(raga, tala) {
    const [ragaFound, talaFound] = await Promise.all([
      lookUp(this.search, "raga", raga),
      lookUp(this.search, "tala", tala),
    ]);
    this.ragaDetail.textContent = ragaFound?.detail ?? "";
    this.talaDetail.textContent = talaFound?.detail ?? "";
  }

  #retime(edge, text) {
    const chosen = this.session.selected;
    const t = text === null ? null : seconds(text);
    if (t === null) this.session.say(`${text ?? "Nothing"} is no time. Write it as 1:02:05.250.`);
    else if (chosen) this.session.edit(chosen, { [edge]: t });
    this.draw();
  }
}

/** What holds for the whole recording, and so for every region that does not say otherwise. */
export class RecordingCard {
  constructor(session, search) {
    this.session = session;
    const say = (name) => (value) => session.store.describe({ [name]: value });
    this.raga = new Combobox("Raga", { search: search("raga"), commit: say("raga") });
    this.tala = new Combobox("Tala", { search: search("tala"), commit: say("tala") });
    this.texts = {
      title: textField("Title", say("title")),
      lead_artist: textField("Lead artist", say("lead_artist")),
      composer: textField("Composer", say("composer")),
      composition: textField("Composition", say("composition")),
    };
    const { title, lead_artist, composer, composition } = this.texts;
    this.node = el(
      "details",
      { class: "recording" },
      el("summary", {}, "About the whole recording"),
      el(
        "div",
        { class: "fields two" },
        ...[title.node, lead_artist.node, this.raga.node, this.tala.node],
        ...[composer.node, composition.node],
      ),
    );
    session.store.addEventListener("recording", () => this.draw());
    this.draw();
  }

  draw() {
    const { recording } = this.session;
    this.raga.value = recording.raga;
    this.tala.value = recording.tala;
    for (const [name, field] of Object.entries(this.texts)) {
      field.show(recording[name]);
    }
  }
}

const inherited = (value) => (value ? `${value} (whole recording)` : "");
