// A drone to hold the tonic against: Sa, the Sa below, and Pa (Ma where the raga has no Pa).

const PARTIALS = [0, 1, 0.62, 0.5, 0.42, 0.3, 0.26, 0.2, 0.14, 0.1, 0.08, 0.05]; // a bright string
const LOUD = 0.09;
const FADE_S = 0.15;

export class Drone {
  #context = null;
  #voices = [];
  #out = null;
  hz = null; // what sounds; null when it is silent

  /** Sound at `hz`; `svaras` of the raga choose the second string. */
  play(hz, svaras = null) {
    this.#context ??= new AudioContext();
    this.#context.resume();
    const has = (name) => !svaras || svaras.some(([each]) => each === name);
    const second = has("P") ? 3 / 2 : has("M1") ? 4 / 3 : 1;
    const pitches = [hz, hz / 2, (hz * second) / (second === 1 ? 1 : 2), hz * 1.001];
    if (this.hz === null) this.#start(pitches);
    pitches.forEach((pitch, i) => this.#voices[i].frequency.setTargetAtTime(pitch, this.#context.currentTime, 0.03));
    this.hz = hz;
  }

  stop() {
    if (this.hz === null) return;
    const now = this.#context.currentTime;
    this.#out.gain.setTargetAtTime(0, now, FADE_S / 3);
    for (const voice of this.#voices) voice.stop(now + FADE_S * 2);
    this.#voices = [];
    this.hz = null;
  }

  #start(pitches) {
    const context = this.#context;
    const wave = context.createPeriodicWave(new Float32Array(PARTIALS.length), Float32Array.from(PARTIALS));
    this.#out = context.createGain();
    this.#out.gain.value = 0;
    this.#out.gain.setTargetAtTime(LOUD, context.currentTime, FADE_S);
    this.#out.connect(context.destination);
    this.#voices = pitches.map((pitch, i) => {
      const voice = context.createOscillator();
      const swell = context.createGain();
      const slow = context.createOscillator(); // each string breathes at its own pace
      const depth = context.createGain();
      voice.setPeriodicWave(wave);
      voice.frequency.value = pitch;
      swell.gain.value = 0.6;
      slow.frequency.value = 0.21 + 0.07 * i;
      depth.gain.value = 0.35;
      slow.connect(depth).connect(swell.gain);
      voice.connect(swell).connect(this.#out);
      slow.start();
      voice.start();
      voice.onended = () => slow.stop();
      return voice;
    });
  }
}
