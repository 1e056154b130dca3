// Every command with its keys; the cheat sheet is this table, so it cannot be out of date.

import { el } from "./dom.js";
import { nearest } from "./stroke.js";

const JUMPS_S = { hair: 0.05, step: 1, stride: 5, leap: 30 };
const MOUSE = [
  ["Drag", "Draw a region; move one, or an edge"],
  ["Alt+Drag", "… and snap to suggestions, neighbours, the cursor"],
  ["Shift+Drag", "Move two touching edges together"],
  ["Click", "Put the cursor; select"],
  ["Double click", "Play the region"],
  ["Ctrl+Wheel", "Zoom at the pointer"],
];

/** What can be done, by name: `{group, keys, does, run}`. */
export function commandsOf(session, wave, ui) {
  const jump = (by) => () => wave.seek(wave.time + by);
  const listen = {
    play: [["Space"], "Play or pause", () => wave.toggle()],
    backHair: [["Ctrl+ArrowLeft"], "Back 50 ms", jump(-JUMPS_S.hair)],
    onHair: [["Ctrl+ArrowRight"], "On 50 ms", jump(JUMPS_S.hair)],
    back: [["ArrowLeft"], "Back 1 second", jump(-JUMPS_S.step)],
    on: [["ArrowRight"], "On 1 second", jump(JUMPS_S.step)],
    backMore: [["Shift+ArrowLeft"], "Back 5 seconds", jump(-JUMPS_S.stride)],
    onMore: [["Shift+ArrowRight"], "On 5 seconds", jump(JUMPS_S.stride)],
    backMost: [["PageUp"], "Back 30 seconds", jump(-JUMPS_S.leap)],
    onMost: [["PageDown"], "On 30 seconds", jump(JUMPS_S.leap)],
    begin: [["Home"], "To the beginning", () => (wave.seek(0), wave.reveal(0))],
    slower: [["<"], "Slower", () => ui.faster(-1)],
    faster: [[">"], "Faster", () => ui.faster(1)],
    playRegion: [["Enter"], "Play the selected region", () => ui.playRegion()],
    loop: [["L"], "Loop the selected region", () => ui.toggleLoop()],
    drone: [["D"], "Drone on the tonic", () => ui.toggleDrone()],
  };
  const snap = (edge) => {
    const chosen = session.selected;
    const t = chosen && nearest(session, edge === "start" ? chosen.start_s : chosen.end_s, chosen.id);
    if (chosen) session.moveEdge(edge, t);
  };
  const see = {
    zoomIn: [["+", "="], "Zoom in", () => wave.zoom(wave.px * 2)],
    zoomOut: [["-"], "Zoom out", () => wave.zoom(wave.px / 2)],
    fit: [["F"], "Show the whole recording", () => wave.zoom(0)],
    fitRegion: [["E"], "Show the selected region", () => ui.showRegion()],
    next: [["ArrowDown", "N"], "Next region", () => session.step(1)],
    previous: [["ArrowUp", "P"], "Previous region", () => session.step(-1)],
    pick: [["C"], "Select the region at the cursor", () => session.pickAtCursor()],
    none: [["Escape"], "Select nothing", () => session.leave()],
    svaras: [["V"], "Lines of the raga's svaras", () => ui.toggle("svaras")],
    pitch: [["B"], "The melody's pitch", () => ui.toggle("pitch")],
    filter: [["/"], "Filter, and change many", () => ui.openFilter()],
  };
  const mark = {
    markIn: [["I"], "A region begins at the cursor", () => session.markIn()],
    markOut: [["O"], "… and ends at the cursor", () => session.markOut()],
    edgeStart: [["["], "Move its start to the cursor", () => session.moveEdge("start")],
    edgeEnd: [["]"], "Move its end to the cursor", () => session.moveEdge("end")],
    bothStart: [["{"], "… its start and the edge touching it", () => session.moveEdge("start", wave.time, true)],
    bothEnd: [["}"], "… its end and the edge touching it", () => session.moveEdge("end", wave.time, true)],
    snapStart: [[","], "Snap its start to the nearest boundary", () => snap("start")],
    snapEnd: [["."], "Snap its end to the nearest boundary", () => snap("end")],
    nudgeBack: [["Alt+ArrowLeft"], "Move it 50 ms back", () => session.nudge(-0.05)],
    nudgeOn: [["Alt+ArrowRight"], "Move it 50 ms on", () => session.nudge(0.05)],
    split: [["S"], "Split at the cursor", () => session.split()],
    merge: [["M"], "Merge with the next", () => session.merge()],
    mergeBack: [["Shift+M"], "Merge with the previous", () => session.merge(-1)],
    fill: [["G"], "Stretch it to its neighbours", () => session.fillGap()],
    remove: [["Delete", "Backspace"], "Delete it", () => session.remove()],
    approve: [["A"], "Approve it, or open it again", () => session.judge("approved")],
    reject: [["R"], "Reject it, or open it again", () => session.judge("rejected")],
    accept: [["Shift+A"], "Accept all suggestions that are sure enough", () => ui.accept()],
    rejectRest: [["Shift+R"], "Reject those that are not", () => ui.rejectRest()],
    clear: [["X"], "Clear from the mark (I) to the cursor", () => ui.clearMarked()],
    undo: [["Ctrl+Z"], "Undo", () => session.store.undo()],
    redo: [["Ctrl+Shift+Z", "Ctrl+Y"], "Redo", () => session.store.redo()],
    help: [["?"], "Show these keys", () => ui.help()],
  };
  const commands = {};
  for (const [group, table] of Object.entries({ Listen: listen, See: see, Mark: mark })) {
    for (const [name, [keys, does, run]] of Object.entries(table)) {
      commands[name] = { group, keys, does, run };
    }
  }
  for (const { name, key } of ui.sections) {
    if (key) commands[`paint ${name}`] = { group: "Name", keys: [key], does: name, run: () => session.paint(name) };
  }
  return commands;
}

