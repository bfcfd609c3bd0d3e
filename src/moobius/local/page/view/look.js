/** Read a style update (platform.md 3.12): what is hidden, highlighted, expanded, hinted at. */

import { plainText } from "./text.js";

/** Older names of the widgets. */
const WIDGETS = { playground: "canvas", feature: "button" };

/** Return `{hidden, highlighted, expand, hint}` of a widget; a button is named by its id. */
export function lookOf(style, widget, buttonId = null) {
  const item = style.findLast((candidate) => concerns(candidate, widget, buttonId));
  return {
    hidden: item?.display === "invisible",
    highlighted: item?.display === "highlight",
    expand: item?.expand === true || item?.expand === "true",
    hint: plainText(item?.text),
  };
}

/** An item without a button id speaks of all buttons. */
function concerns(item, widget, buttonId) {
  if ((WIDGETS[item.widget] ?? item.widget) !== widget) return false;
  return widget !== "button" || !item.button_id || item.button_id === buttonId;
}
