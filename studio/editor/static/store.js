// The segments of one recording: what is shown, what is saved, and the edits on their way.
//
// An edit shows at once and is sent in order. If the library refuses it, the segments it touched
// go back to what is saved; if the server cannot be reached, it waits and is sent again.

const RETRY_MS = 2000;
const POLL_MS = 4000;
const TRIES = 3; // of an edit that the server fails on though it can be reached

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Store extends EventTarget {
  #shown = new Map();
  #saved = new Map();
  #queue = [];
  #sending = false;
  #closed = false;

  constructor({ recording, segments, revision }, { at, server, annotator }) {
    super();
    this.recording = recording;
    this.revision = revision;
    this.at = at;
    this.server = server;
    this.annotator = annotator; // called, so that a name typed later counts
    for (const each of segments) this.#put(each, true);
    this.#poll();
  }

  get(id) {
    return this.#shown.get(id);
  }

  list() {
    return [...this.#shown.values()].sort((a, b) => a.start_s - b.start_s || a.end_s - b.end_s);
  }

  get waiting() {
    return this.#queue.length;
  }

  /** Show these segments and take those ids away, as one edit; then save it. */
  change(segments, deleted = []) {
    for (const each of segments) this.#put(each, false);
    for (const id of deleted) this.#shown.delete(id);
    const ids = [...segments.map((each) => each.id), ...deleted];
    this.#changed(ids);
    this.#send({ ids, call: "edit", said: { segments, deleted } });
  }

  undo() {
    this.#send({ ids: [], call: "undo", said: {}, nothing: "Nothing to undo." });
  }

  redo() {
    this.#send({ ids: [], call: "redo", said: {}, nothing: "Nothing to redo." });
  }

  /** Say something of the whole recording. */
  describe(said) {
    this.#send({ ids: [], call: "describe_recording", said: { said } });
  }

  close() {
    this.#closed = true;
  }

  #send(job) {
    this.#queue.push(job);
    if (!this.#sending) this.#drain();
  }

  async #drain() {
    this.#sending = true;
    let tries = 0;
    while (this.#queue.length && !this.#closed) {
      this.#say("saving", "Saving…");
      const job = this.#queue[0];
      const answer = await this.#ask(job);
      if (!answer && (!(await this.#reachable()) || ++tries < TRIES)) {
        const n = this.#queue.length;
        this.#say("offline", `No connection: ${n} ${n === 1 ? "edit waits" : "edits wait"}.`);
        await pause(RETRY_MS);
        continue;
      }
      tries = 0;
      this.#queue.shift();
      this.#settle(job, answer ?? { error: "The studio failed on this edit. Its log says why." });
    }
    this.#sending = false;
  }

  async #ask(job) {
    const request = {
      recording_id: this.recording.id,
      annotator: this.annotator(),
      ...job.said,
    };
    try {
      return await this.server[job.call](request);
    } catch {
      return undefined;
    }
  }

  async #reachable() {
    try {
      return (await fetch(`${this.at}/recordings/${this.recording.id}/changes`)).ok;
    } catch {
      return false;
    }
  }

  #settle(job, answer) {
    if (answer.error) {
      this.#restore(job.ids);
      this.#say("refused", answer.error);
      return;
    }
    this.take(answer);
    if (answer.recording) this.recording = answer.recording;
    if (answer.recording) this.dispatchEvent(new Event("recording"));
    if (this.#queue.length) return;
    if (answer.done === false) this.#say("saved", job.nothing);
    else this.#say("saved", "All changes saved");
  }

  /** Take in what the server told: the last word on some segments. */
  take({ segments = [], deleted = [] }) {
    const busy = new Set(this.#queue.flatMap((job) => job.ids));
    const ids = [];
    for (const each of segments) {
      const before = JSON.stringify(this.#shown.get(each.id));
      this.#saved.set(each.id, each);
      if (busy.has(each.id) || before === JSON.stringify(each)) continue;
      this.#shown.set(each.id, each);
      ids.push(each.id);
    }
    for (const id of deleted) {
      this.#saved.delete(id);
      if (!busy.has(id) && this.#shown.delete(id)) ids.push(id);
    }
    if (ids.length) this.#changed(ids);
  }

  #restore(ids) {
    for (const id of ids) {
      if (this.#saved.has(id)) this.#shown.set(id, this.#saved.get(id));
      else this.#shown.delete(id);
    }
    this.#changed(ids);
  }

  #put(segment, isSaved) {
    this.#shown.set(segment.id, segment);
    if (isSaved) this.#saved.set(segment.id, segment);
  }

  /** Ask now and then what others changed. */
  async #poll() {
    await pause(POLL_MS);
    while (!this.#closed) {
      if (!document.hidden && !this.#queue.length) await this.#catchUp();
      await pause(POLL_MS);
    }
  }

  async #catchUp() {
    const url = `${this.at}/recordings/${this.recording.id}/changes?since=${this.revision}`;
    try {
      const answer = await (await fetch(url)).json();
      if (answer.error || this.#queue.length || this.#closed) return;
      this.take(answer);
      this.revision = answer.revision;
    } catch {
      // the next edit says that the connection is gone
    }
  }

  #changed(ids) {
    this.dispatchEvent(new CustomEvent("change", { detail: { ids } }));
  }

  #say(state, words) {
    this.dispatchEvent(new CustomEvent("state", { detail: { state, words } }));
  }
}
