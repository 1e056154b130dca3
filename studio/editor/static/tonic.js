// The recording's Sa: estimated from its sound, tried by ear against a drone, and then confirmed.

import { button, el } from "./dom.js";
import { Drone } from "./drone.js";
import { lookUp } from "./inspector.js";

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const RETRY_MS = 1500;
const TRIES = 80;
const STEPS = [["an octave down", "−8ve", -1200], ["a fifth down", "−5th", -702], ["10 cents down", "−10 c", -10], ["10 cents up", "+10 c", 10], ["a fifth up", "+5th", 702], ["an octave up", "+8ve", 1200]];

/** 146.83 -> "D3": the nearest key of a keyboard, as tanpuras and sruti boxes are labelled. */
export function keyOf(hz) {
  const midi = Math.round(69 + 12 * Math.log2(hz / 440));
  return `${NAMES[((midi % 12) + 12) % 12]}${Math.floor(midi / 12) - 1}`;
}

export class TonicCard {
  #trial = null; // Hz that is being tried

  constructor(session, search, url) {
    this.session = session;
    this.search = search;
    this.url = url;
    this.drone = new Drone();
    this.head = el("h4");
    this.words = el("p", { class: "about", role: "status" });
    this.sound = button("Drone on the tonic", { sign: "drone", text: "drone", key: "D", press: () => this.toggleDrone(), "aria-pressed": "false" });
    this.ask = button("Estimate the tonic from the sound", { text: "estimate", press: () => this.estimate() });
    this.found = el("div", { class: "row", role: "group", "aria-label": "Likely tonics" });
    this.field = el("input", { id: "tonic-hz", type: "number", step: "any", min: 60, max: 500, onchange: () => this.#typed() });
    this.confirm = button("This is Sa", { sign: "check", text: "This is Sa", class: "primary", press: () => this.#confirm() });
    this.cancel = button("Keep it as it was", { text: "cancel", press: () => this.#try(null) });
    this.steps = el("div", { class: "row", role: "group", "aria-label": "Tune" }, ...STEPS.map(([name, text, cents]) => button(name, { text, press: () => this.#tune(cents) })));
    this.node = el(
      "section",
      { class: "tonic", "aria-label": "Tonic" },
      this.head,
      this.words,
      el("div", { class: "row" }, this.sound, this.ask, el("label", { for: "tonic-hz" }, "Tonic (Hz)"), this.field),
      this.found,
      this.steps,
      (this.verdict = el("div", { class: "row" }, this.confirm, this.cancel)),
    );
    session.store.addEventListener("recording", () => this.draw());
    this.draw();
  }

  get hz() {
    return this.#trial ?? this.session.recording.tonic_hz;
  }

  async toggleDrone() {
    if (this.drone.hz !== null) this.drone.stop();
    else if (!this.hz) return this.session.say("No tonic to sound yet: estimate it, or type it in Hz.");
    else await this.#sound();
    return this.draw();
  }

  /** Ask the server to listen, until it has an answer. */
  async estimate() {
    this.words.textContent = "Listening to the recording…";
    this.ask.disabled = true;
    try {
      const candidates = await this.#candidates();
      this.found.replaceChildren(...candidates.map((each) => this.#candidate(each)));
      this.#try(candidates[0].hz);
    } catch (error) {
      this.words.textContent = error.message;
    }
    this.ask.disabled = false;
  }

  close() {
    this.drone.stop();
  }

  draw() {
    const { tonic_hz } = this.session.recording;
    const { hz } = this;
    const isTried = this.#trial !== null;
    this.head.textContent = tonic_hz ? `Sa is ${keyOf(tonic_hz)}, ${tonic_hz.toFixed(2)} Hz` : "Sa is not known yet";
    this.words.textContent = isTried
      ? `Trying ${keyOf(hz)}, ${hz.toFixed(2)} Hz: does the drone agree with the tambura? Play on and listen.`
      : tonic_hz ? "" : "Estimate it, then confirm it by ear.";
    if (document.activeElement !== this.field) this.field.value = hz ? hz.toFixed(2) : "";
    this.verdict.hidden = !isTried;
    this.steps.hidden = !hz;
    const sounds = this.drone.hz !== null;
    this.sound.setAttribute("aria-pressed", sounds);
    if (sounds) this.sound.dataset.hz = this.drone.hz.toFixed(2);
    else delete this.sound.dataset.hz;
  }

  #candidate({ hz, confidence }) {
    const text = `${keyOf(hz)} ${hz.toFixed(1)} · ${Math.round(100 * confidence)} %`;
    return button(`Try ${keyOf(hz)}, ${hz.toFixed(1)} Hz, ${Math.round(100 * confidence)} % sure`, { text, press: () => this.#try(hz) });
  }

  async #candidates() {
    for (let i = 0; i < TRIES; i += 1) {
      const answer = await fetch(this.url);
      if (answer.ok) return (await answer.json()).candidates;
      if (answer.status !== 503) throw new Error((await answer.json()).error);
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
    throw new Error("The studio is still busy listening. Ask again in a while.");
  }

  async #try(hz) {
    this.#trial = hz;
    if (hz === null && !this.hz) this.drone.stop();
    else if (hz !== null || this.drone.hz !== null) await this.#sound();
    this.draw();
  }

  async #sound() {
    const raga = this.session.selected?.raga ?? this.session.recording.raga;
    const found = await lookUp(this.search, "raga", raga);
    if (this.hz) this.drone.play(this.hz, found?.svaras ?? null);
  }

  #tune(cents) {
    const hz = this.hz * 2 ** (cents / 1200);
    if (hz < 60 || hz > 500) return this.session.say("A tonic lies between 60 and 500 Hz.");
    return this.#try(hz);
  }

  #typed() {
    const hz = Number(this.field.value);
    if (!this.field.value) return this.session.store.describe({ tonic_hz: null });
    if (!(hz >= 60 && hz <= 500)) {
      this.session.say("A tonic lies between 60 and 500 Hz.");
      return this.draw();
    }
    return this.#try(hz);
  }

  #confirm() {
    const hz = Number(this.#trial.toFixed(3));
    this.#trial = null;
    this.session.store.describe({ tonic_hz: hz });
    this.drone.stop();
    this.draw();
  }
}
