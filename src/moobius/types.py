"""The words of the wire and the values that callbacks receive: constants, dataclasses, helpers.

Nothing here does I/O. The dataclasses are plain and mutable: services change a message and send
it on. Field names and their order are those of sdk.md 1.9.2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from moobius.utils import register_type

C = TypeVar("C", bound=type)

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

# Updates, downwards.
UPDATE_CHARACTERS = "characters"
UPDATE_CHANNEL_INFO = "channel_info"
UPDATE_CANVAS = "canvas"
UPDATE_BUTTONS = "buttons"
UPDATE_STYLE = "style"
UPDATE_MENU = "menu"

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


def add_str_method(cls: C) -> C:
    """Give a dataclass the readable `str` and `repr` of this package, and let storage restore it.

    Apply it *below* `@dataclass`:

        @dataclass
        @types.add_str_method
        class Score: ...
    """
    cls.__str__ = cls.__repr__ = _readable  # type: ignore[assignment]
    register_type(cls)
    return cls


def _readable(self: Any) -> str:
    """Show the class and those fields that differ from their defaults, values unquoted."""
    shown = (
        f"{field.name}={getattr(self, field.name)}"
        for field in dataclasses.fields(self)
        if field.default is dataclasses.MISSING or getattr(self, field.name) != field.default
    )
    return f"moobius.{type(self).__name__}({', '.join(shown)})"


# ---- What members see and click --------------------------------------------------------------


@dataclass
@add_str_method
class InputComponent:
    """One input of a dialog."""

    label: str
    type: str
    required: bool | None = False
    placeholder: str | None = None
    choices: list[str] | None = None


@dataclass
@add_str_method
class BottomButton:
    """A button at the foot of a dialog; `submit=False` closes it and sends nothing."""

    id: str
    text: str
    submit: bool


@dataclass
@add_str_method
class Dialog:
    """What opens when a button or menu item asks for input."""

    title: str = "Dialog"
    components: list[InputComponent] | None = None
    bottom_buttons: list[BottomButton] | None = None


@dataclass
@add_str_method
class Button:
    """A button in a member's view; `dialog` may also be `False`, as older services have it."""

    button_id: str
    button_text: str
    dialog: Dialog | None = None


@dataclass
@add_str_method
class ClickArgument:
    """What a member entered into one component; `value` is always a string."""

    label: str
    value: str
    filename: str | None = None


@dataclass
@add_str_method
class ButtonClick:
    """A member clicked a button."""

    button_id: str
    channel_id: str
    sender: str
    arguments: list[ClickArgument] | None = None
    subtype: str | None = BUTTON_CLICK
    labels: list[str] | None = None
    bottom_button_id: str | None = None
    context: dict[str, Any] | None = None
    button_type: str | None = None


@dataclass
@add_str_method
class SimpleAction:
    """A member joined, left, or asks for the view again (`subtype` says which)."""

    subtype: str
    channel_id: str
    sender: str
    context: dict[str, Any] | None = None


@dataclass
@add_str_method
class MenuItem:
    """An entry of the right-click menu on messages of the given subtypes."""

    menu_item_id: str
    menu_item_text: str
    message_subtypes: str | list[str]
    dialog: Dialog | None = None


@dataclass
@add_str_method
class MessageContent:
    """What a message carries; which fields are used depends on its subtype (platform.md 3.12)."""

    text: str | None = None
    path: str | None = None
    size: int | None = None
    filename: str | None = None
    link: str | None = None
    title: str | None = None
    button: str | None = None


@dataclass
@add_str_method
class MenuItemClick:
    """A member chose a menu item on a message."""

    menu_item_id: str
    message_subtype: str
    message_content: MessageContent
    channel_id: str
    sender: str
    message_id: str | None = None
    arguments: list[ClickArgument] | None = None
    bottom_button_id: str | None = None
    context: dict[str, Any] | None = None
    subtype: str | None = MENU_ITEM_CLICK


