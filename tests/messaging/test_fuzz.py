"""Hostile bytes: whatever comes in, a link refuses it with a protocol error or does what is right.

`MOOBIUS_FUZZ_SECONDS=600 pytest tests/messaging/test_fuzz.py` looks for longer.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moobius.errors import ProtocolError
from moobius.messaging import Callbacks, FilePolicy, Link, MessageManager, SharedKey
from moobius.messaging.callbacks import dispatch
from moobius.messaging.framing import framed
from moobius.messaging.messages import Action, Request, encode_request
from moobius.messaging.requests import Pending
from tests.messaging.vectors import named, negative_bytes

SECONDS = float(os.environ.get("MOOBIUS_FUZZ_SECONDS", "1"))
KEY = SharedKey.new()
SEEDS = [bytes.fromhex(e["hex"]) for e in named("messages").values() if e["hex"]]
SEEDS += [bytes.fromhex(entry["hex"]) for entry in named("streams").values()]
SEEDS += [negative_bytes(entry) for entry in named("negative").values()]
# What means something to the decoder, for mutations that get further than noise.
WORDS = [
    *(b"content-length", b"content-type", b"json", b"binary", b"message", b"request", b"response"),
    *(b"filetransfer", b"filepath", b"request_id", b"0002", b"null", b"true", b"-1", b"1e999"),
    *(b"[" * 200, b"{}", b'"', b"\\ud800", b"\xff", b"../", b"/etc/passwd", b"utf-16", b"9" * 5000),
    *(
        b"auth",
        b"nonce",
        b"auth-mac",
        b"auth-seq",
        b"\0\0",
        b"\xff\xff",
        b"NaN",
        b"status",
        b"error",
    ),
]


class Target:
    """A link with something of everything, in a folder that nothing may leave."""

    def __init__(self, folder: Path, key: SharedKey | None = None) -> None:
        self.link = Link(files=FilePolicy.inside(folder), error_replies=True, key=key)
        self.callbacks = Callbacks()
        self.callbacks.on("ping")(lambda link, *args, **kwargs: None)
        self.callbacks.on_request("echo")(lambda link, *args, **kwargs: [args, kwargs])
        self.link.connection_made("server", 0.0)
        self.link.pending.add(Pending("0002", "echo", encode_request("echo", "0002")))
        self.link.get_file("x", folder / "fetched", now=0.0)

    def take(self, raw: bytes) -> None:
        self.link.receive(raw, 0.0)
        while (event := self.link.next_event()) is not None:
            if isinstance(event, (Action, Request)):
                known = self.callbacks
                dispatch(self.link, event, self, known.actions, known.requests)

    def close(self) -> None:
        self.link.connection_lost()


def attack(folder: Path, pieces: list[bytes], key: SharedKey | None = None) -> None:
    """Send it all; anything but a protocol error leaves, and fails the test."""
    target = Target(folder, key)
    try:
        for piece in pieces:
            target.take(piece)
    except ProtocolError as error:
        with pytest.raises(ProtocolError) as again:
            target.take(MessageManager.create_action_message("ping"))
        assert again.value is error
    target.close()


def apart(raw: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header and the content of an encoded message."""
    end = 2 + int.from_bytes(raw[:2], "big")
    return json.loads(raw[2:end]), raw[end:]


M = MessageManager
# One valid message of every shape.
SHAPES = [
    apart(M.create_action_message("ping", (1,), {"a": "b"})),
    apart(
        M.create_message(
            b"bytes",
            "binary",
            "message",
            "utf-8",
            {"action": "filetransfer", "filepath": "f"},
        )
    ),
    apart(M.create_request("echo", "0001", (1,), {"a": None})),
    apart(M.create_request("filetransfer", "0003", (), {"filepath": "pushed"})),
    apart(M.create_response("echo", "0002", [1, {"b": 2}])),
    apart(M.create_response("filetransfer", "0002", b"bytes", filetransfer=True)),
    apart(M.create_json_message({"v": 1}, {"action": "unknown"})),
]
values = st.one_of(
    st.sampled_from(["json", "binary", "utf-8", "utf-16", "message", "request", "response"]),
    st.sampled_from(
        ["filetransfer", "echo", "ping", "0002", "a/../b", "error", "\ud800", "x" * 70_000]
    ),
    st.none() | st.booleans() | st.integers(-2, 300) | st.floats() | st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
)
bodies = st.binary(max_size=60) | st.sampled_from(
    [b"{}", b"null", b'{"args": [1], "kwargs": {"a": 1}}', b'{"value": 1}', b"[[]]", b'"x"']
)


