"""The values that callbacks receive and verbs take: plain, mutable dataclasses (sdk.md 1.9.2).

Services change a message and send it on, so nothing here is frozen or clever. Users import these
from `moobius.types`, and stored records name them so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from moobius.typed_json import as_plain, register_type
from moobius.words import BUTTON_CLICK, MENU_ITEM_CLICK

__all__ = [
    "BottomButton",
    "Button",
    "ButtonClick",
    "CanvasItem",
    "ChannelInfo",
    "Character",
    "Characters",
    "ClickArgument",
    "CopyBody",
    "Dialog",
    "Group",
    "InputComponent",
    "MenuItem",
    "MenuItemClick",
    "MessageBody",
    "MessageContent",
    "Payload",
    "SimpleAction",
    "StyleItem",
    "UpdateBody",
    "UpdateItem",
    "UserInfo",
    "View",
    "add_str_method",
    "as_plain",
    "assert_strs",
    "limit_len",
    "to_char_id_list",
]

C = TypeVar("C", bound=type)


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
        if getattr(self, field.name) != default_of(field)
    )
    return f"moobius.{type(self).__name__}({', '.join(shown)})"


def default_of(field: dataclasses.Field[Any]) -> Any:
    """Return the default of a field; `dataclasses.MISSING` if it has none."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:

    def value(cls):
        """Make a dataclass that is known under the module where users find it."""
        cls = dataclass(cls)
        cls.__module__ = "moobius.types"
        return add_str_method(cls)


# ---- What members see and click --------------------------------------------------------------


@value
class InputComponent:
    """One input of a dialog.

    `type` is one of `types.TEXT`, `TEXTBOX`, `NUMBER`, `PASSWORD` and `DROPDOWN`, which shows
    `choices`.
    """

    label: str
    type: str
    required: bool | None = False
    placeholder: str | None = None
    choices: list[str] | None = None


@value
class BottomButton:
    """A button at the foot of a dialog; `submit=False` closes it and sends nothing."""

    id: str
    text: str
    submit: bool


@value
class Dialog:
    """What opens when a button or menu item asks for input."""

    title: str = "Dialog"
    components: list[InputComponent] | None = None
    bottom_buttons: list[BottomButton] | None = None


@value
class Button:
    """A button in a member's view; `dialog` may also be `False`, as older services have it."""

    button_id: str
    button_text: str
    dialog: Dialog | None = None


@value
class ClickArgument:
    """What a member entered into one component; `value` is always a string."""

    label: str
    value: str
    filename: str | None = None


@value
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


@value
class SimpleAction:
    """A member joined, left, or asks for the view again (`subtype` says which)."""

    subtype: str
    channel_id: str
    sender: str
    context: dict[str, Any] | None = None


@value
class MenuItem:
    """An entry of the right-click menu on messages of the given subtypes."""

    menu_item_id: str
    menu_item_text: str
    message_subtypes: str | list[str]
    dialog: Dialog | None = None


@value
class MessageContent:
    """What a message carries; which fields are used depends on its subtype (platform.md 3.12)."""

    text: str | None = None
    path: str | None = None
    size: int | None = None
    filename: str | None = None
    link: str | None = None
    title: str | None = None
    button: str | None = None


@value
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


@value
class CanvasItem:
    """One pane of a canvas: text, picture or both."""

    text: str | None = None
    path: str | None = None


@value
class View:
    """What one member sees, as ids."""

    character_ids: list[str]
    button_ids: list[str]
    canvas_id: str


@value
class Group:
    """A list of characters the Platform knows by an id."""

    group_id: str
    character_ids: list[str]


@value
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


@value
class ChannelInfo:
    """Name and kind of a channel."""

    channel_id: str
    channel_name: str
    channel_description: str
    channel_type: str


@value
class CopyBody:
    """The Platform's acknowledgement of one frame."""

    request_id: str
    origin_type: str
    status: bool
    context: dict[str, Any] | None = None


@value
class Payload:
    """A whole frame."""

    type: str
    request_id: str | None
    user_id: str | None
    body: Any


@value
class Character:
    """A member or an agent, as others see them."""

    character_id: str
    name: str
    avatar: str | None = None
    description: str | None = None
    character_context: dict[str, Any] | None = None


@value
class StyleItem:
    """A hint on how to show a widget; `display` is `visible`, `invisible` or `highlight`."""

    widget: str
    display: str
    expand: bool | None = None
    button_id: str | None = None
    text: str | None = None


@value
class UpdateItem:
    """One item of an update; the field that belongs to the update's subtype is set."""

    character: Character | None
    button: Button | None
    channel_info: ChannelInfo | None
    menu_item: MenuItem | None
    canvas_item: CanvasItem | None
    style_item: StyleItem | None


@value
class UpdateBody:
    """A part of the view has changed (user mode)."""

    subtype: str
    channel_id: str
    content: list[UpdateItem]
    recipients: list[str]
    group_id: str | None = None
    context: dict[str, Any] | None = None


@value
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
