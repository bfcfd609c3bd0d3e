"""Hashes that verify, and say nothing."""

from __future__ import annotations

import asyncio
import time

import pytest

from moobius.local.model.refusal import Refused
from moobius.local.passwords import (
    MOST_WAITING,
    Busy,
    digest_of,
    hash_password,
    new_code,
    new_token,
    verify_password,
)
from tests.support.lanes import held_guesses
from tests.support.patience import PATIENCE


async def test_a_password_verifies_against_its_own_salted_hash_only() -> None:
    first, second = await hash_password("tea"), await hash_password("tea")
    assert first != second
    assert "tea" not in first
    assert await verify_password("tea", first)
    assert not await verify_password("cocoa", first)


async def test_no_password_opens_an_account_without_a_hash() -> None:
    assert not await verify_password("", "")
    assert not await verify_password("x", "not a hash")


async def test_the_time_does_not_tell_whether_there_is_an_account() -> None:
    hashed = await hash_password("tea")

    async def shortest(password_hash: str) -> float:
        times = []
        for _ in range(3):
            started = time.perf_counter()
            await verify_password("cocoa", password_hash)
            times.append(time.perf_counter() - started)
        return min(times)

    # The first of them is measured, and the other takes as long. Without hashing: a thousandth.
    guessed = await shortest(hashed)
    assert await shortest("") > guessed / 20


async def test_who_chooses_a_password_does_not_wait_for_who_guesses() -> None:
    hashed = await hash_password("tea")
    with held_guesses():
        guesses = [asyncio.ensure_future(verify_password("cocoa", hashed)) for _ in range(3)]
        vain = [asyncio.ensure_future(verify_password("cocoa", "")) for _ in range(500)]
        await asyncio.sleep(0)
        await asyncio.wait_for(hash_password("milk"), PATIENCE)
        assert not any(guess.done() for guess in guesses)
    assert not any(await asyncio.gather(*guesses, *vain))


async def test_a_lane_has_an_end_and_is_free_again_when_it_has_moved_on() -> None:
    lane = [asyncio.ensure_future(hash_password("tea")) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Refused, match="Too many sign in or up at the moment; try again soon"):
        await hash_password("tea")
    for one in lane[1:]:
        one.cancel()
    await asyncio.wait(lane)
    assert await verify_password("tea", await hash_password("tea"))


@pytest.mark.parametrize("exists", [True, False])
async def test_a_full_lane_is_no_verdict_and_does_not_tell_which_accounts_exist(
    exists: bool,
) -> None:
    hashed = await hash_password("tea")
    lane = [asyncio.ensure_future(verify_password("tea", hashed)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await verify_password("tea", hashed if exists else "")
    for one in lane[1:]:
        one.cancel()
    await asyncio.wait(lane)


def test_codes_are_six_digits() -> None:
    codes = {new_code() for _ in range(100)}
    assert len(codes) > 90
    assert all(len(code) == 6 and code.isdecimal() for code in codes)


def test_tokens_differ_and_are_not_in_their_digests() -> None:
    token = new_token()
    assert token != new_token()
    assert len(token) >= 43
    assert token not in digest_of(token)
