// The segments of one recording: what is shown, what is saved, and the edits on their way.
//
// An edit shows at once and is sent in order. If the library refuses it, the segments it touched
// go back to what is saved; if the server cannot be reached, it waits and is sent again. With each
// edit goes the newest revision of its segments that is known here, so that the server can tell
// whether someone else changed them meanwhile; then both revisions are kept and shown.

import { Pending } from "./pending.js";
import { named, refusal } from "./rules.js";

const RETRY_MS = 2000;
const POLL_MS = 3000;
const TRIES = 3; // of an edit that the server fails on though it can be reached

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Store extends EventTarget {
  #shown = new Map();
  #saved = new Map();
  #known = new Map(); // id -> its revision, where it is newer than `revision`
  #mine = new Set(); // ids that were changed in this page
  #list = null;
  #queue = [];
  #sending = false;
  #closed = false;

  constructor({ recording, segments, revision }, { at, server, annotator }) {
    super();
    this.recording = recording;
    this.revision = revision; // all up to this one are known here
    this.at = at;
    this.server = server;
    this.annotator = annotator; // called, so that a name typed later counts
    this.pending = new Pending(recording.id);
    for (const each of segments) {
      this.#shown.set(each.id, each);
      this.#saved.set(each.id, each);
    }
    this.#inherit();
    this.#poll();
  }

  get(id) {
    return this.#shown.get(id);
  }

  /** All of them by start; the same array until something changes. */
  list() {
    this.#list ??= [...this.#shown.values()].sort((a, b) => a.start_s - b.start_s || a.end_s - b.end_s);
    return this.#list;
  }

  get waiting() {
    return this.#queue.length;
  }

  /** Show these segments and take those ids away, as one edit, and save it; false if refused. */
  change(segments, deleted = []) {
    const ids = [...segments.map((each) => each.id), ...deleted];
    const before = new Map(ids.map((id) => [id, this.#shown.get(id)]));
    this.#show(segments, deleted);
    const words = refusal(this.list(), new Set(segments.map((each) => each.id)), this.annotator());
    if (words) {
      for (const [id, segment] of before) this.#put(id, segment);
      this.#say("refused", words);
    }
    this.#changed(ids);
    if (words) return false;
    this.#send({ ids, call: "edit", said: { segments, deleted } });
    return true;
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
    this.pending.close();
  }

  #send(job) {
    for (const id of job.ids) this.#mine.add(id);
    this.#queue.push(job);
    this.#keep();
    if (!this.#sending) this.#drain();
  }

  #keep() {
    const kept = this.pending.keep(this.#queue);
    if (!kept) this.#say("offline", "This browser has no room to keep unsaved edits: leave the page open.");
  }

  /** Send what a page that was closed or crashed could not. */
  async #inherit() {
    const jobs = await this.pending.inherited();
    if (!jobs.length || this.#closed) return;
    for (const job of jobs) {
      if (job.call === "edit") this.#show(job.said.segments, job.said.deleted);
      this.#send(job);
    }
    this.#changed(jobs.flatMap((job) => job.ids));
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
        for (const each of this.#queue) each.waited = true;
        this.#say("offline", `No connection: ${n} ${n === 1 ? "edit waits" : "edits wait"}.`);
        await pause(RETRY_MS);
        continue;
      }
      tries = 0;
      this.#queue.shift();
      this.#keep();
      this.#settle(job, answer ?? { error: "The studio failed on this edit. Its log says why." });
    }
    this.#sending = false;
  }

  async #ask(job) {
    const seen = {};
    for (const id of job.ids) seen[id] = Math.max(this.revision, this.#known.get(id) ?? 0);
    const request = { recording_id: this.recording.id, annotator: this.annotator(), seen, ...job.said };
    try {
      return await this.server[job.call](request);
    } catch {
      return undefined;
    }
  }

  async #reachable() {
    try {
      return (await fetch(`${this.at}/recordings/${this.recording.id}/changes?since=${this.revision}`)).ok;
    } catch {
      return false;
    }
  }

  #settle(job, answer) {
    if (answer.error) {
      this.#restore(job.ids);
      this.#say("refused", answer.error);
      if (job.waited) this.#tell("notice", `An edit that had waited was refused. ${answer.error}`);
      return;
    }
    this.take(answer);
    if (answer.clashes?.length) this.#tell("clash", answer.clashes);
    this.#recordingIs(answer.recording);
    if (answer.done === false) this.#tell("words", { words: job.nothing });
    if (!this.#queue.length) this.#say("saved", "All changes saved");
  }

  /** Take in what the server told: the last word on some segments. */
  take({ segments = [], deleted = [], revisions = {} }) {
    for (const [id, number] of Object.entries(revisions)) this.#known.set(id, number);
    const busy = new Set(this.#queue.flatMap((job) => job.ids));
    const ids = [];
    for (const each of segments) {
      const before = JSON.stringify(this.#shown.get(each.id));
      this.#saved.set(each.id, each);
      if (busy.has(each.id) || before === JSON.stringify(each)) continue;
      this.#put(each.id, each);
      ids.push(each.id);
    }
    for (const id of deleted) {
      this.#saved.delete(id);
      if (busy.has(id) || !this.#shown.has(id)) continue;
      this.#put(id, undefined);
      ids.push(id);
    }
    if (ids.length) this.#changed(ids);
    return ids;
  }

  #restore(ids) {
    for (const id of ids) this.#put(id, this.#saved.get(id));
    this.#changed(ids);
  }

  #show(segments, deleted) {
    for (const each of segments) this.#put(each.id, each);
    for (const id of deleted) this.#put(id, undefined);
  }

  #put(id, segment) {
    if (segment) this.#shown.set(id, segment);
    else this.#shown.delete(id);
    this.#list = null;
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
      const before = new Map(answer.segments.map(({ id }) => [id, this.#shown.get(id)]));
      const changed = this.take(answer);
      this.revision = Math.max(this.revision, answer.revision);
      this.#recordingIs(answer.recording);
      const lost = changed.filter((id) => this.#mine.delete(id) && before.get(id));
      for (const id of lost) {
        const by = answer.by[id] ?? "Someone without a name";
        this.#tell("notice", `${by} changed your ${named(before.get(id))}. Its history keeps both.`);
      }
    } catch {
      // the next edit says that the connection is gone
    }
  }

  #recordingIs(recording) {
    if (!recording || JSON.stringify(recording) === JSON.stringify(this.recording)) return;
    this.recording = recording;
    this.dispatchEvent(new Event("recording"));
  }

  #changed(ids) {
    this.#tell("change", { ids });
  }

  #say(state, words) {
    this.#tell("state", { state, words });
  }

  #tell(what, detail) {
    this.dispatchEvent(new CustomEvent(what, { detail }));
  }
}
