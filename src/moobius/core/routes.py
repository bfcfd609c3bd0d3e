"""Which callback a frame means: the tables, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from moobius import types

# (type, subtype) -> callback; a subtype of "" stands for any.
ROUTES: dict[tuple[str, str], str] = {
    (types.MESSAGE_UP, ""): "on_message_up",
    (types.MESSAGE_DOWN, ""): "on_message_down",
    (types.ACTION, types.JOIN): "on_join",
    (types.ACTION, types.LEAVE): "on_leave",
    (types.ACTION, types.REFRESH): "on_refresh",
    (types.ACTION, types.BUTTON_CLICK): "on_button_click",
    (types.ACTION, types.MENU_ITEM_CLICK): "on_menu_item_click",
    (types.UPDATE, types.UPDATE_CHARACTERS): "on_update",
    (types.UPDATE, types.UPDATE_BUTTONS): "on_update",
    (types.UPDATE, types.UPDATE_CANVAS): "on_update",
    (types.UPDATE, types.UPDATE_STYLE): "on_update",
    (types.UPDATE, types.UPDATE_MENU): "on_update",
    (types.UPDATE, types.UPDATE_CHANNEL_INFO): "on_update",
    (types.COPY, ""): "on_copy_client",
}
UNKNOWN = "on_unknown_payload"

# Where `on_action` goes on to.
ACTION_ROUTES: Mapping[str, str] = {
    subtype: callback for (type_, subtype), callback in ROUTES.items() if type_ == types.ACTION
}

# Where `on_update` goes on to.
UPDATE_ROUTES: Mapping[str, str] = {
    types.UPDATE_CHARACTERS: "on_update_characters",
    types.UPDATE_BUTTONS: "on_update_buttons",
    types.UPDATE_CANVAS: "on_update_canvas",
    types.UPDATE_STYLE: "on_update_style",
    types.UPDATE_MENU: "on_update_menu",
    types.UPDATE_CHANNEL_INFO: "on_update_channel_info",
}
