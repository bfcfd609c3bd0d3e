"""The constants of the protocol (sdk.md 1.9.1). Users import them from `moobius.types`."""

from __future__ import annotations

# Widgets, and the literal that addresses the service itself.
BUTTON = "button"
CANVAS = "canvas"
SERVICE = "service"

# Payload types.
ACTION = "action"
UPDATE = "update"
COPY = "copy"
ROGER = "roger"
HEARTBEAT = "heartbeat"
MESSAGE_UP = "message_up"
MESSAGE_DOWN = "message_down"
USER_LOGIN = "user_login"
SERVICE_LOGIN = "service_login"

# Actions, upwards.
BUTTON_CLICK = "button_click"
MENU_ITEM_CLICK = "menu_item_click"
JOIN = "join"
LEAVE = "leave"
REFRESH = "refresh"
FETCH_CHARACTERS = "fetch_characters"
FETCH_BUTTONS = "fetch_buttons"
FETCH_CANVAS = "fetch_canvas"
FETCH_STYLE = "fetch_style"
FETCH_MENU = "fetch_menu"
FETCH_CHANNEL_INFO = "fetch_channel_info"

# As version 1.3 called them; what arrives under an older word is read as the newer one.
JOIN_CHANNEL = JOIN
LEAVE_CHANNEL = LEAVE
MENU_CLICK = MENU_ITEM_CLICK
FETCH_CONTEXT_MENU = "fetch_context_menu"

# Updates, downwards.
UPDATE_CHARACTERS = "characters"
UPDATE_CHANNEL_INFO = "channel_info"
UPDATE_CANVAS = "canvas"
UPDATE_BUTTONS = "buttons"
UPDATE_STYLE = "style"
UPDATE_MENU = "menu"
UPDATE_CONTEXT_MENU = UPDATE_MENU  # 1.3

# Message subtypes.
TEXT = "text"
IMAGE = "image"
AUDIO = "audio"
FILE = "file"
CARD = "card"
ALL = "all"
CUSTOM = "custom"

# What to do with configured channels that belong to another service (sdk.md 2.5).
IGNORE = "ignore"
UNBIND = "unbind"
INCLUDE = "include"

# Types of dialog components.
STRING = "text"
DROPDOWN = "dropdown"
TEXTBOX = "textbox"
NUMBER = "number"
PASSWORD = "password"
INVALID = "invalid"

S3BUCKET = "gbaaibuild0.s3.us-west-1"
DEFAULT_AVATAR = f"https://{S3BUCKET}.amazonaws.com/LogoLight.jpg"

IMAGE_EXTS = {
    *(".jpe", ".jpg", ".jpeg", ".gif", ".png", ".bmp", ".ico", ".svg", ".svgz", ".tif", ".tiff"),
    *(".ai", ".drw", ".pct", ".psp", ".xcf", ".raw", ".webp", ".heic"),
}
AUDIO_EXTS = {".wav", ".mp3", ".mp4", ".mp5"}
