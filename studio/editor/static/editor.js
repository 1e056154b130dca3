// The editor: opens the recording that Python names, and puts the parts together.

import { cheatSheet, commandsOf, listenForKeys } from "./keys.js";
import { el, kept } from "./dom.js";
import { Inspector, RecordingCard, lookUp, searcher } from "./inspector.js";
import { Contour } from "./contour.js";
import { Crowd } from "./crowd.js";
import { Filter, Suggestions } from "./filter.js";
import { Lanes } from "./lanes.js";
import { palette } from "./names.js";
import { notices } from "./notices.js";
import { SegmentList } from "./list.js";
import { Session } from "./session.js";
import { Store } from "./store.js";
import { Strip } from "./strip.js";
import { LikelyRagas } from "./ragas.js";
import { TonicCard } from "./tonic.js";
import { Transport } from "./transport.js";
import { openWave } from "./wave.js";

const NAME_KEY = "studio.annotator";
const ALONE_KEY = "studio.alone";
const INSTALL_MS = 3000; // until the library is looked for again, while it is being installed
const INSTALL_TRIES = 20;
const LATE_MS = 500; // a value set while the component was being mounted is told to nobody

/** Called once by gradio when the component is in the page. */
export function mount({ element, props, server, watch, at, config }) {
  const root = element.querySelector(".editor");
  const context = { root, server, at, config };
  let opened = null;
  let asked = 0;
  let followed = "";
  const wanted = () => (props.value?.recording_id ? `${props.value.recording_id} ${props.value.n}` : "");
  const follow = async () => {
    followed = wanted();
    const id = props.value?.recording_id;
    const turn = (asked += 1);
    opened?.close();
    opened = null;
    if (!id) return;
    root.replaceChildren(el("p", { class: "editor-empty", role: "status" }, "Opening…"));
    try {
      const next = await open(context, id, () => turn === asked);
      if (turn === asked) opened = next;
      else next?.close();
      opened?.show(props.value?.segment_id);
    } catch (error) {
      if (turn === asked) root.replaceChildren(el("p", { class: "editor-empty", role: "alert" }, error.message));
    }
  };
  watch("value", follow);
  setInterval(() => wanted() && wanted() !== followed && follow(), LATE_MS);
  addEventListener("beforeunload", (event) => opened?.store.waiting && event.preventDefault());
  follow();
}

async function open(context, id, isWanted) {
  const { root, server, at, config } = context;
  const answer = await fetch(`${at}/recordings/${encodeURIComponent(id)}`);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  await installed(at, root, isWanted);
  if (!isWanted()) return null;

  const name = nameField();
  const store = new Store(told, { at, server, annotator: () => name.value.trim() || null });
  const overview = el("div", { class: "overview", "aria-hidden": "true" });
  const container = el("div", { class: "wave", "aria-hidden": "true" });
  const lanes = el("div", { class: "lane-names", "aria-hidden": "true" }, el("span", {}, "sections"), el("span", {}, "violin"));
  const picture = el("div", { class: "strip", "aria-hidden": "true" });
  const stage = el("div", { class: "stage" }, container, lanes, picture);
  const body = el("div", { class: "editor-body", tabindex: "0", role: "application", "aria-label": `Waveform of ${told.recording.title}` });
  root.replaceChildren(body);
  body.append(overview, stage);
  const wave = await openWave({ at, recording: told.recording, container, overview });
  const session = new Session(store, wave);
  name.node.append(aloneBox(session));
  const search = searcher(at);
  const strip = new Strip(picture, wave, { url: `${at}/recordings/${id}/strip`, shape: config.strip });
  new Lanes(session, wave, { at: new URL(".", import.meta.url).href.replace(/\/$/, ""), stage });
  showMark(session, stage);
  colourOverview(session, overview);

  const filter = new Filter(session, config.sections);
  const suggestions = new Suggestions(session);
  const ui = userInterface(session, config, { body, filter, suggestions });
  const transport = new Transport(session, ui.commands);
  ui.faster = (by) => transport.faster(by);
  ui.toggle = (name) => transport.toggle(name);
  const url = `${at}/recordings/${id}`;
  const contour = new Contour(picture, session, { url: `${url}/pitch`, strip, pitch: config.pitch });
  const tonic = new TonicCard(session, search, `${url}/tonics`);
  ui.toggleDrone = () => tonic.toggleDrone();
  ruleSvaras(session, strip, contour, transport, search);
  body.prepend(transport.node, palette(session, config.sections), notices(session), suggestions.node);
  const card = new RecordingCard(session, search);
  const lower = el("div", { class: "lower" });
  lower.append(el("div", { class: "left" }, filter.node, new SegmentList(session).node, tonic.node, card.node, name.node), new Inspector(session, search, new LikelyRagas(session, url).node).node);
  body.append(lower, ui.sheet);
  listenForKeys(body, ui.commands);
  body.addEventListener("listen", ({ detail }) => {
    wave.show(detail.start_s, detail.end_s); // asked for by a panel below
    wave.play(detail.start_s, detail.end_s);
  });
  wave.audio.addEventListener("error", () => session.say("The sound cannot be played. Import the recording again."));
  if (document.activeElement === document.body || document.activeElement?.closest("#segment-recording")) {
    body.focus({ preventScroll: true }); // so that its keys work at once
  }
  body.dataset.recording = id;
  body.dataset.ready = "true";
  const address = new URL(location);
  address.searchParams.set("recording", id); // a reload opens it again
  history.replaceState(history.state, "", address);
  return {
    store,
    show(at) {
      const asked = at && store.get(at);
      if (!asked) return;
      session.select(at);
      wave.show(asked.start_s, asked.end_s);
    },
    close() {
      store.close();
      strip.destroy();
      tonic.close();
      wave.destroy();
    },
  };
}

