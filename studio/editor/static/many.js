// Edits of many regions at once. Each is one edit, so that one undo takes all of it back.

import { newId } from "./dom.js";
import { fitting, isLocked, isProposed, round } from "./rules.js";
import { changed } from "./session.js";

/** Change those of `segments` that are open; say how many, and how many were left alone. */
function changeOpen(session, segments, change, done) {
  const open = segments.filter((each) => !isLocked(each));
  const n = segments.length - open.length;
  if (!open.length) return session.say(n ? `All ${n} are reviewed and locked.` : "Nothing is listed.");
  if (!session.store.change(open.map(change))) return undefined;
  return session.say(`${open.length} ${done}${n ? `; ${n} locked, left alone` : ""}.`);
}

export function relabel(session, segments, section) {
  changeOpen(session, segments, (each) => changed(each, { section }), `now ${section}`);
}

/** Move all by some seconds; none is pushed over an end of the recording. */
export function shift(session, segments, by) {
  const open = segments.filter((each) => !isLocked(each));
  const first = Math.min(...open.map((each) => each.start_s));
  const last = Math.max(...open.map((each) => each.end_s));
  if (open.length && (first + by < 0 || last + by > session.wave.duration)) {
    return session.say("That would push a region over the end of the recording.");
  }
  const move = (each) => changed(each, { start_s: round(each.start_s + by), end_s: round(each.end_s + by) });
  return changeOpen(session, segments, move, `moved by ${by} s`);
}

export function judgeAll(session, segments, status) {
  const others = segments.filter((each) => each.status !== status);
  if (!others.length) return session.say("Nothing is listed that is not so already.");
  const done = session.store.change(others.map((each) => ({ ...each, status })));
  return done && session.say(`${others.length} ${status}.`);
}

export function removeAll(session, segments) {
  const open = segments.filter((each) => !isLocked(each));
  const n = segments.length - open.length;
  if (open.length) session.store.change([], open.map((each) => each.id));
  session.say(`${open.length} deleted${n ? `; ${n} locked, left alone` : ""}.`);
}

/** Clear a stretch of time: what lies in it goes, what reaches into it is cut back. */
export function clearSpan(session, segments, from, to) {
  const kept = [];
  const gone = [];
  for (const each of segments.filter((one) => !isLocked(one))) {
    const before = each.start_s < from ? [{ end_s: from }] : [];
    const after = each.end_s > to ? [{ start_s: to }] : [];
    const parts = [...before, ...after].map((said) => changed(each, said));
    if (!parts.length) gone.push(each.id);
    if (parts.length === 2) parts[1].id = newId();
    kept.push(...parts);
  }
  if (!kept.length && !gone.length) return session.say("No open region lies in that stretch.");
  return session.store.change(kept, gone) && session.say("The stretch is clear.");
}

/** What nobody has judged yet, and is at least `share` (0..1) sure. */
export function proposals(session, share = 0) {
  return session.store.list().filter((each) => isProposed(each) && (each.confidence ?? 0) >= share);
}

/** Approve every proposal that is sure enough and fits beside what is drawn. */
export function acceptAbove(session, share) {
  const sure = proposals(session, share);
  const fit = fitting(session.store.list(), sure, session.store.annotator());
  const n = sure.length - fit.length;
  const left = n ? ` ${n} overlap what is drawn or surer, and wait.` : "";
  if (!fit.length) return session.say(`No suggestion to accept at ${Math.round(100 * share)} %.${left}`);
  const done = session.store.change(fit.map((each) => ({ ...each, status: "approved" })));
  return done && session.say(`${fit.length} accepted.${left}`);
}

export function rejectBelow(session, share) {
  const unsure = proposals(session).filter((each) => (each.confidence ?? 0) < share);
  if (!unsure.length) return session.say("No suggestion is less sure than that.");
  return judgeAll(session, unsure, "rejected");
}
