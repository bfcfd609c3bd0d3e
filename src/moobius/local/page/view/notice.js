/** One line of trouble at a time, inside the column it concerns. */

import { button, fill, h } from "./dom.js";

/** Return `{root, say(text), clear()}`. */
export function notice() {
  const root = h("div.notice", { role: "alert", hidden: true });
  const clear = () => {
    root.hidden = true;
    fill(root);
  };
  const say = (text) => {
    root.hidden = false;
    fill(
      root,
      h("span", {}, text),
      button(".quiet", { "aria-label": "Dismiss", onclick: clear }, "×"),
    );
  };
  return { root, say, clear };
}
