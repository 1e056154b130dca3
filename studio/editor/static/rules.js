// What the library will refuse, known here too: a queued edit must not fail an hour later.

import { clock } from "./clock.js";

export const SHORTEST_S = 0.05;
const TOUCHING_S = 0.001; // as core/edits.py has it

export const laneOf = (segment) => (segment.section === "violin" ? "violin" : "sections");

/** Whether it is a mere proposal: of a model, the catalogue or a chapter list, judged by nobody. */
export const isProposed = (segment) =>
  segment.status === "draft" && !["human", "import"].includes(segment.origin);

/** Whether it claims its time for itself: someone drew, imported or approved it. */
export const isFirm = (segment) => segment.status !== "rejected" && !isProposed(segment);

export const isLocked = (segment) => segment.status !== "draft";

export const round = (t) => Math.round(1000 * t) / 1000;

const shared = (one, other) => Math.min(one.end_s, other.end_s) - Math.max(one.start_s, other.start_s);

/** Sweep each annotator's lane; `meet(earlier, later)` says which of two that overlap goes on. */
function sweep(segments, annotator, meet) {
  const furthest = new Map();
  for (const each of segments) {
    const lane = `${laneOf(each)} ${each.annotator ?? annotator ?? ""}`;
    const earlier = furthest.get(lane);
    if (!earlier) furthest.set(lane, each);
    else if (shared(earlier, each) > TOUCHING_S) furthest.set(lane, meet(earlier, each));
    else if (each.end_s > earlier.end_s) furthest.set(lane, each);
  }
}

/** Why the lanes refuse these ids, in words; null if they do not. `segments` are sorted by start. */
export function refusal(segments, ids, annotator) {
  let words = null;
  sweep(segments.filter(isFirm), annotator, (earlier, each) => {
    if (!words && (ids.has(earlier.id) || ids.has(each.id))) {
      const [one, other] = ids.has(each.id) ? [each, earlier] : [earlier, each];
      words =
        `${named(one)} overlaps ${named(other)} by ${shared(one, other).toFixed(2)} s. ` +
        "Only a violin passage may lie over another section: move an edge, or delete one.";
    }
    return each.end_s > earlier.end_s ? each : earlier;
  });
  return words;
}

/** Those of the proposals that may be approved together: the surer goes before what it overlaps. */
export function fitting(segments, proposals, annotator) {
  const kept = new Map(proposals.map((each) => [each.id, each]));
  const sure = (each) => each.confidence ?? 0;
  sweep(segments.filter((each) => isFirm(each) || kept.has(each.id)), annotator, (earlier, each) => {
    if (kept.has(each.id) && (!kept.has(earlier.id) || sure(each) <= sure(earlier))) {
      kept.delete(each.id);
      return earlier;
    }
    kept.delete(earlier.id);
    return each;
  });
  return [...kept.values()];
}

/** A region as one speaks of it. */
export function named(segment) {
  const raga = segment.raga ? ` in ${segment.raga}` : "";
  return `${segment.section}${raga} (${clock(segment.start_s, 1)} to ${clock(segment.end_s, 1)})`;
}
