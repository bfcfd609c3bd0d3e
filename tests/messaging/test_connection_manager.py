"""The verbs of the original interface, over real sockets, and the defects that they had."""

from __future__ import annotations

import math
import os
import stat
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from moobius.errors import FileRefused, ProtocolError, QueueFull, RequestFailed, TooManyRequests
from moobius.messaging.auth import PIECES_AT_A_TIME, SharedKey
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.files import PIECE
from moobius.messaging.limits import Limits
from moobius.messaging.message_manager import MessageManager
from moobius.messaging.policy import FilePolicy
from moobius.messaging.registry import message_callback, request_callback
from tests.support.pump import Pump

Pair = tuple[ConnectionManager, ConnectionManager]


@pytest.fixture
def pair(pumping: Pump, in_folder: Path) -> Pair:
    """Two that are connected; the working directory, where files may go, is empty."""
    here, there = ConnectionManager(), ConnectionManager(role="server")
    pumping.join(here, there)
    return here, there


def noted() -> tuple[list[tuple[Any, ...]], Any]:
    """Return a list, and a callback that writes into it what it was called with."""
    calls: list[tuple[Any, ...]] = []

    def callback(connection: ConnectionManager, *args: Any, **kwargs: Any) -> None:
        calls.append((connection, args, kwargs))

    return calls, callback


def test_an_action_arrives_with_the_connection_and_its_arguments(pumping: Pump, pair: Pair) -> None:
    calls, callback = noted()
    message_callback("land")(callback)
    pair[0].send_message("land")
    pair[0].send_message("land", (1, "ü"), {"x": [None]})
    pumping.until(lambda: len(calls) == 2)
    assert calls == [(pair[1], (), {}), (pair[1], (1, "ü"), {"x": [None]})]


def test_both_callbacks_of_a_request_get_what_the_seed_says(pumping: Pump, pair: Pair) -> None:
    asked, answered = noted(), noted()

    @request_callback("time")
    def tell(connection: ConnectionManager, *args: Any, **kwargs: Any) -> dict[str, Any]:
        asked[1](connection, *args, **kwargs)
        return {"now": 5}

    result: object = pair[0].get_response(  # type: ignore[func-returns-value]
        "time", answered[1], (1, "x"), {"y": 2}, ("ca",), {"ck": 3}
    )
    pumping.until(lambda: answered[0])
    assert result is None
    assert asked[0] == [(pair[1], (1, "x"), {"y": 2})]
    assert answered[0] == [(pair[0], ({"now": 5}, "ca"), {"ck": 3})]


def test_none_and_not_a_number_are_answers_too(pumping: Pump, pair: Pair) -> None:
    values: list[Any] = []
    request_callback("none")(lambda connection: None)
    request_callback("nan")(lambda connection: float("nan"))
    for name in ("none", "nan"):
        pair[0].get_response(name, lambda connection, value: values.append(value))
    pumping.until(lambda: len(values) == 2)
    assert values[0] is None
    assert math.isnan(values[1])


def test_a_callback_of_none_lets_the_answer_go(pumping: Pump, pair: Pair) -> None:
    calls, callback = noted()
    request_callback("x")(lambda connection: 1)
    pair[0].get_response("x", None)
    pair[0].get_response("x", callback)
    pumping.until(lambda: calls)
    assert not pumping.errors


def test_a_put_is_written_and_nothing_comes_back(pumping: Pump, pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "source.bin").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "there").mkdir()
    calls, callback = noted()
    message_callback("use it")(callback)
    assert pair[0].send_file("source.bin", "there/copy.bin") is True
    pair[0].send_message("use it")
    pumping.until(lambda: calls)
    assert (tmp_path / "there/copy.bin").read_bytes() == (tmp_path / "source.bin").read_bytes()


def test_a_get_is_written_before_its_callback_is_called(
    pumping: Pump, pair: Pair, tmp_path: Path
) -> None:
    (tmp_path / "theirs").write_bytes(b"content")
    found: list[Any] = []

    def callback(connection: ConnectionManager, value: Any, *args: Any, **kwargs: Any) -> None:
        found.append((connection, value, args, kwargs, Path("ours").read_bytes()))

    pair[0].get_file("theirs", "ours", callback, (1,), {"k": 2})
    pumping.until(lambda: found)
    assert found == [(pair[0], True, (1,), {"k": 2, "filepath": "ours"}, b"content")]


