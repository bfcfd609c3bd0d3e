"""Turns what `send_...` verbs accept for buttons, canvases and so on into parts of a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from loguru import logger

from moobius import types
from moobius.errors import TransportError
from moobius.network.files import existing_file
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.ws_payload_builder import without_nones
from moobius.types import as_plain
from moobius.utils import is_url

Item = dict[str, Any]


def items(value: Any, shape: Callable[[Item], Item]) -> list[Item]:
    """Return one item or an iterable of them as a new list of plain objects of the given shape.

    Raises:
        TypeError: If an item is neither a dataclass nor a mapping.
    """
    if value is None:
        return []
    single = isinstance(value, Mapping) or not isinstance(value, Iterable)
    return [shape(_plain(item)) for item in ([value] if single else value)]


def _plain(item: Any) -> Item:
    plain: Any = as_plain(item)
    if not isinstance(plain, dict):
        raise TypeError(f"expected a dataclass of moobius.types or a dict, not {item!r}")
    return plain


def button(item: Item) -> Item:
    """Return a button as a frame contains it; a dialog of `False` means none (platform.md 3.12)."""
    return {**item, "dialog": dialog(item.get("dialog"))}


def menu_item(item: Item) -> Item:
    """Return a menu item as a frame contains it."""
    subtypes = item.get("message_subtypes")
    listed = [subtypes] if isinstance(subtypes, str) else subtypes
    return {**item, "message_subtypes": listed, "dialog": dialog(item.get("dialog"))}


def dialog(value: Any) -> Item | None:
    """Return a dialog as a frame contains it, or nothing."""
    if not value:
        return None
    shown = _plain(value)
    return shown if shown.get("bottom_buttons") else {**shown, "bottom_buttons": None}


def canvas_item(item: Item) -> Item:
    """Return a pane as a frame contains it: both keys, always."""
    path = item.get("path")
    return {"text": item.get("text"), "path": str(path) if path else None}


def style_item(item: Item) -> Item:
    """Return a style hint as a frame contains it, also with the older key `button_hook`."""
    return without_nones(item)


def click_arguments(arguments: Iterable[Any] | None) -> list[types.ClickArgument]:
    """Return what was entered into a dialog as new arguments, with values as text.

    Raises:
        TypeError: If one is neither a `ClickArgument`, nor a dict, nor a (label, value) pair.
    """
    result: list[types.ClickArgument] = []
    for argument in arguments or ():
        if isinstance(argument, types.ClickArgument):
            label, filename = argument.label, argument.filename
            value: Any = argument.value
        elif isinstance(argument, Mapping):
            label = argument.get("label", argument.get("name", ""))
            value, filename = argument.get("value"), argument.get("filename")
        elif isinstance(argument, (list, tuple)) and len(argument) == 2:
            (label, value), filename = argument, None
        else:
            raise TypeError(
                f"expected a ClickArgument, a dict or a (label, value) pair, not {argument!r}"
            )
        text = "" if value is None else str(value)
        result.append(types.ClickArgument(label, text, filename))
    return result


async def attach_file(http_api: HTTPAPIWrapper, message: types.MessageBody) -> None:
    """Upload a message's local file and fill in its name, size and address."""
    content = message.content
    if content.path and not is_url(content.path):
        local = existing_file(content.path)
        content.path = await http_api.convert_to_url(local)
        content.filename = content.filename or local.name
        content.size = local.stat().st_size
        return
    content.path = await http_api.convert_to_url(content.path)
    content.filename = content.filename or unquote(PurePosixPath(urlsplit(content.path).path).name)
    if message.subtype == types.FILE and content.size is None:
        try:
            content.size = await http_api.download_size(content.path)
        except TransportError as error:
            logger.debug("size of {} not known: {}", content.path, error)