@dataclass
@add_str_method
class CanvasItem:
    """One pane of a canvas: text, picture or both."""

    text: str | None = None
    path: str | None = None


@dataclass
@add_str_method
class View:
    """What one member sees, as ids."""

    character_ids: list[str]
    button_ids: list[str]
    canvas_id: str


@dataclass
@add_str_method
class Group:
    """A list of characters the Platform knows by an id."""

    group_id: str
    character_ids: list[str]


@dataclass
@add_str_method
class MessageBody:
    """A message, up or down. `recipients` is a list; empty means it was sent to the service."""

    subtype: str
    channel_id: str
    content: MessageContent
    timestamp: int
    recipients: list[str]
    sender: str
    message_id: str | None
    context: dict[str, Any] | None = None
    user_data: Any = None


@dataclass
@add_str_method
class ChannelInfo:
    """Name and kind of a channel."""

    channel_id: str
    channel_name: str
    channel_description: str
    channel_type: str


@dataclass
@add_str_method
class CopyBody:
    """The Platform's acknowledgement of one frame."""

    request_id: str
    origin_type: str
    status: bool
    context: dict[str, Any] | None = None


@dataclass
@add_str_method
class Payload:
    """A whole frame."""

    type: str
    request_id: str | None
    user_id: str | None
    body: Any


@dataclass
@add_str_method
class Character:
    """A member or an agent, as others see them."""

    character_id: str
    name: str
    avatar: str | None = None
    description: str | None = None
    character_context: dict[str, Any] | None = None


@dataclass
@add_str_method
class StyleItem:
    """A hint on how to show a widget; `display` is `visible`, `invisible` or `highlight`."""

    widget: str
    display: str
    expand: bool | None = None
    button_id: str | None = None
    text: str | None = None


@dataclass
@add_str_method
class UpdateItem:
    """One item of an update; the field that belongs to the update's subtype is set."""

    character: Character | None
    button: Button | None
    channel_info: ChannelInfo | None
    menu_item: MenuItem | None
    canvas_item: CanvasItem | None
    style_item: StyleItem | None


@dataclass
@add_str_method
class UpdateBody:
    """A part of the view has changed (user mode)."""

    subtype: str
    channel_id: str
    content: list[UpdateItem]
    recipients: list[str]
    group_id: str | None = None
    context: dict[str, Any] | None = None


@dataclass
@add_str_method
class UserInfo:
    """The own account."""

    avatar: str
    description: str
    name: str
    email: str
    email_verified: str
    user_id: str
    system_context: dict[str, Any] | None = None


# ---- Helpers ----------------------------------------------------------------------------------

Characters = str | Character | Iterable[Any] | None
"""One id, one `Character`, or any (nested) iterable of them; `None` means nobody."""


def to_char_id_list(c: Characters) -> list[str]:
    """Return the ids of a character argument as a new list, flat and in order.

    Raises:
        TypeError: If something in it is neither an id nor a `Character`.
    """
    if c is None:
        return []
    if isinstance(c, str):
        return [c]
    if isinstance(c, Character):
        return [c.character_id]
    if isinstance(c, Iterable):
        return [character_id for item in c for character_id in to_char_id_list(item)]
    raise TypeError(f"expected a character id, a Character or an iterable of these, not {c!r}")


def limit_len(txt: str, n: int) -> str:
    """Return the text, or its first `n` characters and its length when it is longer."""
    return txt if len(txt) <= n else f"{txt[:n]}...{len(txt)} chars"


def assert_strs(*strs: object) -> bool:
    """Check that every argument is exactly a string.

    Raises:
        TypeError: Naming the first argument that is not.
    """
    for index, value in enumerate(strs):
        if type(value) is not str:
            raise TypeError(f"argument {index} must be a string, not {value!r}")
    return True


def as_plain(value: Any) -> Any:
    """Turn dataclasses, also nested ones, into what JSON can carry; the value is not modified."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_plain(item) for item in value]
    return value
