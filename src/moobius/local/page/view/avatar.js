/** A face for every character: its picture, or its initial on a colour derived from its id. */

import { h } from "./dom.js";
import { safeAddress } from "./text.js";

/** Colours that stay apart from each other. */
const HUES = 12;

/** Return a round picture; decoration only, because the name stands beside it. */
export function avatar({ id, name, avatar: picture }) {
  const initial = [...name][0]?.toUpperCase() ?? "?";
  // Drawn by the style sheet: as text it would be read out, and copied, before the name.
  const face = h("span.avatar", { "aria-hidden": "true", "data-initial": initial });
  face.style.setProperty("--hue", (hash(id) % HUES) * (360 / HUES) + 15);
  const src = isPlaceholder(picture) ? null : safeAddress(picture);
  // A picture that cannot be loaded leaves the initial.
  if (src) face.append(h("img", { src, alt: "", onerror: (event) => event.target.remove() }));
  return face;
}

/** The logo that every SDK gives to who has no picture lies on the internet; an initial is nearer. */
function isPlaceholder(picture) {
  return /^https:\/\/[^/]+\.amazonaws\.com\/LogoLight\.jpg$/.test(picture ?? "");
}

/** FNV-1a: small, and the same in every column. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const character of text) {
    value = Math.imul(value ^ character.codePointAt(0), 0x01000193);
  }
  return value >>> 0;
}
