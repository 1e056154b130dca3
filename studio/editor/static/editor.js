// The editor: opens the recording that Python names, and puts the parts together.

import { colourOverview, ruleSvaras, showMark, userInterface } from "./between.js";
import { Contour } from "./contour.js";
import { el, kept } from "./dom.js";
import { Filter, Suggestions } from "./filter.js";
import { Inspector, RecordingCard, searcher } from "./inspector.js";
import { listenForKeys } from "./keys.js";
import { Lanes } from "./lanes.js";
import { SegmentList } from "./list.js";
import { palette } from "./names.js";
import { notices } from "./notices.js";
import { LikelyRagas } from "./ragas.js";
import { Session } from "./session.js";
import { Store } from "./store.js";
import { Strip } from "./strip.js";
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
  const places = stageFor(told.recording);
  root.replaceChildren(places.body);
  const wave = await openWave({ at, recording: told.recording, ...places });
  const session = new Session(store, wave);
  name.node.append(aloneBox(session));
  const parts = furnish(session, { at, config, name, places });
  wave.audio.addEventListener("error", () => session.say("The sound cannot be played. Import the recording again."));
  takeFocus(places.body);
  places.body.dataset.recording = id;
  places.body.dataset.ready = "true";
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
      parts.strip.destroy();
      parts.tonic.close();
      wave.destroy();
    },
  };
}

/** The frame of the picture: overview, waveform with its lanes, spectrogram. */
function stageFor(recording) {
  const hidden = (name, ...children) => el("div", { class: name, "aria-hidden": "true" }, ...children);
  const overview = hidden("overview");
  const container = hidden("wave");
  const picture = hidden("strip");
  const lanes = hidden("lane-names", el("span", {}, "sections"), el("span", {}, "violin"));
  const stage = el("div", { class: "stage" }, container, lanes, picture);
  const label = `Waveform of ${recording.title}`;
  const body = el("div", { class: "editor-body", tabindex: "0", role: "application", "aria-label": label }, overview, stage);
  return { body, overview, container, picture, stage };
}

/** Put the parts around and over the waveform. */
function furnish(session, { at, config, name, places }) {
  const { wave } = session;
  const { body, overview, picture, stage } = places;
  const url = `${at}/recordings/${session.recording.id}`;
  const search = searcher(at);
  const strip = new Strip(picture, wave, { url: `${url}/strip`, shape: config.strip });
  const contour = new Contour(picture, session, { url: `${url}/pitch`, strip, pitch: config.pitch });
  const tonic = new TonicCard(session, search, `${url}/tonics`);
  const filter = new Filter(session, config.sections);
  const suggestions = new Suggestions(session);
  new Lanes(session, wave, { at: new URL(".", import.meta.url).href.replace(/\/$/, ""), stage });
  showMark(session, stage);
  colourOverview(session, overview);

  const ui = userInterface(session, config, { body, filter, suggestions, tonic });
  const transport = new Transport(session, ui.commands);
  Object.assign(ui, { faster: (by) => transport.faster(by), toggle: (what) => transport.toggle(what) });
  ruleSvaras(session, strip, contour, transport, search);
  listenForKeys(body, ui.commands);
  body.addEventListener("listen", ({ detail }) => {
    wave.show(detail.start_s, detail.end_s); // asked for by a panel below
    wave.play(detail.start_s, detail.end_s);
  });

  const list = new SegmentList(session).node;
  const card = new RecordingCard(session, search).node;
  const left = el("div", { class: "left" }, filter.node, list, tonic.node, card, name.node);
  const inspector = new Inspector(session, search, new LikelyRagas(session, url).node);
  const lower = el("div", { class: "lower" }, left, inspector.node);
  body.prepend(transport.node, palette(session, config.sections), notices(session), suggestions.node);
  body.append(lower, ui.sheet);
  return { strip, tonic };
}

/** Let the editor's keys work at once, unless someone is busy elsewhere in the page. */
function takeFocus(body) {
  const { activeElement } = document;
  if (activeElement === document.body || activeElement?.closest("#segment-recording")) {
    body.focus({ preventScroll: true });
  }
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
    kept.set(ALONE_KEY, alone ? "yes" : null);
    session.alone = alone;
    session.narrow({});
  };
  box.checked = session.alone = Boolean(kept.get(ALONE_KEY));
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
