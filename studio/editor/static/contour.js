// The melody's pitch over the spectrogram, in cents above Sa: fetched in tiles for what is in view.

import { el } from "./dom.js";

const MOST_S = 240; // in view; from farther off the line would be a blur
const SETTLE_MS = 150;
const LEAP_OCTAVES = 0.3; // between two frames no voice leaps so far: another one is heard
const TILES_KEPT = 60;
const SVARAS = [["S", 0], ["R1", 100], ["R2", 200], ["G2", 300], ["G3", 400], ["M1", 500], ["M2", 600], ["P", 700], ["D1", 800], ["D2", 900], ["N2", 1000], ["N3", 1100]];
const OCTAVES = [-1200, 0, 1200, 2400];

export class Contour {
  #tiles = new Map(); // index -> Float32Array of Hz, or null while it is on its way
  #timer = null;
  shown = false;
  svaras = null; // of the raga, else all twelve

  constructor(container, session, { url, strip, pitch }) {
    this.session = session;
    this.wave = session.wave;
    this.url = url;
    this.strip = strip; // knows where a pitch lies
    this.pitch = pitch; // tile_s, frame_s
    this.canvas = el("canvas", { class: "contour", hidden: true });
    this.readout = el("output", { class: "readout", hidden: true });
    container.append(this.canvas, this.readout);
    this.container = container;
    this.wave.addEventListener("view", () => this.draw());
    this.wave.addEventListener("time", () => this.shown && this.#read(this.wave.time));
    session.store.addEventListener("recording", () => this.draw());
    container.addEventListener("pointermove", (event) => this.#point(event));
  }

  show(is) {
    this.shown = is;
    this.canvas.hidden = this.readout.hidden = !is;
    if (is) this.draw();
  }

  /** Cents above Sa at `t` seconds; null without a pitch or a tonic. */
  cents(t) {
    const hz = this.#hz(t);
    const { tonic_hz } = this.session.recording;
    return hz && tonic_hz ? 1200 * Math.log2(hz / tonic_hz) : null;
  }

  draw() {
    if (!this.shown) return;
    const { canvas } = this;
    canvas.width = this.container.clientWidth;
    canvas.height = this.container.clientHeight;
    const [start, end] = this.wave.view();
    const pen = canvas.getContext("2d");
    this.#rule(pen);
    if (end - start > MOST_S) return this.#say("Zoom in to four minutes or less to see the pitch.");
    this.#read(this.wave.time);
    const thin = end - start > 60;
    for (const [style, width] of [["#0009", thin ? 3 : 4.5], ["#fff", thin ? 1.2 : 2]]) {
      pen.strokeStyle = style;
      pen.lineWidth = width;
      this.#line(pen, start, end);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fetch(), SETTLE_MS);
    return undefined;
  }

  #line(pen, start, end) {
    const scale = this.canvas.width / (end - start);
    const step = this.pitch.frame_s;
    pen.beginPath();
    let before = 0;
    for (let i = Math.floor(start / step); i * step <= end; i += 1) {
      const hz = this.#hz(i * step);
      const goesOn = before && Math.abs(Math.log2(hz / before)) < LEAP_OCTAVES;
      if (hz) pen[goesOn ? "lineTo" : "moveTo"]((i * step - start) * scale, this.#y(hz));
      before = hz;
    }
    pen.stroke();
  }

  /** How many cents above Sa, at the right edge. */
  #rule(pen) {
    const { tonic_hz } = this.session.recording;
    if (!tonic_hz) return;
    pen.font = "10px monospace";
    pen.textAlign = "right";
    pen.fillStyle = "#efbf52";
    pen.strokeStyle = "#000c"; // behind the figures: the picture may be as bright as they are
    pen.lineWidth = 3;
    for (const cents of OCTAVES) {
      const y = this.#y(tonic_hz * 2 ** (cents / 1200));
      pen.strokeText(`${cents} c`, this.canvas.width - 4, y - 2);
      pen.fillText(`${cents} c`, this.canvas.width - 4, y - 2);
      pen.fillRect(this.canvas.width - 40, y, 40, 1);
    }
  }

  #y(hz) {
    return this.canvas.height * this.strip.share(hz);
  }

  #hz(t) {
    const { tile_s, frame_s } = this.pitch;
    const index = Math.floor(t / tile_s + 1e-9);
    return this.#tiles.get(index)?.[Math.round((t - index * tile_s) / frame_s)] || 0;
  }

  async #fetch() {
    const [start, end] = this.wave.view();
    const { tile_s } = this.pitch;
    if (!this.shown || this.wave.isGone || end - start > MOST_S) return;
    const last = Math.min(Math.floor(end / tile_s), Math.ceil(this.wave.duration / tile_s) - 1);
    for (let index = Math.floor(start / tile_s); index <= last; index += 1) {
      if (!this.#tiles.has(index)) await this.#load(index);
    }
  }

  async #load(index) {
    this.#tiles.set(index, null);
    try {
      const answer = await fetch(`${this.url}/${index}`);
      if (!answer.ok) throw new Error((await answer.json()).error);
      this.#tiles.set(index, new Float32Array(await answer.arrayBuffer()));
    } catch (error) {
      this.#tiles.delete(index);
      return this.#say(`No pitch here: ${error.message}`);
    }
    for (const key of this.#tiles.keys()) {
      if (this.#tiles.size <= TILES_KEPT) break;
      if (key !== index) this.#tiles.delete(key);
    }
    return this.draw();
  }

  #point(event) {
    if (!this.shown) return;
    const box = this.container.getBoundingClientRect();
    const [start, end] = this.wave.view();
    this.#read(start + ((event.clientX - box.left) / box.width) * (end - start));
  }

  /** Say where the melody is at `t`: its svara, and how far from it. */
  #read(t) {
    const cents = this.cents(t);
    const hz = this.#hz(t);
    if (!hz) return this.#say(this.session.recording.tonic_hz ? "no pitch" : "Confirm the tonic to see cents above Sa.");
    if (cents === null) return this.#say(`${hz.toFixed(1)} Hz. Confirm the tonic to see cents above Sa.`);
    const scale = this.svaras ?? SVARAS;
    const off = ([, at]) => ((((cents - at + 600) % 1200) + 1200) % 1200) - 600;
    const near = scale.reduce((best, each) => (Math.abs(off(each)) < Math.abs(off(best)) ? each : best));
    const by = Math.round(off(near));
    return this.#say(`${near[0]}${by ? ` ${by > 0 ? "+" : "−"}${Math.abs(by)} c` : ""} · ${Math.round(cents)} c above Sa · ${hz.toFixed(1)} Hz`);
  }

  #say(words) {
    this.readout.textContent = words;
  }
}
