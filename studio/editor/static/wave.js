// The waveform: wavesurfer with our view on top of it. What is seen moves only when asked to.

import { clock } from "./clock.js";
import { HEIGHT } from "./lanes.js";

const CLOSEST_PX_PER_S = 800; // a mridangam stroke, some 30 ms, is then 24 px wide
const LABEL_PX = 72; // room for a time, so that no notch runs through one
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]; // between two of them
const FOLLOW_AT = 0.08; // where in the view the cursor lands when playback turns the page

async function library(at) {
  const names = ["wavesurfer", "plugins/regions", "plugins/timeline", "plugins/minimap", "plugins/hover"];
  const modules = names.map((name) => import(`${at}/vendor/${name}.esm.js`));
  return (await Promise.all(modules)).map((module) => module.default);
}

async function peaksOf(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error((await answer.json()).error);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const full = loud(bytes);
  return Float32Array.from(bytes, (byte) => Math.min(1, byte / full));
}

/** What all but the loudest hundredth stays below: applause must not flatten the music. */
function loud(bytes) {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte] += 1;
  let level = 255;
  for (let above = counts[255]; level > 16 && above < bytes.length / 100; above += counts[level]) level -= 1;
  return level;
}

/** Load the library and the peaks, and draw the waveform of `recording`. */
export async function openWave({ at, recording, container, overview }) {
  const url = `${at}/recordings/${recording.id}`;
  const [[WaveSurfer, Regions, Timeline, Minimap, Hover], peaks] = await Promise.all([
    library(at),
    peaksOf(`${url}/peaks`),
  ]);
  const audio = new Audio();
  audio.preload = "metadata";
  audio.src = `${url}/sound`;
  const style = getComputedStyle(container);
  const colour = (name) => style.getPropertyValue(name).trim();
  const timeline = Timeline.create({ height: 20, formatTimeCallback: (t) => clock(t), style: { fontSize: "11px" } });
  const step = (px) => STEPS_S.find((seconds) => seconds * px >= LABEL_PX) ?? STEPS_S.at(-1);
  timeline.defaultTimeInterval = timeline.defaultPrimaryLabelInterval = step;
  const regions = Regions.create();
  regions.adjustScroll = () => {}; // the plugin would scroll to the start of a dragged region
  const minimap = Minimap.create({
    container: overview,
    height: 40,
    waveColor: colour("--wave-far"),
    progressColor: colour("--wave-far"),
    cursorColor: colour("--cursor"),
    overlayColor: colour("--window"),
  });
  const ws = WaveSurfer.create({
    container,
    height: HEIGHT,
    media: audio,
    peaks: [peaks],
    duration: recording.duration_s,
    waveColor: colour("--wave"),
    progressColor: colour("--wave-played"),
    cursorColor: colour("--cursor"),
    cursorWidth: 2,
    autoScroll: false,
    autoCenter: false,
    normalize: false, // it would scale each drawn piece on its own
    plugins: [
      regions,
      minimap,
      timeline,
      Hover.create({
        lineColor: colour("--cursor"),
        labelBackground: colour("--cursor"),
        labelColor: "#fff",
        labelSize: "11px",
        formatTimeCallback: (t) => clock(t, 2),
      }),
    ],
  });
  await new Promise((ready, failed) => {
    ws.once("ready", ready);
    ws.once("error", failed);
  });
  return new Wave(ws, { regions, minimap, audio, duration: recording.duration_s });
}

export class Wave extends EventTarget {
  follow = true;
  isGone = false;
  loop = null; // () => [start, end] of what repeats

  constructor(ws, parts) {
    super();
    Object.assign(this, parts);
    this.ws = ws;
    ws.on("scroll", () => this.#moved());
    ws.on("zoom", () => this.#moved());
    ws.on("redrawcomplete", () => this.#moved());
    ws.on("timeupdate", (t) => this.#heard(t));
    for (const name of ["play", "pause", "finish"]) {
      ws.on(name, () => this.dispatchEvent(new Event("playing")));
    }
    this.minimap.on("click", (share) => this.centre(share * this.duration));
  }

  get width() {
    return this.ws.getWidth() || 1;
  }

  get fitPx() {
    return this.width / this.duration;
  }

  get px() {
    return Math.max(this.ws.options.minPxPerSec || 0, this.fitPx);
  }

  get closestPx() {
    return Math.max(CLOSEST_PX_PER_S, this.fitPx);
  }

  get time() {
    return this.ws.getCurrentTime();
  }

  get isPlaying() {
    return this.ws.isPlaying();
  }

  /** The first and last second in view. */
  view() {
    const start = Math.min(this.ws.getScroll() / this.px, this.duration);
    return [start, Math.min(this.duration, start + this.width / this.px)];
  }

  /** Zoom so that `keep` (seconds) stays where it is on the screen. */
  zoom(px, keep = this.#anchor()) {
    const x = (keep - this.view()[0]) * this.px;
    const wanted = px <= this.fitPx * 1.001 ? 0 : Math.min(px, this.closestPx);
    this.ws.zoom(wanted);
    this.ws.setScroll(Math.max(0, keep * this.px - x));
    this.#moved();
  }

  /** Show a stretch with some room around it. */
  show(start, end) {
    const room = Math.max(0.1 * (end - start), 0.5);
    const wanted = this.width / (end - start + 2 * room);
    this.ws.zoom(wanted <= this.fitPx ? 0 : Math.min(wanted, this.closestPx));
    this.centre((start + end) / 2);
  }

  centre(t) {
    this.ws.setScroll(Math.max(0, t * this.px - this.width / 2));
    this.#moved();
  }

  /** Bring `t` into view if it is not. */
  reveal(t) {
    const [start, end] = this.view();
    if (t < start || t > end) this.centre(t);
  }

  seek(t) {
    this.ws.setTime(Math.min(Math.max(0, t), this.duration));
  }

  toggle() {
    return this.ws.playPause();
  }

  /** Play from `start`, up to `end` if it is given. */
  play(start, end) {
    return this.ws.play(start, end);
  }

  set speed(rate) {
    this.ws.setPlaybackRate(rate, true);
  }

  get speed() {
    return this.ws.getPlaybackRate();
  }

  destroy() {
    this.isGone = true;
    this.ws.destroy();
    this.audio.removeAttribute("src");
    this.audio.load(); // lets go of the connection
  }

  #anchor() {
    const [start, end] = this.view();
    const t = this.time;
    return t >= start && t <= end ? t : (start + end) / 2;
  }

  #heard(t) {
    const repeated = this.isPlaying && this.loop?.();
    if (repeated && t >= repeated[1]) this.seek(repeated[0]);
    if (this.isPlaying && this.follow) {
      const [start, end] = this.view();
      if (t > end || t < start) this.ws.setScroll((t - FOLLOW_AT * (end - start)) * this.px);
    }
    this.dispatchEvent(new Event("time"));
  }

  #moved() {
    this.dispatchEvent(new Event("view"));
  }
}
