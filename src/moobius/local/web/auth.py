"""Endpoints 1 to 9: signing up, in and out (platform.md 2.4)."""

from __future__ import annotations

from typing import Any

from moobius.local.codes import Purpose
from moobius.local.engine import Engine
from moobius.local.model import accounts
from moobius.local.model.accounts import NewTokens
from moobius.local.model.refusal import Code, Refused
from moobius.local.model.state import Account, normal_email
from moobius.local.options import Limits
from moobius.local.passwords import digest_of, hash_password, new_token, verify_password
from moobius.local.web.call import Call

WRONG = "Incorrect username or password"
WRONG_CODE = "Incorrect username or confirmation code"
LONGEST_PASSWORD = 1024
PASSWORD = "password"  # what is guessed at; the other two are codes

DEVELOPER = "developer@local"
"""The account of programs with the Platform `"local"`; made for them, and nobody else's."""


async def sign_in(call: Call) -> Any:
    """Endpoint 1."""
    account = await checked_account(call)
    return await log_in(call.engine, call.options.limits, account.user_id)


async def sign_up(call: Call) -> Any:
    """Endpoint 2: the reply of a sign-in, or none of it before the account is confirmed (Q5)."""
    email, password = call.parameters.required_name("username"), _password(call)
    if normal_email(email) == DEVELOPER:
        raise Refused(Code.ACCOUNT_EXISTS, f"{DEVELOPER} is the Platform's own; choose another")
    confirmed = not call.options.confirm_sign_up
    user_id = await create_account(call.engine, email, password, confirmed=confirmed)
    if confirmed:
        return await log_in(call.engine, call.options.limits, user_id)
    call.codes.send(Purpose.SIGN_UP, email)
    return {"UserConfirmed": False, "UserSub": user_id}


async def confirm_sign_up(call: Call) -> Any:
    """Endpoint 3; an account that is confirmed already takes any code."""
    email = call.parameters.required_name("username")
    code = call.parameters.text("confirmation_code")
    can_succeed = call.codes.has(Purpose.SIGN_UP, email)
    async with call.attempts.attempt(Purpose.SIGN_UP.name, email, can_succeed=can_succeed):
        account = call.engine.state.account_by_email(email)
        good = account and (account.confirmed or call.codes.redeem(Purpose.SIGN_UP, email, code))
        if account is None or not good:
            raise Refused(Code.WRONG_CREDENTIALS, WRONG_CODE)
    return await call.engine.run(accounts.confirm, account.user_id)


async def resend_confirmation(call: Call) -> Any:
    """Endpoint 4; the answer is the same whether there is such an account or not."""
    email = call.parameters.required_name("username")
    account = call.engine.state.account_by_email(email)
    if account is not None and not account.confirmed:
        call.codes.send(Purpose.SIGN_UP, account.email)
    return {}


async def forgot_password(call: Call) -> Any:
    """Endpoint 5; the answer is the same whether there is such an account or not."""
    email = call.parameters.required_name("username")
    account = call.engine.state.account_by_email(email)
    if account is not None:
        call.codes.send(Purpose.RESET, account.email)
    return {}


async def confirm_reset_password(call: Call) -> Any:
    """Endpoint 6: a new password, for who has the code; other logins end."""
    email, password = call.parameters.required_name("username"), _password(call)
    code = call.parameters.required("confirmation_code")
    can_succeed = call.codes.has(Purpose.RESET, email)
    async with call.attempts.attempt(Purpose.RESET.name, email, can_succeed=can_succeed):
        account = call.engine.state.account_by_email(email)
        if account is None or not call.codes.redeem(Purpose.RESET, email, code):
            raise Refused(Code.WRONG_CREDENTIALS, WRONG_CODE)
    hashed = await hash_password(password)
    reply = await call.engine.run(accounts.reset_password, account.user_id, hashed)
    call.attempts.forgive(PASSWORD, email)
    return reply


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
    email = call.engine.state.account(user_id).email
    reply = await call.engine.run(accounts.delete_account, user_id)
    for what in (PASSWORD, *(purpose.name for purpose in Purpose)):
        call.attempts.forgive(what, email)
    return reply


async def checked_account(call: Call) -> Account:
    """Return the account that `username` and `password` belong to, or refuse."""
    email, password = call.parameters.required_name("username"), _password(call)
    return await verified_account(call, email, password)


async def verified_account(call: Call, email: str, password: str) -> Account:
    """Return the account with this password.

    Raises:
        Refused: With code 10006; whether the account exists stays our secret.
    """
    can_succeed = call.engine.state.account_by_email(email) is not None
    async with call.attempts.attempt(PASSWORD, email, can_succeed=can_succeed):
        account = call.engine.state.account_by_email(email)
        right = await verify_password(password, account.password_hash if account else "")
        if account is None or not right:
            raise Refused(Code.WRONG_CREDENTIALS, WRONG)
    return account


async def create_account(
    engine: Engine, email: str, password: str, name: str = "", *, confirmed: bool = True
) -> str:
    """Create an account and return its id."""
    if engine.state.account_by_email(email) is not None:
        raise Refused(Code.ACCOUNT_EXISTS, "Username already exists")
    hashed = await hash_password(password)
    user_id = await engine.run(accounts.sign_up, email, hashed, name or None, confirmed=confirmed)
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
    return call.parameters.required("password", LONGEST_PASSWORD)
