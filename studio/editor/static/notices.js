// What another person did to the same regions: both revisions are kept, and one chooses here.

import { button, el } from "./dom.js";
import { named } from "./rules.js";

export function notices(session) {
  const node = el("div", { class: "notices", role: "status", "aria-label": "Changes by others" });
  const put = (words, ...actions) => {
    const note = el("p", { class: "notice" }, el("span", {}, words));
    const close = button("Dismiss", { sign: "cross", press: () => note.remove() });
    for (const { text, press } of actions) {
      note.append(button(text, { text, press: () => press() !== false && note.remove() }));
    }
    note.append(close);
    node.prepend(note);
    while (node.children.length > 5) node.lastChild.remove();
  };
  session.store.addEventListener("notice", ({ detail }) => put(detail));
  session.store.addEventListener("clash", ({ detail }) => {
    for (const clash of detail) clashed(session, clash, put);
  });
  return node;
}

function clashed(session, { id, by, theirs }, put) {
  const who = by ?? "Someone without a name";
  const mine = session.store.get(id);
  const what = theirs ? `made it ${named(theirs)}` : "deleted it";
  const words = `While you changed ${named(mine ?? theirs)}, ${who} ${what}. Both are kept; yours is shown.`;
  const take = () => session.store.change(theirs ? [theirs] : [], theirs ? [] : [id]);
  const show = () => {
    session.select(id);
    session.wave.reveal((mine ?? theirs).start_s);
    return false;
  };
  put(words, { text: "Show", press: show }, { text: "Take theirs", press: take }, { text: "Keep mine", press: () => true });
}