def test_an_empty_file_is_a_file(pumping: Pump, pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    calls, callback = noted()
    pair[0].get_file("empty", "copy", callback)
    pumping.until(lambda: calls)
    assert (tmp_path / "copy").read_bytes() == b""


def test_a_get_without_a_destination_writes_nothing(
    pumping: Pump, pair: Pair, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/theirs").write_bytes(b"content")
    calls, callback = noted()
    pair[0].get_file("sub/theirs", callback=callback)
    pumping.until(lambda: calls)
    assert calls == [(pair[0], (True,), {"filepath": None})]
    assert [path.name for path in tmp_path.iterdir()] == ["sub"]


def test_the_original_s_own_name_is_an_option(pumping: Pump, in_folder: Path) -> None:
    policy = replace(FilePolicy.inside(), keep_under_own_name=True)
    here, there = ConnectionManager(files=policy), ConnectionManager()
    pumping.join(here, there)
    (in_folder / "sub").mkdir()
    (in_folder / "sub/theirs").write_bytes(b"content")
    calls, callback = noted()
    here.get_file("sub/theirs", callback=callback)
    pumping.until(lambda: calls)
    assert (in_folder / "theirs").read_bytes() == b"content"
    assert calls[0][2] == {"filepath": str(in_folder / "theirs")}


# Files: what a peer may not do.


@pytest.mark.parametrize("path", ["/{}/evil", "../evil", "link/evil"])
def test_e01_a_peer_writes_inside_the_working_directory_only(
    pumping: Pump, pair: Pair, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "source").write_bytes(b"x")
    calls, callback = noted()
    message_callback("done")(callback)
    pair[0].send_file("source", path.format(outside))
    pair[0].send_message("done")
    pumping.until(lambda: calls)
    assert list(outside.iterdir()) == []
    assert not (tmp_path.parent / "evil").exists()


def test_e01_a_peer_does_not_replace_the_program(pumping: Pump, pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("ours")
    (tmp_path / "source").write_text("theirs")
    calls, callback = noted()
    message_callback("done")(callback)
    pair[0].send_file("source", "main.py")
    pair[0].send_message("done")
    pumping.until(lambda: calls)
    assert (tmp_path / "main.py").read_text() == "ours"


@pytest.mark.parametrize("path", ["{}/secret", "../secret", "link/secret"])
def test_e02_a_peer_reads_inside_the_working_directory_only(
    pumping: Pump, pair: Pair, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    for secret in (outside / "secret", tmp_path.parent / "secret"):
        secret.write_text("ours")
    (tmp_path / "link").symlink_to(outside)
    calls, callback = noted()
    pair[0].get_file(path.format(outside), "stolen", callback)
    pair[0].get_file("missing", "stolen", callback)
    request_callback("done")(lambda connection: "done")
    pair[0].get_response("done", callback)
    pumping.until(lambda: calls)
    assert [args for _, args, _ in calls] == [("done",)]
    assert not (tmp_path / "stolen").exists()


def test_e03_a_path_is_never_part_of_a_command(pumping: Pump, in_folder: Path) -> None:
    here, there = ConnectionManager(), ConnectionManager("pi")
    pumping.join(here, there)
    (in_folder / "source").write_bytes(b"x")
    here.send_file("source", "x; touch pwned")
    pumping.until((in_folder / "x; touch pwned").exists)
    pumping.until_quiet()
    assert not (in_folder / "pwned").exists()


@pytest.mark.parametrize("path", [5, 0, True, None, "", "a\0b", ["a"]])
def test_e04_a_path_is_a_text_and_no_descriptor(
    pumping: Pump, pair: Pair, tmp_path: Path, path: Any
) -> None:
    target = os.open(tmp_path / "open", os.O_RDWR | os.O_CREAT)
    fields = {"action": "filetransfer", "filepath": target if path == 5 else path}
    calls, callback = noted()
    message_callback("done")(callback)
    pair[0]._send(MessageManager.create_message(b"evil", "binary", "message", "utf-8", fields))
    pair[0].send_message("done")
    pumping.until(lambda: calls)
    assert os.fstat(target).st_size == 0, "it was written into, or closed"
    os.close(target)


def test_e05_what_is_refused_does_not_touch_the_destination(
    pumping: Pump, pair: Pair, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_bytes(b"ours")
    calls, callback = noted()
    message_callback("done")(callback)
    push = {"action": "filetransfer", "filepath": "precious"}
    pair[0]._send(MessageManager.create_json_message({"a": 1}, push))
    pair[0].send_message("done")
    pumping.until(lambda: calls)
    assert (tmp_path / "precious").read_bytes() == b"ours"
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_e05_a_file_is_in_its_place_only_when_it_is_whole(
    pumping: Pump, pair: Pair, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_bytes(b"ours")
    (tmp_path / "precious").chmod(0o640)
    (tmp_path / "big").write_bytes(b"t" * 20_000)
    pair[0].send_file("big", "precious")
    for _ in range(12):
        pumping.turn()
        assert (tmp_path / "precious").read_bytes() == b"ours"
    pair[0]._close()
    pumping.until(lambda: pumping.errors)
    assert (tmp_path / "precious").read_bytes() == b"ours"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big", "precious"]
    pumping.join(*pair)
    pair[0].send_file("big", "precious")
    pumping.until(lambda: (tmp_path / "precious").stat().st_size == 20_000)
    assert stat.S_IMODE((tmp_path / "precious").stat().st_mode) == 0o640


def test_e06_a_file_that_cannot_be_written_here_is_an_error(
    pumping: Pump, pair: Pair, tmp_path: Path
) -> None:
    (tmp_path / "theirs").write_bytes(b"x")
    calls, callback = noted()
    errors: list[Any] = []
    pair[0].get_file(
        "theirs", "missing/ours", callback, on_error=lambda c, e: errors.append((c, e))
    )
    pumping.until(lambda: errors)
    assert calls == []
    assert errors[0][0] is pair[0]
    assert isinstance(errors[0][1], FileRefused)
    assert not pumping.errors


def test_e07_a_source_that_cannot_be_read_is_false_with_the_reason_in_the_log(
    pair: Pair, log: list[str]
) -> None:
    assert pair[0].send_file("missing", "there") is False
    assert any("missing" in line and "No such file" in line for line in log)


def test_e07_a_file_above_the_limit_is_not_sent(pumping: Pump, in_folder: Path) -> None:
    here, there = ConnectionManager(limits=Limits(file_content=10)), ConnectionManager()
    pumping.join(here, there)
    (in_folder / "big").write_bytes(bytes(11))
    assert here.send_file("big", "there") is False


# Requests.


@pytest.mark.parametrize(
    "callback", [None, lambda connection: 1 / 0, lambda connection: {1, 2}, lambda: 5]
)
def test_e08_e13_a_request_that_fails_ends_after_its_time_and_nothing_else_does(
    pumping: Pump, pair: Pair, callback: Any
) -> None:
    if callback is not None:
        request_callback("fails")(callback)
    request_callback("works")(lambda connection: 1)
    calls, note = noted()
    errors: list[Any] = []
    pair[0].get_response("fails", note, timeout=0.1, on_error=lambda c, e: errors.append(e))
    pair[0].get_response("works", note)
    while not (errors and calls):
        pumping.turn()
        pair[0].expire()
    assert isinstance(errors[0], TimeoutError)
    assert [args for _, args, _ in calls] == [(1,)]
    assert not pumping.errors
    assert len(pair[0]._link.pending) == 0


@pytest.mark.parametrize(
    ("callback", "kind"),
    [
        (None, "unknown"),
        (lambda connection: 1 / 0, "exception"),
        (lambda connection: {1, 2}, "encoding"),
    ],
)
def test_e08_where_both_sides_agree_the_reason_is_told(
    pumping: Pump, callback: Any, kind: str
) -> None:
    here, there = ConnectionManager(error_replies=True), ConnectionManager(error_replies=True)
    pumping.join(here, there)
    if callback is not None:
        request_callback("fails")(callback)
    calls, note = noted()
    errors: list[Any] = []
    here.get_response("fails", note, on_error=lambda c, e: errors.append(e))
    pumping.until(lambda: errors)
    assert calls == []
    assert isinstance(errors[0], RequestFailed)
    assert errors[0].kind == kind


def test_e11_ids_do_not_collide(pair: Pair) -> None:
    here = pair[0]
    for _ in range(2000):
        here.get_response("x", None)
    assert len({pending.request_id for pending in here._link.pending}) == 2000
    assert all(len(pending.request_id) == 4 for pending in here._link.pending)


def test_e12_a_wrong_response_leaves_the_right_request(pumping: Pump, pair: Pair) -> None:
    calls, callback = noted()
    pair[0].get_response("right", callback)
    (pending,) = pair[0]._link.pending
    for name, request_id in (
        ("wrong", pending.request_id),
        ("right", int(pending.request_id)),
        ("right", "unknown"),
    ):
        pair[1]._send(MessageManager.create_response(name, request_id, "wrong"))
    pair[1]._send(MessageManager.create_response("right", pending.request_id, "right"))
    pumping.until(lambda: calls)
    pumping.until_quiet()
    assert [args for _, args, _ in calls] == [("right",)]
    assert not pumping.errors


def test_e14_the_caller_s_dictionaries_stay_as_they_were(
    pumping: Pump, pair: Pair, tmp_path: Path
) -> None:
    (tmp_path / "theirs").write_bytes(b"x")
    calls, callback = noted()
    callback_kwargs = {"k": 1}
    pair[0].get_file("theirs", "ours", callback, (), callback_kwargs)
    callback_kwargs["k"] = 2
    pumping.until(lambda: calls)
    assert callback_kwargs == {"k": 2}
    assert calls[0][2] == {"k": 1, "filepath": "ours"}


# Bounds.


def test_e15_the_queue_has_an_end(pair: Pair) -> None:
    here = ConnectionManager(limits=Limits(queue_messages=2))
    here.resume_queue = True
    here.send_message("a")
    here.send_message("b")
    with pytest.raises(QueueFull):
        here.send_message("c")
    assert isinstance(QueueFull(""), OSError)
    assert len(here._send_queue) == 2


def test_many_files_at_once_wait_for_their_turn(pumping: Pump, pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "copies").mkdir()
    for number in range(400):
        assert pair[0].send_file(tmp_path / "a", f"copies/{number}")
    pumping.until(lambda: len(list((tmp_path / "copies").iterdir())) == 400)


def test_e15_so_have_the_requests(pair: Pair) -> None:
    here = ConnectionManager(limits=Limits(pending_requests=1))
    here.get_response("a", None)
    with pytest.raises(TooManyRequests) as caught:
        here.get_response("b", None)
    assert isinstance(caught.value, RuntimeError)


def test_e15_a_length_beyond_the_limit_ends_the_connection_before_its_content(
    pumping: Pump, pair: Pair
) -> None:
    huge = MessageManager.create_message(
        b"", "binary", "message", "utf-8", {"content-length": 10**12}
    )
    pair[0]._send(huge)
    pumping.until(lambda: pumping.errors)
    assert isinstance(pumping.errors[0], ProtocolError)
    assert isinstance(pumping.errors[0], ValueError)
    assert pair[1].socket is None


def test_e18_content_null_is_dropped_and_what_follows_is_not(pumping: Pump, pair: Pair) -> None:
    calls, callback = noted()
    message_callback("next")(callback)
    pair[0]._send(MessageManager.create_json_message(None, {"action": "next"}))
    pair[0].send_message("next", (1,))
    pumping.until(lambda: calls)
    assert [args for _, args, _ in calls] == [(1,)]


def test_e32_no_content_is_in_the_log(pumping: Pump, pair: Pair, log: list[str]) -> None:
    pair[0].send_message("unknown", ("the secret",))
    pair[0].get_response("unknown", None, ("the secret",))
    pumping.until_quiet()
    pair[1]._close()
    pair[0].send_message("unknown", ("the secret" * 1000,))
    pumping.until_quiet()
    assert any("unknown" in line for line in log)
    assert not [line for line in log if "the secret" in line]


# Names that older programs use.


def test_a_guard_sees_everything_that_is_sent_but_what_is_sent_again(pumping: Pump) -> None:
    class Guarded(ConnectionManager):
        connected = False

        def _send(self, data: Any) -> None:
            if self.connected:
                super()._send(data)

        def connect(self, *args: Any) -> None:
            self._send_queue: Any = deque()
            super().connect(*args)
            self.connected = True

    calls, callback = noted()
    answers: list[Any] = []
    message_callback("a")(callback)
    here, there = Guarded(), ConnectionManager()
    here.get_response("a", lambda connection, value: answers.append(value))
    request_callback("a")(lambda connection: "answer")
    here.send_message("a", ("dropped",))
    pumping.join(here, there)
    here.send_message("a", ("sent",))
    pumping.until(lambda: calls and answers)
    pumping.until_quiet()
    assert [args for _, args, _ in calls] == [("sent",)]
    assert answers == ["answer"]


def test_encoded_messages_can_be_sent_and_received_by_hand(pumping: Pump, pair: Pair) -> None:
    calls, callback = noted()
    message_callback("a")(callback)
    pair[0]._send(MessageManager.create_action_message("a", (1,)))
    pumping.until(lambda: calls)
    message = MessageManager()
    message.income_raw = MessageManager.create_action_message("a", (2,))
    with pytest.raises(ValueError, match="not complete"):
        pair[1].process_received(message)
    message.process_message()
    pair[1].process_received(message)
    assert [args for _, args, _ in calls] == [(1,), (2,)]


def test_a_file_can_be_received_by_hand(pair: Pair, tmp_path: Path) -> None:
    message = MessageManager()
    push = {"action": "filetransfer", "filepath": "by hand"}
    for content in (b"x", b""):
        message = MessageManager()
        message.income_raw = MessageManager.create_message(
            content, "binary", "message", "utf-8", push
        )
        message.process_message()
        pair[1].process_received(message)
        assert (tmp_path / "by hand").read_bytes() == content


def test_what_is_queued_can_be_replaced() -> None:
    here = ConnectionManager()
    here.resume_queue = True
    here.send_message("a")
    here._send_queue = deque([MessageManager.create_action_message("b"), *here._send_queue])
    sent = [message.header for message in here._send_queue]
    assert [b'"b"' in sent[0], b'"a"' in sent[1], len(sent)] == [True, True, 2]
    assert here._outbox.memory == sum(message.memory for message in here._send_queue)


def test_defaults_are_the_process_s() -> None:
    assert ConnectionManager.default_limits == Limits()
    here = ConnectionManager()
    assert (here.selector, here.socket, here.addr) == (None, None, None)
    assert (here.whoami, here.buffer_size) == ("computer", 1024)
    assert (here.resume_queue, here.resend_requests) == (False, True)
    assert repr(here) == "<ConnectionManager peer (not connected)>"


def test_whoami_pi_is_for_all_its_policies(tmp_path: Path) -> None:
    here = ConnectionManager("pi")
    assert here.files.owner == "pi"
    here.files = FilePolicy.inside(tmp_path)
    assert (here.files.owner, here.files.base) == ("pi", tmp_path)
    assert ConnectionManager().files.owner is None


def test_a_large_file_that_is_signed_in_steps_arrives(pumping: Pump, in_folder: Path) -> None:
    key, content = SharedKey.new(), os.urandom(3 * PIECES_AT_A_TIME * PIECE + 1)
    here, there = ConnectionManager(auth=key), ConnectionManager(auth=key, role="server")
    for connection in (here, there):
        connection.buffer_size = 1 << 20
    pumping.join(here, there)
    (in_folder / "big").write_bytes(content)
    calls, callback = noted()
    message_callback("after")(callback)
    here.send_file("big", "copy")
    here.send_message("after")
    pumping.until(lambda: calls)
    assert (in_folder / "copy").read_bytes() == content
