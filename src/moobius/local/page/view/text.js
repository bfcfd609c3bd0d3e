/** Text of users to nodes: links and code stand out, everything else stays as it was typed. */

import { h } from "./dom.js";

const CODE_BLOCK = /```(?:\w*\n)?([\s\S]+?)```\n?/g;
const LINK = /\bhttps?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]}]/g;
const SAFE = new Set(["http:", "https:"]);

/**
 * Return the absolute address of a link or picture, or null when it is not one to follow.
 *
 * Only http, https and relative addresses pass; `javascript:` and `data:` do not.
 */
export function safeAddress(text) {
  if (typeof text !== "string" || !text) return null;
  try {
    const address = new URL(text, window.location.href);
    return SAFE.has(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}

/** Return an element that opens an address in a new tab, or null when it is not safe. */
export function link(address, attributes, ...children) {
  const href = safeAddress(address);
  if (!href) return null;
  return h("a", { href, target: "_blank", rel: "noopener noreferrer", ...attributes }, ...children);
}

/** Return the nodes of a message text: code blocks between ``` marks, and links. */
export const richText = (text) =>
  split(text, CODE_BLOCK, codeBlock).flatMap((part) =>
    typeof part === "string" ? linked(part) : [part],
  );

/** Return the words of a hint that may be written in HTML; nothing of it is run or loaded. */
export function plainText(html) {
  const parsed = new DOMParser().parseFromString(String(html ?? ""), "text/html");
  return parsed.body.textContent.trim();
}

/** "Bob", "Bob and Meow", "Bob, Meow and 3 more". */
export function listed(names, most = 3) {
  if (names.length > most) {
    return `${names.slice(0, most - 1).join(", ")} and ${names.length - most + 1} more`;
  }
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

const codeBlock = ([, code]) => h("pre", {}, h("code", {}, code.replace(/\n$/, "")));

const linked = (text) => split(text, LINK, ([address]) => link(address, {}, address));

function split(text, pattern, toNode) {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    parts.push(text.slice(end, match.index), toNode(match));
    end = match.index + match[0].length;
  }
  return [...parts, text.slice(end)].filter((part) => part !== "");
}
