/** The buttons the service gives this member, with their dialogs and hints. */

import { button, coalesced, fill, h } from "./dom.js";
import { showDialog } from "./dialog.js";
import { lookOf } from "./look.js";

export function buttonRow(room, host) {
  const row = h("div.buttons", { role: "group", "aria-label": "Buttons" });
  const draw = coalesced(() => {
    const shown = room.buttons
      .map((item) => ({ item, look: lookOf(room.style, "button", item.button_id) }))
      .filter(({ look }) => !look.hidden);
    row.hidden = shown.length === 0;
    fill(row, shown.map(({ item, look }) => serviceButton(room, host, item, look)));
  });
  room.on("buttons", draw);
  room.on("style", draw);
  draw();
  return row;
}

function serviceButton(room, host, item, look) {
  const press = () => {
    if (!item.dialog) return room.click(item, [], "confirm");
    return showDialog(host, item.dialog, (args, bottom) => room.click(item, args, bottom));
  };
  const attributes = {
    onclick: press,
    "aria-haspopup": item.dialog ? "dialog" : null,
    "data-button-id": item.button_id,
    "aria-description": look.hint || null,
  };
  const selector = look.highlighted ? ".highlighted" : "";
  return h(
    "span.with-hint",
    {},
    button(selector, attributes, item.button_text || item.button_id),
    look.hint && h("span.hint", { "aria-hidden": "true" }, look.hint),
  );
}
