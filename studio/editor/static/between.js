// What lies between the parts: what the keys need of the page, and what is drawn over the picture.

import { Crowd } from "./crowd.js";
import { el } from "./dom.js";
import { lookUp } from "./inspector.js";
import { cheatSheet, commandsOf } from "./keys.js";

/** What commands need of the page, and the commands themselves. */
export function userInterface(session, config, { body, filter, suggestions, tonic }) {
  const { wave } = session;
  const ui = {
    sections: config.sections,
    help: () => ui.sheet.showModal(),
    openFilter: () => filter.open(),
    toggleDrone: () => tonic.toggleDrone(),
    accept: () => suggestions.accept(),
    rejectRest: () => suggestions.rejectRest(),
    clearMarked() {
      const { marked } = session;
      if (marked === null || wave.time <= marked) return session.say("Press I where the stretch begins, then X where it ends.");
      session.leave();
      return filter.clear(marked, wave.time);
    },
    playRegion() {
      const chosen = session.selected;
      if (chosen) wave.play(chosen.start_s, chosen.end_s);
    },
    showRegion() {
      const chosen = session.selected;
      if (chosen) wave.show(chosen.start_s, chosen.end_s);
    },
    toggleLoop() {
      const chosen = session.selected;
      if (!wave.loop && !chosen) return session.say("Select a region to loop.");
      wave.loop = wave.loop ? null : () => session.selected && [session.selected.start_s, session.selected.end_s];
      if (wave.loop) wave.play(chosen.start_s);
      return session.dispatchEvent(new Event("loop"));
    },
  };
  ui.commands = commandsOf(session, wave, ui);
  ui.sheet = cheatSheet(ui.commands);
  ui.sheet.addEventListener("close", () => body.focus());
  body.addEventListener("wheel", (event) => zoomByWheel(event, wave), { passive: false });
  return ui;
}

/** Ctrl and the wheel (a pinch on a touchpad) zoom at the pointer. */
function zoomByWheel(event, wave) {
  if (!event.ctrlKey) return;
  event.preventDefault();
  const x = event.clientX - wave.ws.getWrapper().parentElement.getBoundingClientRect().left;
  wave.zoom(wave.px * 2 ** (-event.deltaY / 200), wave.view()[0] + x / wave.px);
}

/** Draw svara lines and the pitch while their boxes are ticked; the selected region's raga counts. */
export function ruleSvaras(session, strip, contour, transport, search) {
  const draw = async () => {
    const { tonic_hz, raga } = session.recording;
    const found = await lookUp(search, "raga", session.selected?.raga ?? raga);
    contour.svaras = found?.svaras ?? null;
    strip.closeUp(transport.pitch.checked || transport.svaras.checked);
    contour.show(transport.pitch.checked);
    if (!transport.svaras.checked) return strip.rule(null, []);
    if (!tonic_hz) session.say("Confirm the recording's tonic to see its svaras.");
    return strip.rule(tonic_hz, found?.svaras ?? [["S", 0], ["P", 700]]);
  };
  for (const what of ["svaras", "pitch", "selection"]) session.addEventListener(what, draw);
  session.store.addEventListener("recording", draw);
}

/** The regions as a thin band of colour over the overview. */
export function colourOverview(session, overview) {
  const crowd = new Crowd(overview, { sections: { top: 0, height: 4 }, violin: { top: 4, height: 3 } }, "band");
  const draw = () => crowd.draw(session.seen(), [0, session.wave.duration]);
  session.store.addEventListener("change", () => requestAnimationFrame(draw));
  session.addEventListener("filter", draw);
  new ResizeObserver(draw).observe(overview);
}

/** Where the region begins that O will end. */
export function showMark(session, stage) {
  const mark = el("div", { class: "mark-in", hidden: true }, el("span", {}, "I"));
  stage.append(mark);
  const draw = () => {
    const [start, end] = session.wave.view();
    const share = (session.marked - start) / (end - start);
    mark.hidden = session.marked === null || share < 0 || share > 1;
    mark.style.left = `${100 * share}%`;
  };
  session.addEventListener("mark", draw);
  session.wave.addEventListener("view", draw);
}
