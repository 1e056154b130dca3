// One opened recording: what is selected, what new regions become, and every edit a person makes.

import { newId } from "./dom.js";
import { isLocked, isProposed, laneOf, round } from "./rules.js";

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
const ALL = { section: "", origin: "", status: "", annotator: "", from: null, to: null };

export class Session extends EventTarget {
  brush = "alapanai"; // the section that a new region gets
  filter = { ...ALL };
  alone = false; // other annotators' regions are out of sight
  marked = null; // where the region begins that `markOut` will end
  #selected = null;

  constructor(store, wave) {
    super();
    this.store = store;
    this.wave = wave;
    store.addEventListener("words", ({ detail }) => this.say(detail.words));
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

  /** Narrow what is listed; without arguments, list all again. */
  narrow(said = ALL) {
    this.filter = { ...this.filter, ...said };
    this.dispatchEvent(new Event("filter"));
  }

  get isNarrowed() {
    return Object.entries(ALL).some(([name, value]) => this.filter[name] !== value);
  }

  passes(segment) {
    const { from, to, ...said } = this.filter;
    return (
      Object.entries(said).every(([name, value]) => !value || (segment[name] ?? "") === value) &&
      (from === null || segment.end_s > from) &&
      (to === null || segment.start_s < to)
    );
  }

  listed() {
    return this.isNarrowed ? this.seen().filter((each) => this.passes(each)) : this.seen();
  }

  /** All regions, without other annotators' for who marks independently of them. */
  seen() {
    const me = this.alone && this.store.annotator();
    return me ? this.store.list().filter((each) => !each.annotator || each.annotator === me) : this.store.list();
  }

  /** Select the neighbour among the listed that follows (or precedes) and show it. */
  step(by) {
    const list = this.listed();
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
    const made = { ...FIELDS, id, recording_id, start_s: start, end_s: end, section };
    if (this.store.change([made])) this.select(id);
  }

  /** Change some fields. A suggestion that a person changes becomes that person's own. */
  edit(segment, said) {
    if (Object.keys(said).every((name) => segment[name] === said[name])) return;
    this.store.change([changed(segment, said)]);
  }

  /** Name a section: of the selected region if there is one, and of those drawn next. */
  paint(section) {
    if (section !== "violin") this.brush = section;
    this.dispatchEvent(new Event("brush"));
    const chosen = this.#open();
    if (chosen) this.edit(chosen, { section });
  }

  /** Move an edge to `t`; with `both`, also that of the neighbour which touches it. */
  moveEdge(edge, t = this.wave.time, both = false) {
    const chosen = this.#open();
    if (!chosen) return;
    const name = edge === "start" ? "start_s" : "end_s";
    const moved = { [name]: round(t) };
    if (edge === "start" ? moved[name] >= chosen.end_s : moved[name] <= chosen.start_s) {
      return this.say(`Its ${edge} cannot go past its other edge.`);
    }
    const other = both && this.touching(chosen, edge);
    if (!other) return this.edit(chosen, moved);
    if (this.#isLocked(other)) return undefined;
    const followed = { [edge === "start" ? "end_s" : "start_s"]: moved[name] };
    this.store.change([changed(chosen, moved), changed(other, followed)]);
    return undefined;
  }

  /** The neighbour in its lane that begins where it ends, or ends where it starts. */
  touching(segment, edge) {
    const near = (each) =>
      edge === "start" ? each.end_s - segment.start_s : each.start_s - segment.end_s;
    return this.store
      .list()
      .find((each) => isPeer(each, segment) && each.id !== segment.id && Math.abs(near(each)) < 0.02);
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
    const later = { ...changed(whole, { start_s: t }), id: newId() };
    if (this.store.change([changed(whole, { end_s: t }), later])) this.select(later.id);
    return undefined;
  }

  /** Make one region of the selected and the next (or previous) in its lane. */
  merge(by = 1) {
    const chosen = this.#open();
    if (!chosen) return;
    const next = this.#neighbour(chosen, by);
    if (!next) return this.say(`No region ${by > 0 ? "after" : "before"} it in its lane.`);
    if (this.#isLocked(next)) return;
    const start_s = Math.min(chosen.start_s, next.start_s);
    const end_s = Math.max(chosen.end_s, next.end_s);
    this.store.change([changed(chosen, { start_s, end_s })], [next.id]);
  }

  /** Stretch the selected region to its neighbours. */
  fillGap() {
    const chosen = this.#open();
    if (!chosen) return;
    const start_s = this.#neighbour(chosen, -1)?.end_s ?? 0;
    const end_s = this.#neighbour(chosen, 1)?.start_s ?? this.wave.duration;
    this.edit(chosen, {
      start_s: Math.min(chosen.start_s, start_s),
      end_s: Math.max(chosen.end_s, end_s),
    });
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

  /** Begin a region at the cursor; `markOut` ends it there. */
  markIn() {
    this.#mark(round(this.wave.time));
    this.say("Region begins here. Press O where it ends.");
  }

  markOut() {
    const end = round(this.wave.time);
    if (this.marked === null || end <= this.marked) {
      return this.say("Press I where the region begins, then O where it ends.");
    }
    const start = this.marked;
    this.#mark(null);
    this.create({ id: newId(), start, end });
    return undefined;
  }

  /** Give up what was begun, else select nothing. */
  leave() {
    if (this.marked !== null) this.#mark(null);
    else this.select(null);
  }

  say(words) {
    this.dispatchEvent(new CustomEvent("words", { detail: { words } }));
  }

  #mark(t) {
    this.marked = t;
    this.dispatchEvent(new Event("mark"));
  }

  /** The selected region if it may be edited; else say why not. */
  #open() {
    const chosen = this.selected;
    return chosen && !this.#isLocked(chosen) ? chosen : null;
  }

  #isLocked(segment) {
    const key = segment.status === "approved" ? "A" : "R";
    if (isLocked(segment)) {
      this.say(`This region is ${segment.status} and locked. Press ${key} to open it again.`);
    }
    return isLocked(segment);
  }

  #neighbour(segment, by) {
    const lane = this.seen().filter((each) => isPeer(each, segment));
    return lane[lane.findIndex((each) => each.id === segment.id) + by];
  }

  #under(t) {
    const here = this.seen().filter((each) => each.start_s <= t && t < each.end_s);
    return here.find((each) => each.status !== "rejected" && !isProposed(each)) ?? here[0];
  }
}

/** `segment` as a person left it: what was suggested and is changed becomes that person's own. */
export function changed(segment, said) {
  const only = Object.keys(said).every((name) => name === "status" || name === "note");
  return { ...segment, ...said, ...(only ? {} : { origin: "human", confidence: null }) };
}

/** Whether both are of one lane and one kind: proposals are no neighbours of what was drawn. */
function isPeer(one, other) {
  const kind = (each) => `${laneOf(each)} ${isProposed(each)} ${each.status === "rejected"}`;
  return kind(one) === kind(other);
}
