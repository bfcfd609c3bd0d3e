/** The canvas: a strip that grows when expanded and pages through its panes. */

import { button, coalesced, fill, h } from "./dom.js";
import { lookOf } from "./look.js";
import { link, plainText, richText, safeAddress } from "./text.js";

export function canvasView(room) {
  const root = h("section.canvas", { "aria-label": "Canvas" });
  let pane = 0;
  let expanded = false;

  const draw = coalesced(() => {
    const look = lookOf(room.style, "canvas");
    root.hidden = look.hidden || room.canvas.length === 0;
    root.classList.toggle("highlighted", look.highlighted);
    root.classList.toggle("expanded", expanded);
    if (root.hidden) return;
    const focused = root.contains(document.activeElement) && document.activeElement.name;
    fill(
      root,
      paneOf(room.canvas[pane]),
      h("div.controls", {}, room.canvas.length > 1 && pager(), grow()),
      look.hint && h("p.hint", {}, look.hint),
    );
    if (focused) root.querySelector(`[name="${focused}"]:not([disabled])`)?.focus();
  });

  const step = (by) => () => {
    pane += by;
    draw();
  };
  const pager = () => [
    button(
      ".quiet",
      { name: "back", "aria-label": "Previous pane", disabled: pane === 0, onclick: step(-1) },
      "‹",
    ),
    h("span.page", { "aria-live": "polite" }, `${pane + 1} / ${room.canvas.length}`),
    button(
      ".quiet",
      {
        name: "on",
        "aria-label": "Next pane",
        disabled: pane === room.canvas.length - 1,
        onclick: step(1),
      },
      "›",
    ),
  ];
  const toggle = () => {
    expanded = !expanded;
    draw();
  };
  const grow = () =>
    button(
      ".quiet",
      {
        name: "grow",
        "aria-label": "Expand the canvas",
        "aria-expanded": `${expanded}`,
        onclick: toggle,
      },
      expanded ? "▴" : "▾",
    );

  room.on("canvas", () => {
    pane = 0;
    draw();
  });
  room.on("style", () => {
    expanded = lookOf(room.style, "canvas").expand;
    draw();
  });
  draw();
  return root;
}

/** A pane has a text, a picture, both, or is empty; the first line of the text is its headline. */
function paneOf({ text, path }) {
  const [headline, ...rest] = String(text ?? "").split("\n");
  const src = safeAddress(path);
  const alt = plainText(headline) || "Canvas";
  return h(
    "div.pane",
    {},
    src && link(path, { class: "picture" }, h("img", { src, alt })),
    text &&
      h(
        "div.words",
        {},
        h("strong.text", {}, richText(headline)),
        rest.length > 0 && h("div.text.soft", {}, richText(rest.join("\n"))),
      ),
  );
}
