"""`--seed FILE`: people and channels that are to be there from the start (docs/local-platform.md).

A seed is applied at every start and adds what is missing: people are known by their e-mail address,
channels by their creator and name. What is there already is never changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec

from moobius.errors import ConfigError
from moobius.local.engine import Engine
from moobius.local.model.accounts import sign_up
from moobius.local.model.actions import act
from moobius.local.model.channels import create_channel
from moobius.local.model.commands import Action
from moobius.local.model.state import Account, State, normal_email
from moobius.local.passwords import hash_password

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Text = Annotated[str, msgspec.Meta(max_length=16 * 1024)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]

HALVES = re.compile("[\ud800-\udfff]")


class SeedPerson(msgspec.Struct, forbid_unknown_fields=True):
    """Somebody with an account; the name is the address's first part unless it is given."""

    email: Name
    name: Name | None = None
    password: Password | None = None
    description: Text = ""
    avatar: Text = ""


class SeedChannel(msgspec.Struct, forbid_unknown_fields=True):
    """A channel; its creator is a member, and so are all of `members`, by address."""

    name: Name
    creator: Name
    description: Text = ""
    members: list[Name] = []


class Seed(msgspec.Struct, forbid_unknown_fields=True):
    """What a seed file says."""

    people: list[SeedPerson] = []
    channels: list[SeedChannel] = []


def read_seed(file: Path, *, developer_mode: bool) -> Seed:
    """Read a seed file.

    Args:
        file: JSON with `people` and `channels`.
        developer_mode: Whether people may do without a password.

    Raises:
        ConfigError: If it cannot be read or is wrong; says where, and what would be right.
    """
    try:
        raw = json.loads(file.read_text(encoding="utf-8-sig"))
        seed = msgspec.convert(raw, Seed)
    except OSError as error:
        raise ConfigError(f"cannot read the seed {file}: {error.strerror or error}") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(f"the seed {file} is not JSON: {error.msg} at {where}") from error
    except (msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the seed {file} is wrong: {error}") from error
    problem = next(_problems(seed, developer_mode), None)
    if problem is not None:
        raise ConfigError(f"the seed {file} is wrong: {problem}")
    return seed


def _problems(seed: Seed, developer_mode: bool) -> Iterator[str]:
    people: dict[str, int] = {}
    yield from _unwritable(seed)
    for number, person in enumerate(seed.people):
        if not person.email.strip() or not person.email.strip().isprintable():
            yield f"people[{number}].email is no e-mail address"
        first = people.setdefault(normal_email(person.email), number)
        if first != number:
            yield f"people[{number}].email is that of people[{first}] already"
        if person.password is None and not developer_mode:
            yield (
                f"people[{number}].password is missing; only in developer mode can one be "
                f"{person.email} without it"
            )
    channels: dict[tuple[str, str], int] = {}
    for number, channel in enumerate(seed.channels):
        first = channels.setdefault(_key(channel), number)
        if first != number:
            yield f"channels[{number}] has the creator and the name of channels[{first}]"


def _unwritable(seed: Seed) -> Iterator[str]:
    """Yield the fields with half of a character: JSON can escape one, and nothing can store it."""
    for kind, entries in (("people", seed.people), ("channels", seed.channels)):
        for number, entry in enumerate(entries):
            for name, value in msgspec.structs.asdict(entry).items():
                texts = value if isinstance(value, list) else [value or ""]
                if any(HALVES.search(text) for text in texts):
                    yield f"{kind}[{number}].{name} has half of a character in it"


def _key(channel: SeedChannel) -> tuple[str, str]:
    return normal_email(channel.creator), channel.name


async def apply_seed(engine: Engine, seed: Seed) -> None:
    """Add what is missing.

    Raises:
        ConfigError: If a channel names somebody who has no account; nothing has changed then.
    """
    unknown = next(_unknown_people(engine.state, seed), None)
    if unknown is not None:
        raise ConfigError(f"the seed is wrong: {unknown} has no account; add it to people")
    new_people: set[str] = set()
    for person in seed.people:
        if engine.state.account_by_email(person.email) is None:
            new_people.add(await _create_account(engine, person))
    known = {
        (channel.creator, channel.name): channel.channel_id
        for channel in engine.state.channels.values()
    }
    for channel in seed.channels:
        creator = _account(engine.state, channel.creator).user_id
        channel_id = known.get((creator, channel.name))
        is_new = channel_id is None
        if channel_id is None:
            made = await engine.run(create_channel, creator, channel.name, channel.description)
            channel_id = made["channel_id"]
        for email in channel.members:
            user_id = _account(engine.state, email).user_id
            # A channel that was there already gains new people only: others may have left it.
            if is_new or user_id in new_people:
                await engine.run(act, user_id, Action("join", channel_id))


async def _create_account(engine: Engine, person: SeedPerson) -> str:
    hashed = "" if person.password is None else await hash_password(person.password)
    given: tuple[Any, ...] = (person.email, hashed, person.name, person.avatar, person.description)
    return str(await engine.run(sign_up, *given))


def _unknown_people(state: State, seed: Seed) -> Iterator[str]:
    """Yield whoever a channel names that neither the seed nor the Platform has an account for."""
    people = {normal_email(person.email) for person in seed.people}
    for number, channel in enumerate(seed.channels):
        named = {f"channels[{number}].creator {channel.creator}": channel.creator} | {
            f"channels[{number}].members[{place}] {email}": email
            for place, email in enumerate(channel.members)
        }
        for where, email in named.items():
            if normal_email(email) not in people and state.account_by_email(email) is None:
                yield where


def _account(state: State, email: str) -> Account:
    return state.account(state.emails[normal_email(email)])