/** Obey keys while the editor itself has the focus, never while someone types in a field. */
export function listenForKeys(root, commands) {
  const byKey = new Map();
  for (const command of Object.values(commands)) {
    for (const key of command.keys) byKey.set(key, command);
  }
  root.addEventListener("keydown", (event) => {
    if (event.target.closest("input:not([type=checkbox]):not([type=range]), textarea, select, dialog")) return;
    const isPress = event.key === " " || event.key === "Enter";
    if (isPress && event.target.closest("button, summary, input")) return;
    const command = byKey.get(nameOf(event)) ?? byKey.get(digitOf(event));
    if (!command) return;
    event.preventDefault();
    event.stopPropagation();
    command.run();
  });
  // A click on a button leaves the keyboard with the waveform.
  root.addEventListener("pointerdown", (event) => {
    if (event.target.closest("input, textarea, select, dialog, summary, label")) return;
    if (event.target.closest("button")) event.preventDefault();
    root.focus({ preventScroll: true });
  });
}

function nameOf(event) {
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const isLetter = key.length > 1 || /[A-Z]/.test(key); // of a sign, Shift is part of typing it
  const held = [
    event.ctrlKey || event.metaKey ? "Ctrl" : null,
    event.altKey ? "Alt" : null,
    event.shiftKey && isLetter ? "Shift" : null,
  ];
  return [...held.filter(Boolean), key].join("+");
}

/** The digit on a key that types it only with Shift, as on a French keyboard. */
function digitOf(event) {
  const isBare = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  return isBare ? event.code.match(/^Digit(\d)$/)?.[1] : undefined;
}

/** The cheat sheet as a dialog. */
export function cheatSheet(commands) {
  const groups = new Map();
  for (const { group, keys, does } of Object.values(commands)) {
    groups.set(group, [...(groups.get(group) ?? []), [keys, does]]);
  }
  groups.set("Mouse", MOUSE.map(([keys, does]) => [[keys], does]));
  const columns = [...groups].map(([name, list]) =>
    el(
      "div",
      {},
      el("h4", {}, name),
      el("dl", {}, ...list.flatMap(([keys, does]) => [
        el("dt", {}, ...keys.map((key) => el("kbd", {}, key.replace("Arrow", "")))),
        el("dd", {}, does),
      ])),
    ),
  );
  const close = el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => sheet.close() }, "×");
  const sheet = el("dialog", { class: "cheat-sheet", "aria-label": "Keyboard" }, close, el("div", { class: "columns" }, ...columns));
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close());
  return sheet;
}
