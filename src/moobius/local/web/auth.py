"""Endpoints 1 to 9: signing up, in and out (platform.md 2.4)."""

from __future__ import annotations

from typing import Any

from loguru import logger

from moobius.local.engine import Engine
from moobius.local.model import accounts
from moobius.local.model.accounts import NewTokens
from moobius.local.model.refusal import Code, Refused, malformed
from moobius.local.model.state import Account
from moobius.local.options import Limits
from moobius.local.passwords import digest_of, hash_password, new_token, verify_password
from moobius.local.web.call import Call

WRONG = "Incorrect username or password"
LONGEST_PASSWORD = 1024


async def sign_in(call: Call) -> Any:
    """Endpoint 1."""
    account = await checked_account(call)
    return await log_in(call.engine, call.options.limits, account.user_id)


async def sign_up(call: Call) -> Any:
    """Endpoint 2; the account can be used at once, so the reply is that of a sign-in."""
    email, password = call.parameters.required("username"), _password(call)
    user_id = await create_account(call.engine, email, password)
    return await log_in(call.engine, call.options.limits, user_id)


async def confirm_sign_up(call: Call) -> Any:
    """Endpoint 3; accounts are confirmed from the start."""
    _known(call, "Incorrect username or confirmation code")
    return {}


async def resend_confirmation(call: Call) -> Any:
    """Endpoints 4 and 5; the answer is the same whether the account exists or not."""
    call.parameters.required("username")
    logger.info("this Platform sends no mail: no confirmation code was sent")
    return {}


async def confirm_reset_password(call: Call) -> Any:
    """Endpoint 6; no code was ever sent, so none is right."""
    call.parameters.required("username")
    raise Refused(Code.WRONG_CREDENTIALS, "Incorrect confirmation code")


async def refresh(call: Call) -> Any:
    """Endpoint 7; the refresh token stays the same."""
    digest, token = digest_of(call.parameters.required("refresh_token")), new_token()
    life = call.options.limits.access_token_ms
    await call.engine.run(accounts.refresh, digest, digest_of(token), life)
    return {"AuthenticationResult": _result(token, life), "ChallengeParameters": {}}


async def sign_out(call: Call) -> Any:
    """Endpoint 8."""
    token = call.parameters.required("access_token")
    return await call.engine.run(accounts.sign_out, digest_of(token))


async def delete_account(call: Call) -> Any:
    """Endpoint 9; needs the password, or the account's own token."""
    user_id = call.caller
    if call.parameters.value("username") is not None or not user_id:
        user_id = (await checked_account(call)).user_id
    return await call.engine.run(accounts.delete_account, user_id)


async def checked_account(call: Call) -> Account:
    """Return the account that `username` and `password` belong to, or refuse."""
    email, password = call.parameters.required("username"), _password(call)
    return await verified_account(call.engine, email, password)


async def verified_account(engine: Engine, email: str, password: str) -> Account:
    """Return the account with this password.

    Raises:
        Refused: With code 10006; whether the account exists stays our secret.
    """
    account = engine.state.account_by_email(email)
    right = await verify_password(password, account.password_hash if account else "")
    if account is None or not right:
        raise Refused(Code.WRONG_CREDENTIALS, WRONG)
    return account


async def create_account(engine: Engine, email: str, password: str, name: str = "") -> str:
    """Create an account and return its id."""
    if engine.state.account_by_email(email) is not None:
        raise Refused(Code.ACCOUNT_EXISTS, "Username already exists")
    hashed = await hash_password(password)
    user_id = await engine.run(accounts.sign_up, email, hashed, name or None)
    return str(user_id)


async def log_in(engine: Engine, limits: Limits, user_id: str) -> dict[str, Any]:
    """Issue tokens for a user who has proved to be one; the reply of endpoint 1."""
    access, refreshing = new_token(), new_token()
    tokens = NewTokens(
        digest_of(access), digest_of(refreshing), limits.access_token_ms, limits.refresh_token_ms
    )
    await engine.run(accounts.sign_in, user_id, tokens)
    result = {**_result(access, limits.access_token_ms), "RefreshToken": refreshing}
    return {"AuthenticationResult": result, "ChallengeParameters": {}}


def _result(access: str, life_ms: int) -> dict[str, Any]:
    # The original's IdToken is a signed claim no client reads; one more random text will do.
    return {
        "AccessToken": access,
        "ExpiresIn": life_ms // 1000,
        "IdToken": new_token(),
        "TokenType": "Bearer",
    }


def _password(call: Call) -> str:
    password = call.parameters.required("password")
    if len(password) > LONGEST_PASSWORD:
        raise malformed(f"password may have at most {LONGEST_PASSWORD} characters")
    return password


def _known(call: Call, otherwise: str) -> None:
    if call.engine.state.account_by_email(call.parameters.required("username")) is None:
        raise Refused(Code.WRONG_CREDENTIALS, otherwise)
