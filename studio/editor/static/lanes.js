// The regions over the waveform, in two lanes: sections above, violin-only passages below.

import { button, el, newId } from "./dom.js";
import { clock } from "./clock.js";

const LANES = { sections: { top: 0, height: 118 }, violin: { top: 118, height: 50 } }; // pixels
export const HEIGHT = 168; // of both; the time line follows below
const SHORTEST_S = 0.05;
const STICKY_PX = 8; // an edge this near to a neighbour's was meant to touch it

export const laneOf = (segment) => (segment.section === "violin" ? "violin" : "sections");
export const classOf = (section) => `s-${section.replaceAll(" ", "-")}`;

export class Lanes {
  #regions = new Map();
  #quiet = false;
  #pressed = { lane: "sections", time: 0 };
  #releasedAt = 0;

  constructor(session, wave, at) {
    this.session = session;
    this.wave = wave;
    const wrapper = wave.ws.getWrapper();
    wrapper.getRootNode().append(el("link", { rel: "stylesheet", href: `${at}/region.css` }));
    const timeOf = (event, box) => ((event.clientX - box.left) / box.width) * wave.duration;
    wrapper.addEventListener("pointerdown", (event) => {
      const box = wrapper.getBoundingClientRect();
      const lane = event.clientY - box.top >= LANES.violin.top ? "violin" : "sections";
      this.#pressed = { lane, time: timeOf(event, box) };
      const released = (last) => (this.#releasedAt = timeOf(last, wrapper.getBoundingClientRect()));
      document.addEventListener("pointerup", released, { capture: true, once: true });
    }, true);
    if (matchMedia("(pointer: fine)").matches) {
      wave.regions.enableDragSelection({ color: "rgba(0,0,0,.12)" }); // a finger scrolls instead
    }
    wave.regions.on("region-created", (region) => this.#drawn(region));
    wave.regions.on("region-updated", (region) => this.#moved(region));
    wave.regions.on("region-clicked", (region) => session.select(region.id));
    wave.regions.on("region-double-clicked", (region) => wave.play(region.start, region.end));
    session.store.addEventListener("change", (event) => this.draw(event.detail.ids));
    session.addEventListener("selection", (event) => this.draw(event.detail.ids));
    this.draw(session.store.list().map((segment) => segment.id));
  }

  draw(ids) {
    for (const id of ids) {
      const segment = this.session.store.get(id);
      if (!segment) this.#remove(id);
      else this.#dress(this.#region(segment), segment);
    }
  }

  #region(segment) {
    const known = this.#regions.get(segment.id);
    if (known) {
      known.setOptions({ start: segment.start_s, end: segment.end_s });
      return known;
    }
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
  }

  #dress(region, segment) {
    const locked = segment.status !== "draft";
    region.setOptions({ drag: !locked, resize: !locked });
    const node = region.element;
    const lane = LANES[laneOf(segment)];
    node.style.top = `${lane.top}px`;
    node.style.setProperty("--height", `${lane.height}px`);
    node.className = `segment ${classOf(segment.section)}`;
    node.dataset.status = segment.status;
    node.dataset.origin = segment.origin === "human" ? "human" : "proposed";
    node.classList.toggle("selected", this.session.selected?.id === segment.id);
    node.title = `${caption(segment)}, ${clock(segment.start_s, 1)} to ${clock(segment.end_s, 1)}`;
    let label = node.querySelector(".label");
    if (!label) node.append((label = el("span", { class: "label" })));
    label.textContent = caption(segment);
  }

  /** A stretch was dragged out: it becomes a segment of the lane it was drawn in. */
  #drawn(region) {
    if (this.#quiet) return;
    region.remove();
    const { lane, time } = this.#pressed; // the plugin's own region is some pixels too long
    const [start, end] = [time, this.#releasedAt].sort((a, b) => a - b);
    if (end - start < SHORTEST_S) return;
    const section = lane === "violin" ? "violin" : this.session.brush;
    this.session.create(this.#touching({ id: newId(), start, end, lane }), section);
  }

  #moved(region) {
    const segment = this.session.store.get(region.id);
    if (!segment) return;
    const edges = { id: region.id, start: region.start, end: region.end, lane: laneOf(segment) };
    const { start, end } = this.#touching(edges, segment);
    this.session.select(region.id);
    if (start === segment.start_s && end === segment.end_s) this.draw([region.id]);
    else this.session.edit(segment, { start_s: start, end_s: end });
  }

  /** Let edges that came near a neighbour's touch it; a segment that was moved keeps its length. */
  #touching({ id, start, end, lane }, before) {
    const near = STICKY_PX / this.wave.px;
    const others = this.session.store
      .list()
      .filter((each) => each.id !== id && laneOf(each) === lane && each.status !== "rejected");
    const edges = others.flatMap((each) => [each.start_s, each.end_s]);
    const pulled = (t) => edges.find((edge) => Math.abs(edge - t) <= near) ?? t;
    const length = before && before.end_s - before.start_s;
    const isMove = before && Math.abs(end - start - length) < 1e-6 && start !== before.start_s;
    let [from, to] = [pulled(start), pulled(end)];
    if (isMove) [from, to] = from !== start ? [from, from + length] : [to - length, to];
    if (to - from < SHORTEST_S) [from, to] = [start, end];
    const round = (t) => Math.round(1000 * Math.min(Math.max(t, 0), this.wave.duration)) / 1000;
    return { id, start: round(from), end: round(to) };
  }
}

/** What a region says of itself, in words: colour is never the only sign. */
export function caption(segment) {
  const sure = segment.confidence === null ? "?" : `${Math.round(100 * segment.confidence)} %`;
  const sign = {
    approved: "✓ ",
    rejected: "✕ ",
    draft: segment.origin === "human" ? "" : `${sure} `,
  }[segment.status];
  return sign + [segment.section, segment.raga].filter(Boolean).join(" · ");
}

/** The buttons that name a section: the legend, the brush for new regions, and the relabeller. */
export function palette(session, sections) {
  const buttons = sections.map(({ name, key }) =>
    button(name, {
      key,
      press: () => session.paint(name),
      class: `chip ${classOf(name)}`,
      "aria-pressed": "false",
    }),
  );
  buttons.forEach((node, i) => {
    node.append(el("span", { class: "swatch" }), sections[i].name);
    if (sections[i].key) node.append(el("kbd", {}, sections[i].key));
  });
  const mark = () => {
    const current = session.selected?.section ?? session.brush;
    buttons.forEach((node, i) => node.setAttribute("aria-pressed", sections[i].name === current));
  };
  session.addEventListener("selection", mark);
  session.addEventListener("brush", mark);
  session.store.addEventListener("change", mark);
  mark();
  return el("div", { class: "palette", role: "toolbar", "aria-label": "Sections" }, ...buttons);
}
