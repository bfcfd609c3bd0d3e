"""`MessageManager`: every vector of the original, byte for byte and step by step."""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from typing import Any

import pytest

from moobius.errors import ProtocolError
from moobius.messaging import MessageManager
from tests.messaging.vectors import named, negative_bytes, value, vectors

MESSAGES = named("messages")
ERRORS = named("encode_errors")
NEGATIVE = named("negative")
PYTHON_2 = named("python2_peer_messages")


def encoded(entry: dict[str, Any]) -> bytes:
    inputs = entry["inputs"]
    args = [value(arg) for arg in inputs["args"]]
    kwargs = {name: value(arg) for name, arg in inputs["kwargs"].items()}
    raw: bytes = getattr(MessageManager, inputs["function"])(*args, **kwargs)
    return raw


def decoded(raw: bytes) -> MessageManager:
    manager = MessageManager()
    manager.income_raw += raw
    manager.process_message()
    return manager


@pytest.mark.parametrize("name", MESSAGES)
def test_encoding_gives_the_bytes(name: str) -> None:
    raw, entry = encoded(MESSAGES[name]), MESSAGES[name]
    assert entry["hex"] in {None, raw.hex()}
    assert len(raw) == entry["total_length"]
    assert hashlib.sha256(raw).hexdigest() == entry["sha256"]


@pytest.mark.parametrize("name", MESSAGES)
def test_decoding_gives_header_and_content_and_leaves_nothing(name: str) -> None:
    entry = MESSAGES[name]
    manager = decoded(encoded(entry))
    assert manager.is_ready
    assert manager.income_raw == b""
    if entry["header"] is None:  # written as a rule: the longest action there can be
        assert manager.jsonheader is not None
        assert manager.jsonheader["action"] == "a" * 65396
    else:
        assert json.dumps(manager.jsonheader) == json.dumps(entry["header"])  # the order counts
    if "decoded_content" in entry:
        assert json.dumps(manager.content) == json.dumps(value(entry["decoded_content"]))
    elif "decoded_content_hex" in entry:
        assert manager.content == bytes.fromhex(entry["decoded_content_hex"])
    else:
        content = manager.content
        raw = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False)
        raw = raw.encode() if isinstance(raw, str) else raw
        assert hashlib.sha256(raw).hexdigest() == entry["content_sha256"]


@pytest.mark.parametrize("name", ERRORS)
def test_what_cannot_be_encoded_raises(name: str) -> None:
    entry = ERRORS[name]
    kind = {
        "struct.error": ValueError,
        "TypeError": TypeError,
        "UnicodeEncodeError": UnicodeEncodeError,
    }[entry["original_exception"]]
    with pytest.raises(kind):
        eval(entry["call"], {"MessageManager": MessageManager})  # our own file's expressions


def test_the_stepwise_table_holds_at_each_step() -> None:
    table = vectors()["stepwise"]
    raw, manager = bytes.fromhex(table["hex"]), MessageManager()
    for step in table["steps"]:
        start = step["total_fed"] - step["feed_bytes"]
        manager.income_raw += raw[start : step["total_fed"]]
        manager.process_message()
        assert len(manager.income_raw) == step["bytes_left_in_income_raw"], step
        assert (manager.jsonheader is not None) == step["header_decoded"], step
        assert manager.is_ready == step["content_ready"], step
    assert manager.content == table["final_content"]
    manager.process_message()
    assert manager.content == table["final_content"]


@pytest.mark.parametrize("name", PYTHON_2)
def test_a_peer_on_python_2_is_understood(name: str) -> None:
    entry = PYTHON_2[name]
    manager = decoded(bytes.fromhex(entry["hex"]))
    assert manager.jsonheader == entry["header"]
    if "decoded_content" in entry:
        assert manager.content == entry["decoded_content"]


@pytest.mark.parametrize("name", NEGATIVE)
def test_malformed_bytes_are_refused_again_and_again(name: str) -> None:
    manager = MessageManager()
    manager.income_raw = negative_bytes(NEGATIVE[name])
    if NEGATIVE[name]["required_of_new"] != "protocol_error":
        manager.process_message()
        assert manager.is_ready == (NEGATIVE[name]["required_of_new"] != "wait")
        return
    with pytest.raises(ProtocolError) as first:
        manager.process_message()
    manager.income_raw += MessageManager.create_action_message("land")
    with pytest.raises(ProtocolError) as second:
        manager.process_message()
    assert second.value is first.value
    assert manager.content is None
    assert isinstance(first.value, ValueError)


def test_a_missing_field_is_named() -> None:
    header = json.dumps({"byteorder": "little"}).encode()
    with pytest.raises(ValueError, match="content-type"):
        decoded(struct.pack(">H", len(header)) + header)


def test_null_is_a_content_like_any_other() -> None:
    manager = decoded(MessageManager.create_json_message(None) + b"rest")
    assert manager.is_ready
    assert manager.content is None
    manager.process_message()
    assert manager.income_raw == b"rest"


def test_the_native_byte_order_is_declared() -> None:
    header = decoded(MessageManager.create_action_message("land")).jsonheader
    assert header is not None
    assert header["byteorder"] == sys.byteorder


def test_a_memoryview_is_counted_in_bytes() -> None:
    words = memoryview(bytes(8)).cast("I")
    manager = decoded(MessageManager.create_message(words, "binary", "message"))
    assert manager.content == bytes(8)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_what_came_in_is_bytes_and_nothing_changes_them_afterwards(kind: type[bytes]) -> None:
    manager = MessageManager()
    untouched = manager.income_raw
    raw = MessageManager.create_action_message("land")
    manager.income_raw = kind(raw + b"rest")
    seen = manager.income_raw
    manager.process_message()
    assert (untouched, seen, manager.income_raw) == (b"", raw + b"rest", b"rest")
    assert all(isinstance(each, bytes) for each in (untouched, seen, manager.income_raw))
    manager.income_raw += b" and more"
    assert hash(manager.income_raw) == hash(b"rest and more")


def test_many_small_pieces_make_one_message() -> None:
    manager = MessageManager()
    raw = MessageManager.create_message(bytes(1 << 20), "binary", "message")
    for start in range(0, len(raw), 1024):
        manager.income_raw += raw[start : start + 1024]
        manager.process_message()
    assert manager.content == bytes(1 << 20)
