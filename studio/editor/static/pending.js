// Edits that have not reached the server yet, kept in this browser: a closed or crashed page loses
// none. Each open page has a shelf of its own; what a page that is gone left there is taken over.

import { kept, newId } from "./dom.js";

const PREFIX = "studio.pending";

export class Pending {
  constructor(recordingId) {
    this.prefix = `${PREFIX}.${recordingId}.`;
    this.key = this.prefix + newId();
    navigator.locks?.request(this.key, () => new Promise((letGo) => (this.letGo = letGo)));
  }

  /** Keep these jobs; false if the browser has no room for them. */
  keep(jobs) {
    return kept.set(this.key, jobs.length ? JSON.stringify(jobs) : null);
  }

  /** The jobs that pages no longer open have left. */
  async inherited() {
    const jobs = [];
    const keys = kept.keys().filter((key) => key.startsWith(this.prefix) && key !== this.key);
    const held = (await navigator.locks?.query())?.held.map((lock) => lock.name) ?? [];
    for (const key of keys) {
      if (held.includes(key)) continue;
      jobs.push(...parsed(kept.get(key)));
      kept.set(key, null);
    }
    return jobs;
  }

  close() {
    this.letGo?.();
  }
}

function parsed(text) {
  try {
    const jobs = JSON.parse(text);
    return Array.isArray(jobs) ? jobs.filter((job) => job?.call && Array.isArray(job.ids)) : [];
  } catch {
    return [];
  }
}
