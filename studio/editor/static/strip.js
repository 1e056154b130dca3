// The spectrogram below the waveform: tiles from the server, placed like those of a map, and the
// lines where the svaras of the recording's tonic lie.

import { el } from "./dom.js";

const SETTLE_MS = 120; // ask for tiles when a scroll or zoom has come to rest
const RETRY_MS = 2000; // while the server prepares the overview of a long recording
const TRIES = 60;
const MELODY_HZ = [80, 1250]; // four octaves, in which voices and violins move
const LABEL_PX = 8; // svaras nearer to each other than this: only a line

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
    this.#frame(shape.low_hz, shape.high_hz);
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

  /** Show the octaves of the melody, large; or all that was computed. */
  closeUp(is) {
    this.container.classList.toggle("melody", is);
    this.#frame(...(is ? MELODY_HZ : [this.shape.low_hz, this.shape.high_hz]));
  }

  /** Where a pitch lies, as a share of the height from the top. */
  share(hz) {
    return 1 - Math.log(hz / this.low) / Math.log(this.high / this.low);
  }

  #frame(low, high) {
    Object.assign(this, { low, high });
    const { low_hz, high_hz } = this.shape;
    this.sheet.style.top = `${100 * this.share(high_hz)}%`;
    this.sheet.style.height = `${100 * (this.share(low_hz) - this.share(high_hz))}%`;
  }

  /** Draw a line for each svara, `[[name, cents], ...]`, in every octave; none hides them. */
  rule(tonic_hz, svaras) {
    this.lines.hidden = !tonic_hz || !svaras.length;
    if (this.lines.hidden) return;
    const tall = this.container.clientHeight;
    const nodes = [];
    let free = Infinity; // pixels from the top, above which a name has room
    for (let octave = -2; octave < 6; octave += 1) {
      for (const [name, cents] of svaras) {
        const top = this.share(tonic_hz * 2 ** (octave + cents / 1200));
        if (top < 0.01 || top > 0.99) continue;
        const hasRoom = name === "S" || top * tall < free - LABEL_PX;
        if (hasRoom) free = top * tall;
        const node = el("div", { class: name === "S" ? "svara sa" : "svara" }, hasRoom ? name : "");
        node.style.top = `${100 * top}%`;
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
