// The spectrogram below the waveform: tiles from the server, placed like those of a map, and the
// lines where the svaras of the recording's tonic lie.

import { el } from "./dom.js";

const SETTLE_MS = 120; // ask for tiles when a scroll or zoom has come to rest
const RETRY_MS = 2000; // while the server prepares the overview of a long recording
const TRIES = 60;

export class Strip {
  #tiles = new Map(); // "level/index" -> <img>
  #timer = null;

  constructor(container, wave, { url, shape }) {
    this.container = container;
    this.wave = wave;
    this.url = url;
    this.shape = shape; // columns, levels, low_hz, high_hz
    this.sheet = el("div", { class: "strip-sheet" });
    this.lines = el("div", { class: "strip-lines", hidden: true });
    container.replaceChildren(this.sheet, this.lines);
    wave.addEventListener("view", () => this.draw());
    this.draw();
  }

  draw() {
    for (const [key, tile] of this.#tiles) this.#place(key, tile);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fetch(), SETTLE_MS);
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#tiles.clear();
  }

  /** Draw a line for each svara, `[[name, cents], ...]`, in every octave; none hides them. */
  rule(tonic_hz, svaras) {
    this.lines.hidden = !tonic_hz || !svaras.length;
    if (this.lines.hidden) return;
    const { low_hz, high_hz } = this.shape;
    const nodes = [];
    for (let octave = -2; octave < 6; octave += 1) {
      for (const [name, cents] of svaras) {
        const hz = tonic_hz * 2 ** (octave + cents / 1200);
        const top = 100 * (1 - Math.log(hz / low_hz) / Math.log(high_hz / low_hz));
        if (top < 1 || top > 99) continue;
        const node = el("div", { class: name === "S" ? "svara sa" : "svara" }, name);
        node.style.top = `${top}%`;
        nodes.push(node);
      }
    }
    this.lines.replaceChildren(...nodes);
  }

  #span(level) {
    return this.shape.columns / 2 ** (level - 5); // seconds of one tile
  }

  #place(key, tile) {
    const [level, index] = key.split("/").map(Number);
    const [start, end] = this.wave.view();
    const scale = this.wave.width / (end - start);
    const span = this.#span(level);
    tile.style.left = `${(index * span - start) * scale}px`;
    tile.style.width = `${span * scale + 0.5}px`; // no hairline between two tiles
  }

  #fetch() {
    const [start, end] = this.wave.view();
    if (!this.container.clientWidth || end <= start) return;
    const wanted = Math.round(Math.log2(this.wave.width / (end - start))) + 5;
    const level = Math.min(Math.max(wanted, 0), this.shape.levels - 1);
    const span = this.#span(level);
    const keys = new Set();
    for (let i = Math.floor(start / span); i * span < end; i += 1) keys.add(`${level}/${i}`);
    for (const key of keys) if (!this.#tiles.has(key)) this.#load(key);
    this.#sweep(keys);
  }

  #load(key, attempt = 0) {
    const tile = this.#tiles.get(key) ?? el("img", { alt: "", draggable: "false" });
    if (!this.#tiles.has(key)) {
      this.#tiles.set(key, tile);
      this.sheet.append(tile);
      this.#place(key, tile);
    }
    tile.onload = () => tile.classList.add("here");
    tile.onerror = () => {
      if (attempt >= TRIES) return;
      setTimeout(() => this.#tiles.get(key) === tile && this.#load(key, attempt + 1), RETRY_MS);
    };
    tile.src = `${this.url}/${key}${attempt ? `?try=${attempt}` : ""}`;
  }

  /** Drop what is out of view; tiles of the last zoom stay below until the new ones are there. */
  #sweep(keys) {
    const isComplete = [...keys].every((key) => this.#tiles.get(key)?.classList.contains("here"));
    if (!isComplete) {
      this.#timer = setTimeout(() => this.#sweep(keys), SETTLE_MS);
      return;
    }
    for (const [key, tile] of this.#tiles) {
      if (keys.has(key)) continue;
      tile.remove();
      this.#tiles.delete(key);
    }
  }
}
