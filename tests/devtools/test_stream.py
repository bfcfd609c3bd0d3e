"""Several speakers in one stream."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from moobius.devtools.stream import LogTail, Stream
from tests.support.patience import PATIENCE


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_each_line_has_its_speaker_in_front() -> None:
    out = io.StringIO()
    Stream(out).say("dev", "one\ntwo")
    Stream(out).say("platform", "")
    assert out.getvalue() == "dev      | one\ndev      | two\nplatform | \n"


def test_a_terminal_gets_colours() -> None:
    out = Terminal()
    Stream(out).say("dev", "one")
    assert out.getvalue() == "\033[36mdev     \033[0m | one\n"


def test_what_a_program_says_is_passed_on_whatever_it_is() -> None:
    out = io.StringIO()
    ours, its = os.pipe()
    thread = Stream(out).pass_on("service", os.fdopen(ours, "rb"))
    with os.fdopen(its, "wb") as pipe:
        pipe.write(b"whole\r\n\xff\nno end")
    thread.join(PATIENCE)
    assert out.getvalue() == "service  | whole\nservice  | \ufffd\nservice  | no end\n"


def test_who_does_not_read_any_more_is_noticed_in_every_thread() -> None:
    ours, its = os.pipe()
    os.close(ours)
    out = os.fdopen(its, "w")
    stream = Stream(out)
    stream.check()
    ours, its = os.pipe()
    thread = stream.pass_on("service", os.fdopen(ours, "rb"))
    with os.fdopen(its, "wb") as pipe:
        pipe.write(b"one\ntwo\n")
    thread.join(PATIENCE)
    with pytest.raises(BrokenPipeError):
        stream.check()
    with pytest.raises(BrokenPipeError):
        out.close()


def test_a_log_is_followed_from_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "platform.log"
    early = LogTail(file)
    assert early.lines() == []
    file.write_text("old\n")
    tail = LogTail(file)
    with file.open("a") as log:
        log.write("new\nhal")
    assert (early.lines(), tail.lines()) == (["old", "new"], ["new"])
    with file.open("a") as log:
        log.write("f\n")
    assert tail.lines() == ["half"]
    file.write_text("anew\n")
    assert tail.lines() == ["anew"]
