/** The one way this page makes elements. User text only ever becomes text nodes. */

const FOCUSABLE =
  "button:not([disabled]), input:not([disabled]), select, textarea, a[href], [tabindex='0']";

/**
 * Build an element: `h("button.primary", { type: "button", onclick }, "Send")`.
 *
 * Attributes that are null, undefined or false are left out; `on...` become listeners.
 */
export function h(selector, attributes = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter(isShown));
  return element;
}

/** A button that submits nothing by accident. */
export const button = (selector, attributes, ...children) =>
  h(`button${selector}`, { type: "button", ...attributes }, ...children);

/** Replace all children. */
export const fill = (element, ...children) =>
  element.replaceChildren(...children.flat(Infinity).filter(isShown));

/** The elements in `root` that Tab stops at, in order. */
export const focusable = (root) =>
  [...root.querySelectorAll(FOCUSABLE)].filter((element) => element.getClientRects().length);

/** Run `draw` once for any number of calls in one turn of the event loop. */
export function coalesced(draw) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    queueMicrotask(() => {
      asked = false;
      draw();
    });
  };
}

const isShown = (child) => child !== null && child !== undefined && child !== false;
