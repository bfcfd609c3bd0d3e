"""Confirmation codes: in the log, for a while, once, and for one purpose."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from moobius.local.codes import AGAIN_MS, Codes, Purpose
from tests.support.program import PLATFORM_READY, Program
from tests.support.raw_http import ask

LIFE_MS = 60_000


class Post:
    """Codes with a clock to turn, and somebody who reads the log."""

    def __init__(self, log: list[str]) -> None:
        self.now = 0
        self.codes = Codes(LIFE_MS, lambda: self.now)
        self.log = log

    def letters(self) -> list[str]:
        """All codes that were written, for whom and what, and forget them."""
        found = [re.sub(r" \(.*", "", line.strip()) for line in self.log]
        self.log.clear()
        return found


@pytest.fixture
def post(log: list[str]) -> Post:
    return Post(log)


def code_of(letter: str) -> str:
    code = letter.rpartition(" ")[2]
    assert re.fullmatch(r"\d{6}", code)
    return code


def test_a_code_is_in_the_log_and_good_once_for_its_purpose(post: Post) -> None:
    post.codes.send(Purpose.RESET, "Ada@example.net")
    (letter,) = post.letters()
    assert letter.startswith("INFO code for a new password for Ada@example.net: ")
    code = code_of(letter)
    assert not post.codes.redeem(Purpose.SIGN_UP, "ada@example.net", code)
    assert not post.codes.redeem(Purpose.RESET, "bob@example.net", code)
    assert not post.codes.redeem(Purpose.RESET, "ada@example.net", code[::-1] + "0")
    assert not post.codes.redeem(Purpose.RESET, "ada@example.net", "")
    assert not post.codes.redeem(Purpose.RESET, "ada@example.net", "\u0661\u0662")
    assert post.codes.redeem(Purpose.RESET, " ADA@example.net", f" {code} ")
    assert not post.codes.redeem(Purpose.RESET, "ada@example.net", code)


def test_there_is_a_code_until_it_is_used_or_too_old(post: Post) -> None:
    assert not post.codes.has(Purpose.RESET, "ada@example.net")
    post.codes.send(Purpose.RESET, "ada@example.net")
    assert post.codes.has(Purpose.RESET, " ADA@example.net")
    assert not post.codes.has(Purpose.SIGN_UP, "ada@example.net")
    post.codes.redeem(Purpose.RESET, "ada@example.net", code_of(post.letters()[0]))
    assert not post.codes.has(Purpose.RESET, "ada@example.net")
    post.codes.send(Purpose.RESET, "ada@example.net")
    post.now = LIFE_MS
    assert not post.codes.has(Purpose.RESET, "ada@example.net")


def test_a_code_expires_and_another_follows(post: Post) -> None:
    post.codes.send(Purpose.SIGN_UP, "ada@example.net")
    code = code_of(post.letters()[0])
    post.now = LIFE_MS
    assert not post.codes.redeem(Purpose.SIGN_UP, "ada@example.net", code)
    post.codes.send(Purpose.SIGN_UP, "ada@example.net")
    assert code_of(post.letters()[0]) != code


def test_asking_again_repeats_the_code_and_not_at_once(post: Post) -> None:
    post.codes.send(Purpose.SIGN_UP, "ada@example.net")
    first = post.letters()
    post.now = AGAIN_MS - 1
    post.codes.send(Purpose.SIGN_UP, "ada@example.net")
    assert post.letters() == []
    post.now = AGAIN_MS
    post.codes.send(Purpose.SIGN_UP, "ada@example.net")
    assert post.letters() == first


def test_a_code_is_not_in_the_repr_of_anything(post: Post) -> None:
    post.codes.send(Purpose.SIGN_UP, "ada@example.net")
    code = code_of(post.letters()[0])
    assert code not in repr(vars(post.codes))


async def test_somebody_at_the_terminal_confirms_an_account(tmp_path: Path) -> None:
    command = ("-m", "moobius", "platform", "--port", "0", "--ephemeral", "--confirm-sign-up")
    folder = tmp_path / "project"
    folder.mkdir()
    async with Program(folder, *command) as program:
        url = (await program.wait_for(PLATFORM_READY)).group(1)
        eve = {"username": "eve@example.net", "password": "eve"}
        await ask(url, "POST", "/auth/sign_up", body=eve)
        seen = await program.wait_for(
            re.compile(r"confirmation code for eve@example\.net: (\d{6}) \(good for 15 min\)")
        )
        assert (await ask(url, "POST", "/auth/sign_in", body=eve)).code == 10005
        given = {**eve, "confirmation_code": seen.group(1)}
        assert (await ask(url, "POST", "/auth/confirm_sign_up", body=given)).code == 10000
        assert (await ask(url, "POST", "/auth/sign_in", body=eve)).code == 10000
