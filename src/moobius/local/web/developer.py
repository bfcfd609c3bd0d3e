"""Our own endpoints under `/local/`: ready-made people, and what the default Platform needs.

They exist in developer mode only, and developer mode exists on loopback only.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from moobius._version import __version__
from moobius.local.engine import Engine
from moobius.local.hub import Hub
from moobius.local.model import accounts, services
from moobius.local.model.outcome import Farewell
from moobius.local.model.refusal import Code, Refused, malformed, not_found, not_permitted
from moobius.local.model.state import Account
from moobius.local.passwords import hash_password, verify_password
from moobius.local.web.auth import DEVELOPER, create_account, log_in, verified_account
from moobius.local.web.call import Call

NAME = "Moobius Platform"

PEOPLE: Mapping[str, tuple[str, str]] = {
    "ada@example.org": ("Ada", "Likes machines that follow a table."),
    "bob@example.org": ("Bob", "Reads everything, answers some of it."),
    "cy@example.org": ("Cy", "Presses every button once."),
    "dee@example.org": ("Dee", "Prefers pictures to words."),
}


async def create_people(engine: Engine) -> None:
    """Create the ready-made people that are not there yet; no password opens their accounts."""
    for email, (name, description) in PEOPLE.items():
        if engine.state.account_by_email(email) is None:
            await engine.run(accounts.sign_up, email, "", name, "", description)


class Developer:
    """The endpoints, with what they know besides the state."""

    def __init__(self, key: str, instance: str, hub: Hub) -> None:
        self._key = key
        self._instance = instance
        self._hub = hub
        self._key_is_password = False
        self._one_at_a_time = asyncio.Lock()

    async def info(self, call: Call) -> Any:
        """`GET /local/info`, the one that answers in every mode."""
        return {
            "developer": _is_open_to(call),
            "version": __version__,
            "name": NAME,
            "instance": self._instance,
        }

    async def people(self, call: Call) -> Any:
        """`GET /local/people`."""
        _developer_mode_only(call)
        return [
            {
                "name": account.name,
                "email": account.email,
                "user_id": account.user_id,
                "avatar": account.avatar,
                "description": account.description,
            }
            for account in call.engine.state.accounts.values()
            if _is_ready_made(account)
        ]

    async def sign_in(self, call: Call) -> Any:
        """`POST /local/people/sign_in`: sign in as one of these people, without a password."""
        _developer_mode_only(call)
        email = call.parameters.required("email")
        account = call.engine.state.account_by_email(email)
        if account is None or not _is_ready_made(account):
            raise not_found("email is not that of a ready-made person; see GET /local/people")
        reply = await log_in(call.engine, call.options.limits, account.user_id)
        return {**reply, "user_id": account.user_id}

    async def project(self, call: Call) -> Any:
        """`POST /local/project`: what a program with the Platform `"local"` needs."""
        self._check_key(call)
        project = call.parameters.required("project")
        service = call.parameters.optional("service")
        email = call.parameters.optional_name("email") or DEVELOPER
        password = call.parameters.text("password")
        if email == DEVELOPER:
            password = password or self._key
        elif not password:
            raise malformed("password is required with email")
        async with self._one_at_a_time:  # two that start together may both need the account made
            owner = await self._account(call, email, password)
        reply: dict[str, Any] = {"email": email, "password": password}
        if service:
            return reply | await call.engine.run(services.open_project, owner, project, service)
        channels = services.project_channels(call.engine.state, project)
        return reply | {"service_id": "", "channels": channels}

    async def hold(self, call: Call) -> Any:
        """`POST /local/hold`: keep what comes for a service that is started again.

        With `resume`, deliver what was kept; then only what meets no connection is kept.
        """
        self._check_key(call)
        service_id = call.parameters.required("service_id")
        if service_id not in call.engine.state.services:
            raise not_found(f"There is no service {service_id}")
        seconds = call.parameters.value("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0:
            raise malformed("seconds must be a number above 0")
        change = self._hub.resume if call.parameters.value("resume") else self._hub.holds.pause
        change(service_id, call.parameters.required_name("holder"), seconds)
        return {}

    async def end_hold(self, call: Call) -> Any:
        """`POST /local/hold/end`: keep nothing any more of what this holder asked to keep."""
        self._check_key(call)
        self._hub.holds.end(call.parameters.required_name("holder"))
        return {}

    def _check_key(self, call: Call) -> None:
        _developer_mode_only(call)
        given = call.parameters.required("developer_key")
        if not secrets.compare_digest(given.encode(), self._key.encode()):
            raise Refused(Code.WRONG_CREDENTIALS, "developer_key is not that of this Platform")

    async def _account(self, call: Call, email: str, password: str) -> str:
        """Return the account, made if there is none.

        The developer account's password is the developer key. When the data directory has a new
        key, the account gets it as its password, and all who are logged in are logged out.
        """
        known = call.engine.state.account_by_email(email)
        if known is None:
            return await create_account(call.engine, email, password, _name_of(email))
        if email != DEVELOPER or password != self._key:
            return (await verified_account(call, email, password)).user_id
        if not self._key_is_password and not await verify_password(self._key, known.password_hash):
            hashed = await hash_password(self._key)
            await call.engine.run(accounts.reset_password, known.user_id, hashed)
            self._hub.deliver(Farewell(known.user_id))
        self._key_is_password = True
        return known.user_id


def _is_ready_made(account: Account) -> bool:
    return not account.password_hash  # also people of a seed, who could not sign in otherwise


def _name_of(email: str) -> str:
    return "Developer" if email == DEVELOPER else ""


def _is_open_to(call: Call) -> bool:
    # Behind a proxy on this machine, loopback is what everybody comes from.
    return call.options.developer_mode and call.is_from_here


def _developer_mode_only(call: Call) -> None:
    if not _is_open_to(call):
        raise not_permitted("This Platform does not run in developer mode")
