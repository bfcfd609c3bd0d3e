"""The words of the wire, one by one (sdk.md 1.9.1)."""

from __future__ import annotations

import pytest

from moobius import types, words

WORDS = {
    "BUTTON": "button",
    "CANVAS": "canvas",
    "SERVICE": "service",
    "ACTION": "action",
    "UPDATE": "update",
    "COPY": "copy",
    "ROGER": "roger",
    "HEARTBEAT": "heartbeat",
    "MESSAGE_UP": "message_up",
    "MESSAGE_DOWN": "message_down",
    "USER_LOGIN": "user_login",
    "SERVICE_LOGIN": "service_login",
    "BUTTON_CLICK": "button_click",
    "MENU_ITEM_CLICK": "menu_item_click",
    "FETCH_CHARACTERS": "fetch_characters",
    "FETCH_BUTTONS": "fetch_buttons",
    "FETCH_CANVAS": "fetch_canvas",
    "FETCH_CHANNEL_INFO": "fetch_channel_info",
    "FETCH_STYLE": "fetch_style",
    "FETCH_MENU": "fetch_menu",
    "JOIN": "join",
    "LEAVE": "leave",
    "REFRESH": "refresh",
    "UPDATE_CHARACTERS": "characters",
    "UPDATE_CHANNEL_INFO": "channel_info",
    "UPDATE_CANVAS": "canvas",
    "UPDATE_BUTTONS": "buttons",
    "UPDATE_STYLE": "style",
    "UPDATE_MENU": "menu",
    "TEXT": "text",
    "IMAGE": "image",
    "AUDIO": "audio",
    "FILE": "file",
    "CARD": "card",
    "ALL": "all",
    "CUSTOM": "custom",
    "IGNORE": "ignore",
    "UNBIND": "unbind",
    "INCLUDE": "include",
    "DROPDOWN": "dropdown",
    "TEXTBOX": "textbox",
    "NUMBER": "number",
    "PASSWORD": "password",
    "INVALID": "invalid",
    "STRING": "text",
    "S3BUCKET": "gbaaibuild0.s3.us-west-1",
    "IMAGE_EXTS": {
        ".jpe", ".jpg", ".jpeg", ".gif", ".png", ".bmp", ".ico", ".svg", ".svgz", ".tif", ".tiff",
        ".ai", ".drw", ".pct", ".psp", ".xcf", ".raw", ".webp", ".heic",
    },
    "AUDIO_EXTS": {".wav", ".mp3", ".mp4", ".mp5"},
    # The names of 1.3 mean what is said today.
    "JOIN_CHANNEL": "join",
    "LEAVE_CHANNEL": "leave",
    "MENU_CLICK": "menu_item_click",
    "FETCH_CONTEXT_MENU": "fetch_context_menu",
    "UPDATE_CONTEXT_MENU": "menu",
    "DEFAULT_AVATAR": "https://gbaaibuild0.s3.us-west-1.amazonaws.com/LogoLight.jpg",
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_words(name: str) -> None:
    assert getattr(types, name) == getattr(words, name) == WORDS[name]


def test_there_are_no_others() -> None:
    assert {name for name in vars(words) if name.isupper()} == WORDS.keys()
