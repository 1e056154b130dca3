// One opened recording: what is selected, what new regions become, and every edit a person makes.

import { newId } from "./dom.js";
import { laneOf } from "./lanes.js";

const FIELDS = {
  raga: null,
  tala: null,
  composer: null,
  composition: null,
  artist: null,
  origin: "human",
  confidence: null,
  status: "draft",
  annotator: null,
  note: null,
  mridangam_level: null,
};

export class Session extends EventTarget {
  brush = "alapanai"; // the section that a new region gets
  #selected = null;
  #markIn = null;

  constructor(store, wave) {
    super();
    this.store = store;
    this.wave = wave;
    store.addEventListener("change", ({ detail }) => {
      if (detail.ids.includes(this.#selected) && !store.get(this.#selected)) this.select(null);
    });
  }

  get recording() {
    return this.store.recording;
  }

  get selected() {
    return this.store.get(this.#selected) ?? null;
  }

  select(id) {
    if (id === this.#selected) return;
    const ids = [this.#selected, id].filter(Boolean);
    this.#selected = id;
    this.dispatchEvent(new CustomEvent("selection", { detail: { ids } }));
  }

  /** Select the neighbour that follows (or precedes) and show it. */
  step(by) {
    const list = this.store.list();
    if (!list.length) return;
    const here = list.findIndex((each) => each.id === this.#selected);
    const after = list.findIndex((each) => each.start_s > this.wave.time);
    const start = here >= 0 ? here + by : by > 0 ? after : (after < 0 ? list.length : after) - 1;
    const next = list[Math.min(Math.max(start, 0), list.length - 1)];
    this.select(next.id);
    this.wave.reveal(next.start_s);
  }

  /** Select what is heard at the cursor. */
  pickAtCursor() {
    this.select(this.#under(this.wave.time)?.id ?? null);
  }

  create({ id, start, end }, section = this.brush) {
    const recording_id = this.recording.id;
    this.store.change([{ ...FIELDS, id, recording_id, start_s: start, end_s: end, section }]);
    this.select(id);
  }

  /** Change some fields. A suggestion that a person changes becomes that person's own. */
  edit(segment, said) {
    const changed = { ...segment, ...said };
    if (Object.keys(said).every((name) => segment[name] === said[name])) return;
    const only = Object.keys(said).every((name) => name === "status" || name === "note");
    if (!only) Object.assign(changed, { origin: "human", confidence: null });
    this.store.change([changed]);
  }

  /** Name a section: of the selected region if there is one, and of those drawn next. */
  paint(section) {
    if (section !== "violin") this.brush = section;
    this.dispatchEvent(new Event("brush"));
    const chosen = this.#open();
    if (chosen) this.edit(chosen, { section });
  }

  moveEdge(edge) {
    const chosen = this.#open();
    if (!chosen) return;
    const t = round(this.wave.time);
    if (edge === "start" && t < chosen.end_s) this.edit(chosen, { start_s: t });
    if (edge === "end" && t > chosen.start_s) this.edit(chosen, { end_s: t });
  }

  nudge(by) {
    const chosen = this.#open();
    if (!chosen) return;
    const shift = Math.max(-chosen.start_s, Math.min(by, this.wave.duration - chosen.end_s));
    this.edit(chosen, { start_s: round(chosen.start_s + shift), end_s: round(chosen.end_s + shift) });
  }

  /** Cut the selected region, or the one under the cursor, in two at the cursor. */
  split() {
    const t = round(this.wave.time);
    const holds = (each) => each && each.start_s < t && t < each.end_s;
    const whole = holds(this.selected) ? this.selected : this.#under(t);
    if (!holds(whole)) return this.say("Put the cursor inside a region to split it.");
    if (this.#isLocked(whole)) return undefined;
    const later = { ...whole, id: newId(), start_s: t };
    this.store.change([{ ...whole, end_s: t }, later]);
    this.select(later.id);
    return undefined;
  }

  /** Make one region of the selected and the next in its lane. */
  merge() {
    const chosen = this.#open();
    const next = chosen && this.#neighbour(chosen, 1);
    if (!next || this.#isLocked(next)) return;
    this.store.change([{ ...chosen, end_s: Math.max(chosen.end_s, next.end_s) }], [next.id]);
  }

  /** Stretch the selected region to its neighbours. */
  fillGap() {
    const chosen = this.#open();
    if (!chosen) return;
    const start_s = this.#neighbour(chosen, -1)?.end_s ?? 0;
    const end_s = this.#neighbour(chosen, 1)?.start_s ?? this.wave.duration;
    this.edit(chosen, { start_s, end_s });
  }

  remove() {
    const chosen = this.#open();
    if (chosen) this.store.change([], [chosen.id]);
  }

  /** Approve or reject the selected region; the same again takes it back. */
  judge(status) {
    const chosen = this.selected;
    if (!chosen) return this.say("Select a region first.");
    this.edit(chosen, { status: chosen.status === status ? "draft" : status });
    return undefined;
  }

  approveAll() {
    const drafts = this.store.list().filter((each) => each.status === "draft");
    if (!drafts.length) return this.say("No drafts are left to approve.");
    this.store.change(drafts.map((each) => ({ ...each, status: "approved" })));
    return undefined;
  }

  /** Begin a region at the cursor; `markOut` ends it there. */
  markIn() {
    this.#markIn = round(this.wave.time);
    this.say("Region begins here. Press O where it ends.");
  }

  markOut() {
    const end = round(this.wave.time);
    if (this.#markIn === null || end <= this.#markIn) {
      return this.say("Press I where the region begins, then O where it ends.");
    }
    this.create({ id: newId(), start: this.#markIn, end });
    this.#markIn = null;
    return undefined;
  }

  say(words) {
    this.dispatchEvent(new CustomEvent("words", { detail: { words } }));
  }

  /** The selected region if it may be edited; else say why not. */
  #open() {
    const chosen = this.selected;
    return chosen && !this.#isLocked(chosen) ? chosen : null;
  }

  #isLocked(segment) {
    const locked = segment.status !== "draft";
    if (locked) {
      const key = segment.status === "approved" ? "A" : "R";
      this.say(`This region is ${segment.status} and locked. Press ${key} to open it again.`);
    }
    return locked;
  }

  #neighbour(segment, by) {
    const lane = this.store
      .list()
      .filter((each) => laneOf(each) === laneOf(segment) && each.status !== "rejected");
    return lane[lane.findIndex((each) => each.id === segment.id) + by];
  }

  #under(t) {
    const here = this.store.list().filter((each) => each.start_s <= t && t < each.end_s);
    return here.find((each) => each.status !== "rejected") ?? here[0];
  }
}

const round = (t) => Math.round(1000 * t) / 1000;
