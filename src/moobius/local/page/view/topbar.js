/** The bar above the column: the mark, the channel, light or dark. */

import { button, fill, h } from "./dom.js";
import { themeToggle } from "./theme.js";

/** Return `{root, show(channel)}`; `onchannel` is called when the channel's name is pressed. */
export function topbar({ onchannel = null } = {}) {
  const name = h("span.name", {});
  const badge = h("span.badge", {});
  const attributes = { hidden: true, "aria-haspopup": "dialog", title: "Switch, join or create" };
  const channelButton = button(".channel", { ...attributes, onclick: onchannel }, name, badge);
  const root = h(
    "header.topbar",
    {},
    h("div.inner", {}, mark(), channelButton, h("span.space", {}), themeToggle()),
  );
  const show = (channel) => {
    const type = channel?.channel_context?.channel_type ?? "";
    channelButton.hidden = !onchannel;
    fill(name, channel?.channel_name || channel?.channel_id || "Choose a channel");
    fill(badge, type);
    badge.hidden = !type;
    channelButton.setAttribute("aria-label", `Channel: ${name.textContent} ${type}`.trim());
  };
  return { root, show, channelButton };
}

const mark = () => h("span.brand", {}, h("span.mark", { "aria-hidden": "true" }), "Moobius");
