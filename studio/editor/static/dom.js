// Building the page: text always goes in as text, never as markup.

/** An element with attributes, `on...` listeners and children (nodes or text). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const PATHS = {
  play: "M7 5v14l12-7z",
  pause: "M7 5h4v14H7zM14 5h4v14h-4z",
  loop: "M7 8h9.5l-2-2L16 4.500 20.500 9 16 13.500 14.500 12l2-2H8v4H6V9zM17 16H7.500l2 2L8 19.500 3.500 15 8 10.500",
  undo: "M9 6V2L3 8l6 6v-4h5a4 4 0 0 1 0 8H8v2h6a6 6 0 0 0 0-12z",
  redo: "M15 6V2l6 6-6 6v-4h-5a4 4 0 0 0 0 8h6v2h-6a6 6 0 0 1 0-12z",
  in: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  out: "M5 11h14v2H5z",
  fit: "M3 5h2v14H3zM19 5h2v14h-2zM7 12l4-4v3h2V8l4 4-4 4v-3h-2v3z",
  markIn: "M6 4h7v2H8v12h5v2H6zM12 11h5l-2-2 1.400-1.400L21 12l-4.600 4.400L15 15l2-2h-5z",
  markOut: "M18 4h-7v2h5v12h-5v2h7zM12 11H7l2-2-1.400-1.400L3 12l4.600 4.400L9 15l-2-2h5z",
  merge: "M3 8h6v8H3zM15 8h6v8h-6zM9.500 11h5v2h-5z",
  drone: "M12 3c1.500 0 2.500 1 2.500 3l.5 6a5 5 0 1 1-6 0l.5-6c0-2 1-3 2.500-3zm0 9.500a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  split: "M11 3h2v18h-2zM3 8h6v8H3zM15 8h6v8h-6z",
  trash: "M9 3h6l1 2h4v2H4V5h4zM6 9h12l-1 12H7z",
  check: "M9 17.500 3.500 12 5 10.500l4 4 10-10L20.500 6z",
  cross: "M6.500 5 12 10.500 17.500 5 19 6.500 13.500 12 19 17.500 17.500 19 12 13.500 6.500 19 5 17.500 10.500 12 5 6.500z",
};

/** A drawn sign; it says nothing to a screen reader, its button does. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button with a sign or text, a name for a screen reader, and a hint with its key. */
export function button(name, { sign, text, key, press, ...more }) {
  const hint = key ? `${name} (${key})` : name;
  return el(
    "button",
    { type: "button", title: hint, "aria-label": name, onclick: press, ...more },
    sign ? icon(sign) : null,
    text ?? null,
  );
}

/** A new id, as the library's own look: 32 hexadecimal digits. */
export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}

/** What this browser keeps for the studio; nothing where it is forbidden, as in some frames. */
export const kept = {
  get(key) {
    return this.shelf?.getItem(key) ?? null;
  },
  /** Keep a value, or forget it where it is null; false if there is no room. */
  set(key, value) {
    try {
      if (value === null) this.shelf.removeItem(key);
      else this.shelf.setItem(key, value);
      return true;
    } catch {
      return false;
    }
  },
  keys() {
    return Object.keys(this.shelf ?? {});
  },
  get shelf() {
    try {
      return window.localStorage;
    } catch {
      return null;
    }
  },
};
