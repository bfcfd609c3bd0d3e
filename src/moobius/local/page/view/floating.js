/** What opens over a column: it takes the focus, keeps it, gives it back, and closes on Esc. */

import { focusable, h } from "./dom.js";

/** Put `panel` into `host`; return a function that closes it. */
export function open(host, panel, { modal = false, onclose, first } = {}) {
  const before = document.activeElement;
  const layer = h(modal ? "div.layer.modal" : "div.layer", {}, panel);
  const close = () => {
    if (!layer.isConnected) return;
    document.removeEventListener("pointerdown", outside, true);
    layer.remove();
    onclose?.();
    if (before?.isConnected) before.focus();
  };
  layer.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (event.key === "Tab") keepInside(event, panel);
  });
  const outside = ({ target }) => modal || panel.contains(target) || close();
  document.addEventListener("pointerdown", outside, true);
  host.append(layer);
  (first?.() ?? focusable(panel)[0] ?? panel).focus();
  return close;
}

function keepInside(event, panel) {
  const stops = focusable(panel);
  if (!stops.length) return;
  const edge = event.shiftKey ? stops[0] : stops.at(-1);
  if (document.activeElement !== edge && panel.contains(document.activeElement)) return;
  event.preventDefault();
  (event.shiftKey ? stops.at(-1) : stops[0]).focus();
}

/** Let the arrow keys walk through `items()`, and wrap around. */
export function arrows(root, items, [back, forth] = ["ArrowUp", "ArrowDown"]) {
  root.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(document.activeElement);
    const moves = { [back]: at - 1, [forth]: at + 1, Home: 0, End: all.length - 1 };
    if (!(event.key in moves) || !all.length) return;
    event.preventDefault();
    all[(moves[event.key] + all.length) % all.length].focus();
  });
}

/** Keep a panel near a point and inside its host. */
export function place(panel, host, { x, y }) {
  const frame = host.getBoundingClientRect();
  const { width, height } = panel.getBoundingClientRect();
  const within = (value, most) => Math.max(8, Math.min(value, most - 8));
  panel.style.left = `${within(x - frame.left, frame.width - width)}px`;
  panel.style.top = `${within(y - frame.top, frame.height - height)}px`;
}
