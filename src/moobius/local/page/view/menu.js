/** Menus: the service's own for a message, and the page's. */

import { button, h } from "./dom.js";
import { arrows, open, place } from "./floating.js";

/** Show `entries` of `{text, choose}` or `{text, href}` near a point of the host. */
export function showMenu(host, label, entries, point) {
  const items = entries.map(({ text, choose, href, checked }) => {
    const role = checked === undefined ? "menuitem" : "menuitemradio";
    const common = { role, tabindex: "-1", "aria-checked": checked?.toString() };
    const act = () => {
      close();
      choose?.();
    };
    return href
      ? h("a.item", { ...common, href, target: "_blank", rel: "noopener", onclick: act }, text)
      : button(".item", { ...common, onclick: act }, text);
  });
  const panel = h("div.menu", { role: "menu", "aria-label": label, tabindex: "-1" }, items);
  arrows(panel, () => items);
  const close = open(host, panel, { first: () => items[0] });
  place(panel, host, point);
  return close;
}

/** The items of a service's menu that are meant for a message (platform.md 3.12). */
export const itemsFor = (menu, message) =>
  menu.filter(({ message_subtypes: subtypes }) => {
    const list = [subtypes ?? "all"].flat();
    return list.includes(message.subtype) || list.includes("all");
  });

/** Where a menu that was asked for by key, or by a button, opens. */
export function pointBelow(element) {
  const { left, bottom } = element.getBoundingClientRect();
  return { x: left, y: bottom + 4 };
}
