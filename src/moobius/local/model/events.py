"""The events: the only things that change a `State`, and the rows of the journal.

An event is written once and has to be readable for ever. So a new field has a default, and a field
is never renamed. `encode` and `decode` are their form on disk.
"""

from __future__ import annotations

from typing import Any, Union

import msgspec

from moobius.local.model.state import TokenKind


class Event(msgspec.Struct, frozen=True, tag=True, tag_field="event"):
    """Something that happened."""


class AccountCreated(Event, frozen=True, tag=True):
    """Somebody signed up."""

    user_id: str
    email: str
    password_hash: str
    name: str
    avatar: str = ""
    description: str = ""
    confirmed: bool = True


class AccountConfirmed(Event, frozen=True, tag=True):
    """Somebody proved that the address of an account is theirs."""

    user_id: str


class ProfileChanged(Event, frozen=True, tag=True):
    """A user edited the profile; all three fields as they are now."""

    user_id: str
    name: str
    avatar: str
    description: str


class PasswordChanged(Event, frozen=True, tag=True):
    """An account has another password."""

    user_id: str
    password_hash: str


class AccountDeleted(Event, frozen=True, tag=True):
    """An account, its services and its memberships are gone."""

    user_id: str


class TokenIssued(Event, frozen=True, tag=True):
    """Somebody was given a token; `digest` is its SHA-256."""

    digest: str
    user_id: str
    kind: TokenKind
    family: str
    expires: int


class FamilyRevoked(Event, frozen=True, tag=True):
    """A login was ended: all tokens of its family are void."""

    family: str


class TokensExpired(Event, frozen=True, tag=True):
    """Tokens that had expired were forgotten; written by earlier versions."""

    before: int


class TokensDropped(Event, frozen=True, tag=True):
    """Tokens were forgotten: they had expired, or their login has too many."""

    digests: tuple[str, ...]


class ChannelCreated(Event, frozen=True, tag=True):
    """A channel exists; nobody is in it yet."""

    channel_id: str
    name: str
    description: str
    creator: str


class ChannelChanged(Event, frozen=True, tag=True):
    """A channel was renamed or described; both fields as they are now."""

    channel_id: str
    name: str
    description: str


class Joined(Event, frozen=True, tag=True):
    """A user became a member."""

    channel_id: str
    user_id: str
    at: int


class Left(Event, frozen=True, tag=True):
    """A member left a channel."""

    channel_id: str
    user_id: str


class ServiceCreated(Event, frozen=True, tag=True):
    """An account has one more service."""

    service_id: str
    owner: str
    description: str


class ServiceBound(Event, frozen=True, tag=True):
    """A service speaks in a channel from now on."""

    channel_id: str
    service_id: str


class ServiceUnbound(Event, frozen=True, tag=True):
    """A channel is a default one again."""

    channel_id: str
    service_id: str


class AgentSaved(Event, frozen=True, tag=True):
    """An agent was created, or looks like this now."""

    character_id: str
    service_id: str
    name: str
    avatar: str
    description: str


class GroupCreated(Event, frozen=True, tag=True, omit_defaults=True):
    """A list of characters has an id; the fields are those of `Group`."""

    group_id: str
    characters: tuple[str, ...]
    name: str = ""
    timestamp: int = 0
    shared: bool = False
    owner: str = ""
    passing: bool = False
    channel_id: str = ""
    base: str = ""
    without: tuple[str, ...] = ()
    digest: str = ""


class GroupListed(Event, frozen=True, tag=True):
    """A user's list in a channel has a group more, or has it in place of another (`replaces`)."""

    user_id: str
    channel_id: str
    group_id: str
    replaces: str = ""


class GroupUnlisted(Event, frozen=True, tag=True):
    """A user's list in a channel has a group less; its id stays valid."""

    user_id: str
    channel_id: str
    group_id: str


class GroupsForgotten(Event, frozen=True, tag=True):
    """The oldest passing groups, or lists of members, are gone; there were too many of them."""

    group_ids: tuple[str, ...]


class TempGroupSet(Event, frozen=True, tag=True):
    """The characters a user has ticked in a channel."""

    user_id: str
    channel_id: str
    group_id: str


class CharactersShown(Event, frozen=True, tag=True, omit_defaults=True):
    """A group of characters was shown to some members (platform.md 4.1).

    Attributes:
        everyone: To all members there were, so that a large channel need not name them each time.
    """

    channel_id: str
    group_id: str
    users: tuple[str, ...]
    everyone: bool = False


class ProjectOpened(Event, frozen=True, tag=True):
    """A program with the Platform `"local"` was given a service and a channel."""

    owner: str
    project: str
    service: str
    service_id: str
    channel_id: str


class MessageStored(Event, frozen=True, tag=True):
    """A message entered the histories of `owners`; a record of the store, not of the state."""

    owners: tuple[str, ...]
    channel_id: str
    message_id: str
    timestamp: int
    message: dict[str, Any]


class RequestDone(Event, frozen=True, tag=True):
    """A request was carried out, and is not to be carried out again.

    Attributes:
        digest: Of what was asked; empty in journals from before there were digests.
    """

    identity: str
    request_id: str
    digest: str = ""


AnyEvent = Union[  # noqa: UP007 - msgspec reads it, and Python 3.10 has no other form for a tuple
    AccountCreated,
    AccountConfirmed,
    ProfileChanged,
    PasswordChanged,
    AccountDeleted,
    TokenIssued,
    FamilyRevoked,
    TokensExpired,
    TokensDropped,
    ChannelCreated,
    ChannelChanged,
    Joined,
    Left,
    ServiceCreated,
    ServiceBound,
    ServiceUnbound,
    AgentSaved,
    GroupCreated,
    GroupListed,
    GroupUnlisted,
    GroupsForgotten,
    TempGroupSet,
    CharactersShown,
    ProjectOpened,
    MessageStored,
    RequestDone,
]

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(AnyEvent).decode