@st.composite
def plausible(draw: st.DrawFn) -> bytes:
    """A valid message in which at most one thing is changed: a field, or the content."""
    valid, body = draw(st.sampled_from(SHAPES))
    fields = dict(valid)
    change = draw(st.sampled_from(["nothing", "field", "value", "missing", "content"]))
    if change == "field":
        fields[draw(st.sampled_from(["status", "error-reply", *sorted(fields)]))] = draw(values)
    elif change == "missing":
        del fields[draw(st.sampled_from(sorted(fields)))]
    elif change == "content":
        body = draw(bodies)
    elif change == "value" and fields["content-type"] == "json":
        content = {**json.loads(body)}
        content[draw(st.sampled_from(["args", "kwargs", "request_id", "value", *content]))] = draw(
            values
        )
        body = json.dumps(content).encode()
    if change in ("content", "value"):
        fields["content-length"] = len(body)
    head = json.dumps(fields).encode()
    return bytes(framed(head if len(head) < 2**16 else b"{}") + body)


def test_what_is_nearly_right_reaches_every_kind_of_event(tmp_path: Path) -> None:
    kinds: Counter[str] = Counter()

    @settings(max_examples=500, deadline=None, derandomize=True, database=None)
    @given(raw=plausible())
    def count(raw: bytes) -> None:
        link = Target(tmp_path).link
        try:
            link.receive(raw, 0.0)
            kinds[type(link.next_event()).__name__] += 1
        except ProtocolError:
            kinds["ProtocolError"] += 1

    count()
    # What is dropped is no event.
    wanted = ("Action", "Request", "Answered", "FileStored", "NoneType", "ProtocolError")
    assert {name: kinds[name] for name in wanted if kinds[name] < 5} == {}, kinds


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(pieces=st.lists(plausible() | st.binary(max_size=40), max_size=6))
def test_nearly_right_messages_raise_protocol_errors_and_nothing_else(
    pieces: list[bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    attack(folder, pieces)
    attack(folder, pieces, KEY)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def mutated(rng: random.Random) -> bytes:
    """A few vectors behind one another, with a few places changed."""
    raw = bytearray(b"".join(rng.choices(SEEDS, k=rng.randint(1, 3))))
    for _ in range(rng.randint(0, 6)):
        where = rng.randrange(len(raw) + 1)
        kind = rng.randrange(4)
        if kind == 0 and raw:
            raw[where % len(raw)] = rng.randrange(256)
        elif kind == 1:
            raw[where:where] = rng.choice(WORDS)
        elif kind == 2:
            del raw[where : where + rng.randint(1, 20)]
        else:
            word = rng.choice(WORDS)
            raw[where : where + len(word)] = word
    return bytes(raw)


def test_mutations_of_the_vectors_raise_protocol_errors_and_nothing_else(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    seed = random.randrange(2**32) if SECONDS > 1 else 0
    record_property("seed", seed)
    rng, until = random.Random(seed), time.monotonic() + SECONDS
    rounds = 0
    while time.monotonic() < until or rounds < 100:
        raw, size = mutated(rng), rng.choice([1, 7, 1024, 10**6])
        if len(raw) // size < 5000:
            pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
            attack(folder, pieces, rng.choice([None, None, KEY]))
        rounds += 1
    assert [path.name for path in tmp_path.iterdir()] == ["folder"], seed
