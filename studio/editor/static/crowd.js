// Regions as mere bands of colour on a canvas: in the overview, and where too many are in view.

import { el } from "./dom.js";
import { classOf } from "./names.js";
import { laneOf } from "./rules.js";

/** The colours of the sections as the style sheet has them, read once. */
const colours = new Map();
function colourOf(section, node) {
  if (!colours.has(section)) {
    const probe = el("i", { class: classOf(section), hidden: true });
    node.append(probe);
    colours.set(section, getComputedStyle(probe).getPropertyValue("--c").trim());
    probe.remove();
  }
  return colours.get(section);
}

export class Crowd {
  /** `lanes`: `{name: {top, height}}` in pixels from the top of `container`. */
  constructor(container, lanes, name = "crowd") {
    this.container = container;
    this.lanes = lanes;
    this.canvas = el("canvas", { class: name, "aria-hidden": "true" });
    container.append(this.canvas);
  }

  /** Paint segments over the seconds in view; the canvas is as wide as its container. */
  draw(segments, [start, end]) {
    const { canvas, container } = this;
    canvas.hidden = !segments.length;
    if (!segments.length) return;
    const height = Math.max(...Object.values(this.lanes).map((lane) => lane.top + lane.height));
    canvas.width = container.clientWidth;
    canvas.height = height;
    const pen = canvas.getContext("2d");
    pen.globalAlpha = 0.75;
    const scale = canvas.width / (end - start);
    for (const each of segments) {
      if (each.status === "rejected") continue;
      const { top, height: tall } = this.lanes[laneOf(each)];
      pen.fillStyle = colourOf(each.section, container);
      pen.fillRect((each.start_s - start) * scale, top, Math.max(1, (each.end_s - each.start_s) * scale), tall);
    }
  }
}
