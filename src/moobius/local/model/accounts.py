"""Accounts, logins and profiles (platform.md 2.4, 2.5).

Passwords and tokens never come in: the shell hashes them and hands in the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from moobius.local.model.actions import leave_everything
from moobius.local.model.events import (
    AccountConfirmed,
    AccountCreated,
    AccountDeleted,
    FamilyRevoked,
    PasswordChanged,
    ProfileChanged,
    TokenIssued,
    TokensDropped,
)
from moobius.local.model.outcome import Farewell, Moment, Outcome
from moobius.local.model.refusal import Code, Refused, malformed
from moobius.local.model.state import Account, State, Token, TokenKind

EXPIRED_AT_ONCE = 8
"""How many logins that are over, at most, one new login takes away."""


@dataclass(frozen=True)
class NewTokens:
    """Digests of the tokens a login hands out, and how long each is good for."""

    access: str
    refresh: str
    access_ms: int
    refresh_ms: int


def sign_up(
    state: State,
    moment: Moment,
    email: str,
    password_hash: str,
    name: str | None = None,
    avatar: str = "",
    description: str = "",
    *,
    confirmed: bool = True,
) -> Outcome:
    """Create an account; the reply is its id. It can be used when it is confirmed."""
    email = email.strip()
    if not email or not email.isprintable():  # it will stand in a line of the log
        raise malformed("username must be an e-mail address")
    if state.account_by_email(email) is not None:
        raise Refused(Code.ACCOUNT_EXISTS, "Username already exists")
    user_id = moment.new_id()
    name = name or email.partition("@")[0] or email
    event = AccountCreated(user_id, email, password_hash, name, avatar, description, confirmed)
    return Outcome(user_id, [event])


def confirm(state: State, moment: Moment, user_id: str) -> Outcome:
    """Let an account be used, now that its address has proved to be right."""
    is_confirmed = state.account(user_id).confirmed
    return Outcome({}, [] if is_confirmed else [AccountConfirmed(user_id)])


def reset_password(state: State, moment: Moment, user_id: str, password_hash: str) -> Outcome:
    """Give an account whose address has proved to be right another password.

    All its logins end, for somebody else may have the old one; open sockets stay, as with a
    sign-out (Q6).
    """
    outcome = confirm(state, moment, user_id)
    outcome.add(PasswordChanged(user_id, password_hash))
    outcome.add(*map(FamilyRevoked, state.logins.get(user_id, ())))
    return outcome


def sign_in(state: State, moment: Moment, user_id: str, tokens: NewTokens) -> Outcome:
    """Record the tokens of a login whose password the shell has verified.

    Raises:
        Refused: With `UNCONFIRMED`, which JavaScript clients look for (platform.md 2.4).
    """
    account = state.account(user_id)
    if not account.confirmed:
        raise Refused(Code.NOT_AUTHENTICATED, "UNCONFIRMED")
    family, now = moment.new_id(), moment.now
    outcome = Outcome({"user_id": account.user_id})
    expired = [*_expired_logins(state, now)]
    logins = [each for each in state.logins.get(user_id, ()) if each not in expired]
    excess = max(0, len(logins) + 1 - moment.quotas.logins)
    outcome.add(*map(FamilyRevoked, expired + logins[: int(excess)]))
    outcome.add(
        TokenIssued(tokens.access, user_id, "access", family, now + tokens.access_ms),
        TokenIssued(tokens.refresh, user_id, "refresh", family, now + tokens.refresh_ms),
    )
    return outcome


def _expired_logins(state: State, now: int) -> Iterator[str]:
    """Find the oldest logins, of whatever account, all of whose tokens have expired.

    Logins are in the order in which they began and all last equally long, so the search ends at
    the first that is still good. A few at a time are enough: more go than come.
    """
    for family in islice(state.families, EXPIRED_AT_ONCE):
        if any(state.tokens[digest].expires > now for digest in state.families[family]):
            return
        yield family


def refresh(
    state: State, moment: Moment, refresh_digest: str, access_digest: str, access_ms: int
) -> Outcome:
    """Add an access token to the login that a refresh token belongs to."""
    token = check_token(state, moment.now, refresh_digest, "refresh")
    outcome = Outcome({})
    family = state.families[token.family]
    access_tokens = [digest for digest in family if state.tokens[digest].kind == "access"]
    excess = len(access_tokens) + 1 - moment.quotas.tokens
    old = tuple(
        digest
        for number, digest in enumerate(access_tokens)
        if number < excess or state.tokens[digest].expires <= moment.now
    )
    if old:
        outcome.add(TokensDropped(old))
    expires = moment.now + access_ms
    outcome.add(TokenIssued(access_digest, token.user_id, "access", token.family, expires))
    return outcome


def sign_out(state: State, moment: Moment, digest: str) -> Outcome:
    """End the login a token belongs to; open sockets stay (Q6).

    An expired token or a refresh token is accepted too: the purpose of signing out is that nothing
    of the login is good afterwards.
    """
    token = state.tokens.get(digest)
    if token is None:
        raise Refused(Code.NOT_AUTHENTICATED, "Invalid access_token")
    return Outcome({}, [FamilyRevoked(token.family)])


def check_token(state: State, now: int, digest: str, kind: TokenKind) -> Token:
    """Return what is known of a token, or refuse it.

    Raises:
        Refused: With the texts of platform.md 3.3, which clients look for.
    """
    token = state.tokens.get(digest)
    if token is None or token.kind != kind:
        raise Refused(Code.NOT_AUTHENTICATED, f"Invalid {kind}_token")
    if token.expires <= now:
        raise Refused(Code.NOT_AUTHENTICATED, f"Expired {kind}_token")
    return token


def delete_account(state: State, moment: Moment, user_id: str) -> Outcome:
    """Remove an account with its services and memberships, and close its sockets."""
    state.account(user_id)
    outcome = Outcome({})
    leave_everything(state, moment, outcome, user_id)
    outcome.add(AccountDeleted(user_id))
    outcome.deliver(Farewell(user_id))
    return outcome


def user_info(account: Account) -> dict[str, Any]:
    """Build the reply of `GET /user/info`."""
    return {
        "context": account.profile["character_context"],
        "email": account.email,
        "email_verified": account.confirmed,
        "user_id": account.user_id,
        "sub": account.user_id,
        "system_context": account.system_context,
    }


def edit_profile(
    state: State,
    moment: Moment,
    caller: str,
    name: str | None,
    avatar: str | None,
    description: str | None,
) -> Outcome:
    """Change what is given, keep the rest; the reply is the user info as it will be."""
    old = state.account(caller)
    name = old.name if name is None else name
    avatar = old.avatar if avatar is None else avatar
    description = old.description if description is None else description
    info = user_info(old)
    info["context"] = {"name": name, "avatar": avatar, "description": description}
    return Outcome(info, [ProfileChanged(caller, name, avatar, description)])


def profiles(state: State, character_ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Give the profiles in the order asked for; unknown ids are left out (Q8)."""
    found = map(state.character_profile, character_ids)
    return (profile for profile in found if profile is not None)
