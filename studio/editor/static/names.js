// What a region is called and how it is marked: colour is never the only sign.

import { button, el } from "./dom.js";
import { isProposed } from "./rules.js";

export const ORIGINS = {
  human: "drawn by hand",
  suggested: "suggested by the model",
  catalog: "from the catalogue",
  chapter: "from the video's chapters",
  import: "imported",
};
const BRIEFLY = { suggested: "model", catalog: "catalogue", chapter: "chapter" };

export const classOf = (section) => `s-${section.replaceAll(" ", "-")}`;

/** What a region says of itself: its verdict, or who proposed it and how sure they are. */
export function caption(segment) {
  const sure = segment.confidence === null ? "" : ` ${Math.round(100 * segment.confidence)} %`;
  const sign = { approved: "✓ ", rejected: "✕ ", draft: "" }[segment.status];
  const origin = isProposed(segment) ? `${BRIEFLY[segment.origin]}${sure}: ` : "";
  return sign + origin + [segment.section, segment.raga].filter(Boolean).join(" · ");
}

/** The buttons that name a section: the legend, the brush for new regions, and the relabeller. */
export function palette(session, sections) {
  const buttons = sections.map(({ name, key }) =>
    button(name, {
      key,
      press: () => session.paint(name),
      class: `chip ${classOf(name)}`,
      "aria-pressed": "false",
    }),
  );
  buttons.forEach((node, i) => {
    node.append(el("span", { class: "swatch" }), sections[i].name);
    if (sections[i].key) node.append(el("kbd", {}, sections[i].key));
  });
  const mark = () => {
    const current = session.selected?.section ?? session.brush;
    buttons.forEach((node, i) => node.setAttribute("aria-pressed", sections[i].name === current));
  };
  session.addEventListener("selection", mark);
  session.addEventListener("brush", mark);
  session.store.addEventListener("change", mark);
  mark();
  return el("div", { class: "palette", role: "toolbar", "aria-label": "Sections" }, ...buttons);
}
