// Which ragas a region may be in, by ear: asked for, never decided. Beside its raga field.

import { button, el } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const NAMES = ["S", "R1", "R2", "G2", "G3", "M1", "M2", "P", "D1", "D2", "N2", "N3"];
const WIDTH = 360;
const BARS = 84; // height of the histogram
const LINE = 110; // and of the contour
const LOWEST = -700;
const HIGHEST = 1900;

function shape(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  return node;
}

function drawing(height, label) {
  return shape("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label });
}

export class LikelyRagas {
  constructor(session, url) {
    this.session = session;
    this.url = url; // of the recording
    this.ask = button("Likely ragas of this region, by ear", { text: "Likely ragas", press: () => this.hear() });
    this.words = el("p", { class: "about", role: "status" });
    this.found = el("div", { class: "row", role: "group", "aria-label": "Likely ragas" });
    this.pictures = el("div", { class: "heard" });
    this.node = el("div", { class: "ragas" }, el("div", { class: "row" }, this.ask), this.words, this.found, this.pictures);
    session.addEventListener("selection", () => this.#clear());
    session.store.addEventListener("change", () => this.#forgetIfMoved());
  }

  async hear() {
    const segment = this.session.selected;
    if (!segment) return;
    this.#clear();
    this.words.textContent = "Listening to the region…";
    this.ask.disabled = true;
    const mark = this.#markOf(segment);
    try {
      const answer = await fetch(`${this.url}/segments/${encodeURIComponent(segment.id)}/ragas`);
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.error);
      if (mark === this.#markOf(this.session.selected)) this.#show(said, mark);
    } catch (error) {
      this.words.textContent = error.message;
    }
    this.ask.disabled = false;
  }

  #show(said, mark) {
    this.shown = mark;
    this.words.textContent = [said.label?.fit && `As ${said.label.name}: ${said.label.fit}.`, said.note].filter(Boolean).join(" ");
    this.found.replaceChildren(
      ...said.likely.map(({ name, percent, why }) =>
        button(`${name}, ${percent} %: ${why}. Press to name the region so.`, {
          text: `${name} · ${percent} %`,
          press: () => this.session.edit(this.session.selected, { raga: name }),
        }),
      ),
    );
    const scale = said.label ?? said.likely[0];
    if (scale) this.pictures.replaceChildren(bars(said.histogram, scale), line(said.contour.cents, scale));
  }

  #clear() {
    this.shown = null;
    this.words.textContent = "";
    this.found.replaceChildren();
    this.pictures.replaceChildren();
  }

  #forgetIfMoved() {
    if (this.shown && this.shown !== this.#markOf(this.session.selected)) this.#clear();
  }

  #markOf(segment) {
    return segment ? `${segment.id} ${segment.start_s} ${segment.end_s}` : null;
  }
}

/** Where the melody lingers, on the raga's svaras and off them. */
function bars(histogram, { name, cents }) {
  const svg = drawing(BARS + 14, `Time on each pitch of the octave, against the svaras of ${name}`);
  const own = new Set(cents);
  const most = Math.max(...histogram, 1e-6);
  const width = WIDTH / histogram.length;
  const half = Math.round(histogram.length / 24); // begin half a key below Sa, so that Sa is whole
  histogram.forEach((share, bin) => {
    const at = (1200 * bin) / histogram.length;
    const i = (bin + half) % histogram.length;
    const key = (Math.round(at / 100) * 100) % 1200;
    const near = Math.abs(at - Math.round(at / 100) * 100) <= 35;
    const height = BARS * Math.sqrt(share / most); // so that what is short still shows
    svg.append(shape("rect", { x: i * width, y: BARS - height, width, height, class: near && own.has(key) ? "own" : "foreign" }));
  });
  NAMES.forEach((svara, key) => {
    const style = { x: ((key + 0.5) * WIDTH) / 12, y: BARS + 11, "text-anchor": "middle", class: own.has(100 * key) ? "svara own" : "svara" };
    svg.append(shape("text", style, svara));
  });
  return svg;
}

/** The pitch over time, on lines at the raga's svaras. */
function line(points, { name, cents }) {
  const svg = drawing(LINE, `The pitch of the region on the svaras of ${name}`);
  const y = (at) => LINE - (LINE * (at - LOWEST)) / (HIGHEST - LOWEST);
  for (let octave = -1200; octave <= 1200; octave += 1200) {
    for (const at of cents.map((each) => each + octave)) {
      if (at < LOWEST || at > HIGHEST) continue;
      svg.append(shape("line", { x1: 0, x2: WIDTH, y1: y(at), y2: y(at), class: at % 1200 ? "svara" : "sa" }));
    }
  }
  let path = "";
  let before = null;
  points.forEach((at, i) => {
    const inside = at !== null && at >= LOWEST && at <= HIGHEST;
    if (inside) path += `${before === null ? "M" : "L"}${((i * WIDTH) / points.length).toFixed(1)} ${y(at).toFixed(1)}`;
    before = inside ? at : null;
  });
  svg.append(shape("path", { d: path }));
  return svg;
}
