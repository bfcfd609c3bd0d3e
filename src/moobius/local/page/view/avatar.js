/** A face for every character: its picture, or its initial on a colour derived from its id. */

import { h } from "./dom.js";
import { safeAddress } from "./text.js";

/** Hues that stay apart from each other and carry white text. */
const HUES = [12, 38, 95, 140, 172, 200, 226, 262, 290, 330];

/** Return a round picture; decoration only, because the name stands beside it. */
export function avatar({ id, name, avatar: picture }) {
  const face = h("span.avatar", { "aria-hidden": "true" }, [...name][0]?.toUpperCase() ?? "?");
  face.style.setProperty("--hue", HUES[hash(id) % HUES.length]);
  const src = safeAddress(picture);
  // A picture that cannot be loaded leaves the initial.
  if (src) face.append(h("img", { src, alt: "", onerror: (event) => event.target.remove() }));
  return face;
}

/** FNV-1a: small, and the same in every column. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) {
    value = Math.imul(value ^ character.codePointAt(0), 0x01000193);
  }
  return value >>> 0;
}
