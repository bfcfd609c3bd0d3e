"""Hashes that verify, and say nothing."""

from __future__ import annotations

from moobius.local.passwords import digest_of, hash_password, new_token, verify_password


async def test_a_password_verifies_against_its_own_salted_hash_only() -> None:
    first, second = await hash_password("tea"), await hash_password("tea")
    assert first != second
    assert "tea" not in first
    assert await verify_password("tea", first)
    assert not await verify_password("cocoa", first)


async def test_no_password_opens_an_account_without_a_hash() -> None:
    assert not await verify_password("", "")
    assert not await verify_password("x", "not a hash")


def test_tokens_differ_and_are_not_in_their_digests() -> None:
    token = new_token()
    assert token != new_token()
    assert len(token) >= 43
    assert token not in digest_of(token)
