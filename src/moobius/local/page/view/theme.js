/** Light or dark: as the system says, until the person says otherwise. */

import { button } from "./dom.js";

const KEY = "moobius.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

const current = () => document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");

/** Apply what was chosen on this machine before. */
export function restoreTheme() {
  const kept = localStorage.getItem(KEY);
  if (kept) document.documentElement.dataset.theme = kept;
}

export function themeToggle() {
  const toggle = () => {
    const next = current() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem(KEY, next);
  };
  const attributes = { "aria-label": "Light or dark", title: "Light or dark", onclick: toggle };
  return button(".theme", attributes, "◐");
}
