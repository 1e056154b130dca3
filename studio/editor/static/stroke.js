// One stroke of the mouse over the lanes: where it began, where it is, which keys are held.

import { SHORTEST_S, isFirm, laneOf, round } from "./rules.js";

const PULL_PX = 14; // how far a boundary draws an edge while the snapping key is held
const SLIP_PX = 8; // an overlap no wider than this was meant to touch

export class Stroke {
  pressed = { lane: "sections", time: 0 };
  at = 0; // seconds
  snaps = false; // Alt or Ctrl is held
  shares = false; // Shift is held

  constructor(wrapper, wave, violinTop) {
    const timeOf = (event) => {
      const box = wrapper.getBoundingClientRect();
      return ((event.clientX - box.left) / box.width) * wave.duration;
    };
    const follow = (event) => {
      this.at = timeOf(event);
      this.snaps = event.altKey || event.ctrlKey || event.metaKey;
      this.shares = event.shiftKey;
    };
    const press = (event) => {
      const y = event.clientY - wrapper.getBoundingClientRect().top;
      this.pressed = { lane: y >= violinTop ? "violin" : "sections", time: timeOf(event) };
      follow(event);
      document.addEventListener("pointermove", follow, { capture: true });
      const stop = () => document.removeEventListener("pointermove", follow, { capture: true });
      for (const what of ["pointerup", "pointercancel"]) {
        document.addEventListener(what, (last) => (follow(last), stop()), { capture: true, once: true });
      }
    };
    wrapper.addEventListener("pointerdown", press, true);
  }
}

/** Times an edge may snap to: edges of suggestions and neighbours, the cursor, both ends. */
export function stops(session, exceptId) {
  const shown = session.seen().filter((each) => each.id !== exceptId && each.status !== "rejected");
  return [session.wave.time, 0, session.wave.duration, ...shown.flatMap((each) => [each.start_s, each.end_s])];
}

/** The nearest of `points` if `t` is near it on the screen; else `t`, in whole milliseconds. */
export function aim(t, points, wave, reach = PULL_PX / wave.px) {
  let best = round(Math.min(Math.max(t, 0), wave.duration));
  let near = reach;
  for (const point of points) {
    if (Math.abs(point - t) > near) continue;
    near = Math.abs(point - t);
    best = point;
  }
  return best;
}

/** Let edges that slipped a little over a neighbour touch it; a region that was moved keeps its length. */
export function fit(segment, before, segments, wave, side) {
  const slip = SLIP_PX / wave.px;
  const others = segments.filter(
    (each) => each.id !== segment.id && isFirm(each) && laneOf(each) === laneOf(segment),
  );
  const over = (t, edge) => edge !== undefined && Math.abs(t - edge) <= slip;
  const left = others.find((each) => each.end_s > segment.start_s && over(segment.start_s, each.end_s))?.end_s;
  const right = others.find((each) => each.start_s < segment.end_s && over(segment.end_s, each.start_s))?.start_s;
  let { start_s, end_s } = segment;
  const isMove = segment !== before && side === undefined;
  if (isMove && left !== undefined) [start_s, end_s] = [left, left + end_s - start_s];
  else if (isMove && right !== undefined) [start_s, end_s] = [right - (end_s - start_s), right];
  else [start_s, end_s] = [left ?? start_s, right ?? end_s];
  if (end_s - start_s < SHORTEST_S) return { start_s: segment.start_s, end_s: segment.end_s };
  return { start_s: round(start_s), end_s: round(end_s) };
}

/** The boundary of anything shown that lies nearest to `t`. */
export function nearest(session, t, exceptId) {
  const points = stops(session, exceptId).slice(1); // the cursor is no boundary
  return points.reduce((best, point) => (Math.abs(point - t) < Math.abs(best - t) ? point : best));
}
