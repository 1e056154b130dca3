// The regions over the waveform, in two lanes: sections above, violin-only passages below. What is
// merely proposed lies as a dashed band at the top of its lane, so that one can draw below it.
//
// Only regions in view are elements of the page; where too many would be, the shortest are painted
// as a band of colour (Crowd) until one zooms in. So 50,000 regions cost no more than 400.

import { Crowd } from "./crowd.js";
import { el, newId } from "./dom.js";
import { clock } from "./clock.js";
import { Stroke, aim, fit, stops } from "./stroke.js";
import { SHORTEST_S, isLocked, isProposed, laneOf } from "./rules.js";
import { caption, classOf } from "./names.js";

export const HEIGHT = 176; // of both lanes; the time line follows below
const LANES = { sections: { top: 0, height: 124 }, violin: { top: 124, height: 52 } }; // pixels
const BAND = { sections: 30, violin: 20 }; // of proposals, where there are any
const MOST = 400; // elements
const NARROW_PX = 3;

export class Lanes {
  #regions = new Map(); // id -> the plugin's region
  #dressed = new Map(); // id -> what it was last drawn from
  #quiet = false;
  #drag = null; // {id, before, partner}: a region that follows the mouse
  #waits = false;

  constructor(session, wave, { at, stage }) {
    this.session = session;
    this.wave = wave;
    this.crowd = new Crowd(stage, LANES);
    const wrapper = wave.ws.getWrapper();
    wrapper.getRootNode().append(el("link", { rel: "stylesheet", href: `${at}/region.css` }));
    this.stroke = new Stroke(wrapper, wave, LANES.violin.top);
    this.isFine = matchMedia("(pointer: fine)").matches;
    if (this.isFine) wave.regions.enableDragSelection({ color: "transparent" }); // a finger scrolls
    wave.regions.on("region-initialized", (region) => this.#quiet || this.#begun(region));
    wave.regions.on("region-created", (region) => this.#quiet || this.#drawn(region));
    wave.regions.on("region-update", (region, side) => this.#moving(region, side));
    wave.regions.on("region-updated", (region, side) => this.#moved(region, side));
    wave.regions.on("region-clicked", (region) => session.select(region.id));
    wave.regions.on("region-double-clicked", (region) => wave.play(region.start, region.end));
    for (const what of ["selection", "filter"]) session.addEventListener(what, () => this.later());
    session.store.addEventListener("change", () => this.later());
    wave.addEventListener("view", () => this.later());
    this.draw();
  }

  /** Draw before the next frame, once for all that asks for it. */
  later() {
    if (this.#waits) return;
    this.#waits = true;
    requestAnimationFrame(() => {
      this.#waits = false;
      if (!this.wave.isGone) this.draw();
    });
  }

  draw() {
    const all = this.session.seen();
    const [start, end] = this.wave.view();
    const room = (end - start) / 2;
    const near = all.filter((each) => each.end_s > start - room && each.start_s < end + room);
    const shown = this.#fewEnough(near);
    const banded = { sections: false, violin: false };
    for (const each of all) if (isProposed(each)) banded[laneOf(each)] = true;
    const ids = new Set(shown.map((each) => each.id));
    for (const id of this.#regions.keys()) if (!ids.has(id) && id !== this.#drag?.id) this.#remove(id);
    for (const each of shown) if (each.id !== this.#drag?.id) this.#dress(each, banded[laneOf(each)]);
    this.crowd.draw(near.filter((each) => !ids.has(each.id)), [start, end]);
  }

  #fewEnough(near) {
    if (near.length <= MOST) return near;
    const { px } = this.wave;
    const length = (each) => each.end_s - each.start_s;
    const isWide = (each) => length(each) * px >= NARROW_PX || each.id === this.session.selected?.id;
    const wide = near.filter(isWide);
    return wide.length <= MOST ? wide : wide.sort((a, b) => length(b) - length(a)).slice(0, MOST);
  }

  #region(segment) {
    if (this.#regions.has(segment.id)) return this.#regions.get(segment.id);
    this.#quiet = true;
    const region = this.wave.regions.addRegion({
      id: segment.id,
      start: segment.start_s,
      end: segment.end_s,
      color: "transparent",
      minLength: SHORTEST_S,
    });
    this.#quiet = false;
    this.#regions.set(segment.id, region);
    return region;
  }

  #remove(id) {
    this.#regions.get(id)?.remove();
    this.#regions.delete(id);
    this.#dressed.delete(id);
  }

  #dress(segment, banded) {
    const isSelected = this.session.selected?.id === segment.id;
    const isFaint = !this.session.passes(segment);
    const worn = [segment, isSelected, isFaint, banded];
    if (this.#dressed.get(segment.id)?.every((each, i) => each === worn[i])) return;
    this.#dressed.set(segment.id, worn);
    const region = this.#region(segment);
    const free = !isLocked(segment) && (this.isFine || isSelected); // a finger that scrolls moves none
    region.setOptions({ start: segment.start_s, end: segment.end_s, drag: free, resize: free });
    const node = region.element;
    placed(node, laneOf(segment), banded, isProposed(segment));
    node.className = `segment ${classOf(segment.section)}`;
    node.dataset.status = segment.status;
    node.dataset.origin = ["human", "import"].includes(segment.origin) ? "human" : "proposed";
    node.classList.toggle("selected", isSelected);
    node.classList.toggle("faint", isFaint);
    node.title = `${caption(segment)}, ${clock(segment.start_s, 1)} to ${clock(segment.end_s, 1)}`;
    let label = node.querySelector(".label");
    if (!label) node.append((label = el("span", { class: "label" })));
    label.textContent = caption(segment);
  }

  /** A region is being dragged out: show it in its lane, and let its edge snap. */
  #begun(region) {
    const { lane } = this.stroke.pressed;
    placed(region.element, lane, false, false);
    region.element.className = `segment drawing ${classOf(lane === "violin" ? "violin" : this.session.brush)}`;
    region.on("update", () => region.setOptions(edges(this.#stretch())));
  }

  #stretch() {
    const { pressed, at, snaps } = this.stroke;
    const points = snaps ? stops(this.session) : [];
    const [start_s, end_s] = [pressed.time, at].map((t) => aim(t, points, this.wave)).sort((a, b) => a - b);
    return { start_s, end_s };
  }

  /** It was let go: it becomes a segment of the lane it was drawn in. */
  #drawn(region) {
    const { lane } = this.stroke.pressed;
    const stretch = this.#stretch();
    region.remove();
    if (stretch.end_s - stretch.start_s < SHORTEST_S) return;
    const section = lane === "violin" ? "violin" : this.session.brush;
    const made = { id: newId(), section, status: "draft", origin: "human", ...stretch };
    const { start_s, end_s } = fit(made, made, this.session.seen(), this.wave);
    this.session.create({ id: made.id, start: start_s, end: end_s }, section);
  }

  /** The mouse moves a region or one of its edges; with Shift, the edge that touches it too. */
  #moving(region, side) {
    const before = this.session.store.get(region.id);
    if (!before) return;
    if (this.#drag?.id !== region.id) this.#drag = { id: region.id, before, moved: before, partner: null };
    const drag = this.#drag;
    const by = this.stroke.at - this.stroke.pressed.time;
    const points = this.stroke.snaps ? stops(this.session, region.id) : [];
    drag.moved = shifted(before, side, by, (t) => aim(t, points, this.wave), this.wave.duration);
    this.#follow(drag, side);
    region.setOptions(edges(drag.moved));
  }

  #follow(drag, side) {
    const was = drag.partner;
    const touching = side && this.stroke.shares && this.session.touching(drag.before, side);
    drag.partner = null;
    if (touching && !isLocked(touching)) {
      const t = side === "start" ? drag.moved.start_s : drag.moved.end_s;
      const moved = { ...touching, [side === "start" ? "end_s" : "start_s"]: t };
      if (moved.end_s - moved.start_s >= SHORTEST_S) drag.partner = { before: touching, moved };
    }
    const shown = drag.partner?.moved ?? was?.before;
    if (shown) this.#regions.get(shown.id)?.setOptions(edges(shown));
  }

  #moved(region, side) {
    const drag = this.#drag;
    this.#drag = null;
    if (!drag || drag.id !== region.id) return;
    const { before, partner } = drag;
    const others = this.session.seen().filter((each) => each.id !== partner?.moved.id);
    const said = fit(drag.moved, before, others, this.wave, side);
    for (const each of [before, partner?.before]) if (each) this.#dressed.delete(each.id);
    this.session.select(before.id);
    if (side && this.stroke.shares && !partner && this.session.touching(before, side)) {
      this.session.say("The region that touches it is locked, or would become too short.");
    } else if (partner) {
      this.session.moveEdge(side, drag.moved[side === "start" ? "start_s" : "end_s"], true);
    } else if (said.start_s !== before.start_s || said.end_s !== before.end_s) {
      const now = this.session.selected; // what else someone said of it meanwhile stays
      if (now) this.session.edit(now, said);
    }
    this.later();
  }
}

const edges = ({ start_s, end_s }) => ({ start: start_s, end: end_s });

/** The edges after a drag by `by` seconds of one side, or of all of it: then its length stays. */
function shifted(before, side, by, snap, duration) {
  let { start_s, end_s } = before;
  if (side === "start") start_s = Math.min(snap(start_s + by), end_s - SHORTEST_S);
  else if (side === "end") end_s = Math.max(snap(end_s + by), start_s + SHORTEST_S);
  else {
    const [from, to] = [start_s + by, end_s + by].map(snap);
    const pull = from !== start_s + by ? from - start_s : to - end_s;
    const kept = Math.min(Math.max(pull, -start_s), duration - end_s);
    [start_s, end_s] = [start_s + kept, end_s + kept];
  }
  return { ...before, start_s: Math.max(0, start_s), end_s: Math.min(duration, end_s) };
}

function placed(node, lane, banded, isProposal) {
  const { top, height } = LANES[lane];
  const band = banded ? BAND[lane] : 0;
  node.style.top = `${isProposal ? top : top + band}px`;
  node.style.setProperty("--height", `${isProposal ? band : height - band}px`);
}

