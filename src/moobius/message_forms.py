"""Turns every form in which a message can be given into a `MessageBody`; the pure part of sending.

Services may give a message in many forms (sdk.md 1.2.8); a frame has only one. Nothing here uploads
or sends: a local file stays a path in `content.path` until the caller has uploaded it.
"""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from loguru import logger

from moobius import words
from moobius.tolerant import build
from moobius.utils import is_url
from moobius.values import (
    Character,
    MessageBody,
    MessageContent,
    as_plain,
    limit_len,
    to_char_id_list,
)

Message = Any
"""Text, a `MessageBody` or its dict, a `pathlib` path, or anything with a `str`."""

NO_SENDER = "no_sender"

_CONTENT_FIELDS = {field.name for field in dataclasses.fields(MessageContent)}
_CARD_FIELDS = {"link", "button", "text"}
_OF_THE_ORIGINAL = ("message_id", "timestamp")


def compose(
    message: Message = None,
    *,
    channel_id: str | None = None,
    sender: Any = None,
    recipients: Any = None,
    subtype: str | None = None,
    text: str | None = None,
    path: Any = None,
    image: Any = None,
    audio: Any = None,
    link: str | None = None,
    title: str | None = None,
    button: str | None = None,
    len_limit: int | None = None,
    file_display_name: str | None = None,
    context: dict[str, Any] | None = None,
    user_data: Any = None,
) -> MessageBody:
    """Return a new body of a message with its overrides; the arguments are not modified.

    Raises:
        ValueError: If no channel is named.
    """
    for kind, value in ((words.IMAGE, image), (words.AUDIO, audio)):
        if value is not None:
            path, subtype = value, subtype or kind
    if file_display_name is not None:
        if subtype not in (None, words.FILE):
            logger.warning("file_display_name is meant for files, not for subtype {!r}", subtype)
        subtype = subtype or words.FILE
    body = _read(message, subtype, has_path=path is not None)
    overrides = {"text": text, "path": path, "link": link, "title": title, "button": button}
    for name, value in overrides.items():
        if value is not None:
            setattr(body.content, name, os.fspath(value) if name == "path" else value)
    if isinstance(body.content.path, PurePath):  # in the content of a body or dict
        body.content.path = str(body.content.path)
    body.subtype = subtype or _subtype(body, is_new_path=path is not None)
    body.channel_id = channel_id or body.channel_id
    body.sender = _sender(sender if sender is not None else body.sender)
    body.recipients = to_char_id_list(body.recipients if recipients is None else recipients)
    body.context = body.context if context is None else context
    body.user_data = body.user_data if user_data is None else user_data
    if file_display_name is not None:
        body.content.filename = file_display_name
    if len_limit is not None and body.content.text is not None:
        body.content.text = limit_len(body.content.text, len_limit)
    if not body.channel_id:
        raise ValueError("send_message needs a channel_id: in which channel shall it appear?")
    return body


def normalize_message(
    message: Message,
    channel_id: str | None = None,
    sender: Any = None,
    recipients: Any = None,
    subtype: str | None = None,
    len_limit: int | None = None,
    file_display_name: str | None = None,
    context: dict[str, Any] | None = None,
    text: str | None = None,
    link: str | None = None,
    title: str | None = None,
    button: str | None = None,
    path: Any = None,
) -> dict[str, Any]:
    """Return what `send_message` would send, before uploads and groups, as a dict.

    The arguments are those of `send_message`, in the order of version 1.8 (sdk.md 1.9.3).

    Returns:
        The fields of a `MessageBody` but the id and time of a message that is forwarded;
        `content` is a `MessageContent`, `recipients` a list of ids.

    Raises:
        ValueError: If no channel is named.
    """
    body = compose(
        message, channel_id=channel_id, sender=sender, recipients=recipients, subtype=subtype,
        len_limit=len_limit, file_display_name=file_display_name, context=context, text=text,
        link=link, title=title, button=button, path=path,
    )  # fmt: skip
    fields = {field.name: getattr(body, field.name) for field in dataclasses.fields(body)}
    return {name: fields[name] for name in fields if name not in _OF_THE_ORIGINAL}


def payload_as_dict(
    payload_type: str, payload_body: Any, client_id: str, the_uuid: str
) -> dict[str, Any]:
    """Return a frame around a body, ready for the socket; the body is not modified.

    Args:
        payload_type: One of the payload types, such as `types.MESSAGE_UP`.
        payload_body: A dict, or a dataclass.
        client_id: Who sends it.
        the_uuid: What the Platform's `copy` will name.
    """
    whose = "user_id" if dataclasses.is_dataclass(payload_body) else "character_id"
    frame = {"type": payload_type, "request_id": the_uuid, whose: client_id}
    if payload_type == words.MESSAGE_DOWN:
        frame["service_id"] = client_id
    return {**frame, "body": as_plain(payload_body)}


def recv_tmp_convert(f_name: str, the_data: dict[str, Any]) -> dict[str, Any]:
    """Give a message that came down without recipients some that say so; return the message.

    Args:
        f_name: The callback it is for; only `on_message_down` is of interest.
        the_data: The message, which is changed.
    """
    if f_name == "on_message_down":
        the_data.setdefault("recipients", ["<Unknown>"])
    return the_data


def subtype_of_file(path: str) -> str:
    """Tell from the extension of a path or URL whether it is an image, an audio or just a file."""
    extension = PurePath(urlsplit(path).path if is_url(path) else path).suffix.lower()
    if extension in words.IMAGE_EXTS:
        return words.IMAGE
    return words.AUDIO if extension in words.AUDIO_EXTS else words.FILE


def _read(message: Message, subtype: str | None, *, has_path: bool) -> MessageBody:
    """Return the body a message alone stands for."""
    if isinstance(message, MessageBody):
        body = copy.copy(message)
        content = message.content
        body.content = (
            copy.copy(content) if isinstance(content, MessageContent) else _content(content)
        )
        return body
    if isinstance(message, Mapping):
        return _read_mapping(message)
    body = build(MessageBody, {}, content=MessageContent(), recipients=[])
    if isinstance(message, PurePath):
        body.content.path = str(message)
    elif (
        isinstance(message, str) and subtype not in (None, words.TEXT, words.CARD) and not has_path
    ):
        body.content.path = message.strip()
    elif message is not None:
        body.content.text = str(message)
    return body


def _read_mapping(message: Mapping[str, Any]) -> MessageBody:
    body = build(MessageBody, message, content=_content(message.get("content")))
    if message.keys() >= _CARD_FIELDS and "content" not in message:
        body.content = _content(message)
        body.subtype = words.CARD
    body.recipients = message.get("recipients", [])
    return body


def _content(raw: Any) -> MessageContent:
    if isinstance(raw, str):
        return MessageContent(text=raw)
    if isinstance(raw, MessageContent):
        return copy.copy(raw)
    data = raw if isinstance(raw, Mapping) else {}
    return MessageContent(**{key: data[key] for key in _CONTENT_FIELDS & data.keys()})


def _subtype(body: MessageBody, *, is_new_path: bool) -> str:
    """Return what a message is whose caller did not say so."""
    if body.content.path and (is_new_path or not body.subtype):
        return subtype_of_file(body.content.path)
    if body.subtype:
        return body.subtype
    return words.CARD if body.content.link else words.TEXT


def _sender(sender: Any) -> str:
    if isinstance(sender, (str, Character)) or not sender:
        return to_char_id_list(sender or NO_SENDER)[0]
    ids = to_char_id_list(sender)
    if len(ids) != 1:
        logger.warning("a message has one sender; using the first of {}", ids)
    return ids[0] if ids else NO_SENDER
