// The bar above the waveform: play, speed, loop, zoom, undo, and what became of the last edit.

import { clock } from "./clock.js";
import { button, el, icon } from "./dom.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const WORDS_MS = 6000;

export class Transport {
  constructor(session, commands) {
    const { wave } = session;
    this.session = session;
    this.commands = commands;
    const act = (sign, name, more = {}) => button(commands[name].does, { sign, key: commands[name].keys[0], press: commands[name].run, ...more });
    this.play = act("play", "play", { class: "primary" });
    this.loop = act("loop", "loop", { "aria-pressed": "false" });
    this.time = el("output", { class: "time", "aria-label": "Position" });
    this.speed = el(
      "select",
      { "aria-label": "Speed", title: "Speed (< and >)", onchange: () => (wave.speed = Number(this.speed.value)) },
      ...SPEEDS.map((rate) => el("option", { value: rate, selected: rate === 1 }, `${rate}×`)),
    );
    this.follow = el("input", { type: "checkbox", checked: true, onchange: () => (wave.follow = this.follow.checked) });
    const overlay = (name) => el("input", { type: "checkbox", onchange: () => session.dispatchEvent(new Event(name)) });
    this.svaras = overlay("svaras");
    this.pitch = overlay("pitch");
    this.zoom = el("input", {
      type: "range",
      step: "0.01",
      "aria-label": "Zoom",
      title: "Zoom (+ and -)",
      oninput: () => wave.zoom(2 ** Number(this.zoom.value)),
    });
    this.state = el("output", { class: "state", "aria-live": "polite" });
    this.words = el("output", { class: "remark", "aria-live": "polite" });
    this.node = el(
      "div",
      { class: "transport", role: "toolbar", "aria-label": "Playback and zoom" },
      group(this.play, this.time),
      el(
        "div",
        { class: "tools" },
        group(this.loop, this.speed, el("label", {}, this.follow, "follow"), el("label", { title: "Lines of the raga's svaras (V)" }, this.svaras, "svaras"), el("label", { title: "The melody's pitch above Sa (B)" }, this.pitch, "pitch")),
        group(act("out", "zoomOut"), this.zoom, act("in", "zoomIn"), act("fit", "fit")),
        group(act("undo", "undo"), act("redo", "redo")),
        group(act("markIn", "markIn"), act("markOut", "markOut"), act("split", "split"), act("merge", "merge")),
      ),
      group(button("Keyboard", { text: "?", key: "?", press: commands.help.run }), this.words, this.state),
    );
    wave.addEventListener("time", () => this.tick());
    wave.addEventListener("view", () => this.scale());
    wave.addEventListener("playing", () => this.tick());
    session.addEventListener("loop", () => this.loop.setAttribute("aria-pressed", Boolean(wave.loop)));
    session.addEventListener("words", ({ detail }) => this.remark(detail.words));
    session.store.addEventListener("state", ({ detail }) => this.say(detail.state, detail.words));
    this.say("saved", "All changes saved");
    this.tick();
    this.scale();
  }

  tick() {
    const { wave } = this.session;
    this.time.textContent = `${clock(wave.time, 1)} / ${clock(wave.duration)}`;
    if (this.play.dataset.playing === String(wave.isPlaying)) return;
    this.play.dataset.playing = wave.isPlaying;
    this.play.replaceChildren(icon(wave.isPlaying ? "pause" : "play"));
    this.play.setAttribute("aria-label", wave.isPlaying ? "Pause" : "Play");
  }

  scale() {
    const { wave } = this.session;
    this.zoom.min = Math.log2(wave.fitPx);
    this.zoom.max = Math.log2(wave.closestPx);
    this.zoom.value = Math.log2(wave.px);
  }

  faster(by) {
    const at = SPEEDS.indexOf(Number(this.speed.value)) + by;
    this.speed.value = SPEEDS[Math.min(Math.max(at, 0), SPEEDS.length - 1)];
    this.session.wave.speed = Number(this.speed.value);
  }

  /** Tick or untick "svaras" or "pitch". */
  toggle(name) {
    this[name].checked = !this[name].checked;
    this.session.dispatchEvent(new Event(name));
  }

  /** `state` of the edits: saved, saving, offline or refused. */
  say(state, words) {
    this.state.dataset.state = state;
    this.state.textContent = words;
  }

  /** Words that pass. */
  remark(words) {
    clearTimeout(this.timer);
    this.words.textContent = words;
    this.timer = setTimeout(() => (this.words.textContent = ""), WORDS_MS);
  }
}

const group = (...nodes) => el("div", { class: "group" }, ...nodes);