/** What commands need of the page, and the commands themselves. */
function userInterface(session, config, { body, filter, suggestions }) {
  const { wave } = session;
  const ui = {
    sections: config.sections,
    help: () => ui.sheet.showModal(),
    openFilter: () => filter.open(),
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
function ruleSvaras(session, strip, contour, transport, search) {
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
function colourOverview(session, overview) {
  const crowd = new Crowd(overview, { sections: { top: 0, height: 4 }, violin: { top: 4, height: 3 } }, "band");
  const draw = () => crowd.draw(session.seen(), [0, session.wave.duration]);
  session.store.addEventListener("change", () => requestAnimationFrame(draw));
  session.addEventListener("filter", draw);
  new ResizeObserver(draw).observe(overview);
}

/** Where the region begins that O will end. */
function showMark(session, stage) {
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

/** The name that edits are signed with where nobody is signed in; kept in this browser. */
function nameField() {
  const input = el("input", { id: "annotator-name", value: kept.get(NAME_KEY) ?? "", placeholder: "no name", onchange: () => kept.set(NAME_KEY, input.value.trim()) });
  const node = el("div", { class: "field signed" }, el("label", { for: "annotator-name" }, "My edits are by"), input);
  return { node, get value() { return input.value; } };
}

/** For who marks independently of others: their regions are out of sight. */
function aloneBox(session) {
  const box = el("input", { type: "checkbox", onchange: () => look(box.checked) });
  const look = (alone) => {
    localStorage.setItem(ALONE_KEY, alone ? "yes" : "");
    session.alone = alone;
    session.narrow({});
  };
  box.checked = session.alone = Boolean(localStorage.getItem(ALONE_KEY));
  return el("label", { class: "alone" }, box, " hide others' regions");
}

/** Wait until wavesurfer is there: on the first start it may still be on its way. */
async function installed(at, root, isWanted) {
  const url = `${at}/vendor/wavesurfer.esm.js`;
  for (let i = 0; i < INSTALL_TRIES && isWanted(); i += 1) {
    if ((await fetch(url, { method: "HEAD" })).ok) return;
    root.replaceChildren(el("p", { class: "editor-empty", role: "status" }, "Installing the waveform editor…"));
    await new Promise((done) => setTimeout(done, INSTALL_MS));
  }
  if (isWanted()) throw new Error("The waveform editor is not installed. Run: python -m studio.editor.setup");
}
