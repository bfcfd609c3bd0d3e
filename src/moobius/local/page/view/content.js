/** What a message holds, drawn by its subtype (platform.md 3.12). */

import { h } from "./dom.js";
import { link, richText, safeAddress } from "./text.js";
import { sizeText } from "./time.js";

const DRAW = { __proto__: null, text, image, audio, file, card };

/** Return the element that shows the content of a message from `name`. */
export function contentOf({ subtype, content }, name) {
  return (DRAW[subtype] ?? other)(content, name, subtype);
}

/** What stands for a message that cannot be drawn. */
export const brokenContent = () =>
  h("div.text.soft", {}, "A message that this page cannot show: something in it is not as it should be.");

function text({ text: words }) {
  return h("div.text", {}, richText(String(words ?? "")));
}

function image({ path, filename }, name) {
  const src = safeAddress(path);
  if (!src) return notShown("picture");
  const alt = filename ? String(filename) : `Picture from ${name}`;
  return link(path, { class: "picture" }, h("img", { src, alt }));
}

function audio({ path, filename }, name) {
  const src = safeAddress(path);
  if (!src) return notShown("sound");
  const label = filename ? String(filename) : `Sound from ${name}`;
  return h("audio", { src, controls: true, preload: "metadata", "aria-label": label });
}

function file({ path, filename, size }) {
  const title = String(filename || "File");
  return (
    link(
      path,
      { class: "file", download: title },
      h("span.filename", {}, title),
      h("span.size", {}, sizeText(Number(size ?? NaN))),
    ) ?? notShown("file")
  );
}

function card({ title, text: words, link: target, button }) {
  return h(
    "div.card",
    {},
    title && h("strong", {}, title),
    words && h("div.text", {}, richText(String(words))),
    link(target, { class: "button" }, button || "Open"),
  );
}

/** A subtype that came after this page: show its text if it has one. */
function other(content, name, subtype) {
  if (content.text) return text(content);
  return h("div.text.soft", {}, `A message of kind “${subtype}”, which this page cannot show.`);
}

const notShown = (what) =>
  h("div.text.soft", {}, `A ${what} at an address that is not http or https; it is not shown.`);
