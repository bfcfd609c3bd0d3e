"""What the Platform knows: accounts, tokens, channels, services, agents, groups.

Only `apply.py` changes a `State`; everybody else reads it. Messages are not in it: their
history lives in the store, so that memory does not grow with what people say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec

from moobius.local.model.refusal import Code, Refused, not_found

TokenKind = Literal["access", "refresh"]
ChannelType = Literal["dcs", "ccs"]

SERVICE = "service"
"""The literal that addresses the service alone (platform.md 1.3)."""


@dataclass
class Account:
    """A registered user; as a character it is known by its `user_id`."""

    user_id: str
    email: str
    password_hash: str = field(repr=False)
    name: str
    avatar: str = ""
    description: str = ""
    system_context: dict[str, Any] = field(default_factory=dict)
    confirmed: bool = True

    @property
    def profile(self) -> dict[str, Any]:
        """The account as a character (platform.md 2.5)."""
        return profile(self.user_id, self.name, self.avatar, self.description)


@dataclass
class Token:
    """A token somebody holds; the state knows its SHA-256 only.

    Attributes:
        family: Shared by a refresh token and the access tokens that came of it.
        expires: Milliseconds since the epoch.
    """

    user_id: str
    kind: TokenKind
    family: str
    expires: int


@dataclass
class Channel:
    """A chat room; `members` keeps the order in which they joined."""

    channel_id: str
    name: str
    description: str
    creator: str
    members: dict[str, int] = field(default_factory=dict)
    service_id: str = ""

    @property
    def type(self) -> ChannelType:
        """`ccs` when a service is bound, else `dcs` (platform.md 1.2)."""
        return "ccs" if self.service_id else "dcs"

    @property
    def size(self) -> int:
        """What it counts towards the text an account may have."""
        return text_size(self.name, self.description)


@dataclass
class Service:
    """A program slot of one account."""

    service_id: str
    owner: str
    description: str = ""
    channels: dict[str, None] = field(default_factory=dict)
    agents: dict[str, None] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """What it counts towards the text an account may have, its agents aside."""
        return text_size(self.description)


@dataclass
class Agent:
    """A fictitious character owned by a service."""

    character_id: str
    service_id: str
    name: str
    avatar: str
    description: str

    @property
    def profile(self) -> dict[str, Any]:
        """The agent as a character (platform.md 2.5)."""
        return profile(self.character_id, self.name, self.avatar, self.description)

    @property
    def size(self) -> int:
        """What it counts towards the text an account may have."""
        return text_size(self.name, self.avatar, self.description)


# By far the most numerous: small, quick to read back, and nothing to look for garbage in.
class Group(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An ordered list of characters with an id; the list never changes once made.

    Attributes:
        shared: Whether an equal list may be given the same id later.
        owner: The account it counts for; empty if the Platform made it for itself.
        passing: Whether it is no longer, or never was, kept on purpose: when an account has too
            many of these, the oldest are forgotten.
        channel_id: The channel whose members it lists, if the Platform made it for that.
        base: Another group whose characters come first, but for those `without` names.
        digest: Of the members it lists, so that it is used again when they are the same again.
    """

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

    @property
    def weight(self) -> int:
        """What it counts towards the groups an account may make: a long list is several."""
        letters = len(self.name) + sum(map(len, self.characters))
        return 1 + (letters + ID_OVERHEAD * len(self.characters)) // LETTERS_PER_GROUP


LETTERS_PER_GROUP = 1000
"""A list counts as one group more for each so many letters of its ids and its name; 19 UUIDs have
as many."""

ID_OVERHEAD = 16
"""Letters that each id counts besides its own."""

THING_OVERHEAD = 256
"""Bytes that each channel, service and agent counts besides its texts."""


@dataclass(frozen=True)
class Project:
    """The service and the channel that a program with the Platform `"local"` was given."""

    owner: str
    project: str
    service: str
    service_id: str
    channel_id: str


UserInChannel = tuple[str, str]
K = TypeVar("K")


@dataclass
class State:
    """Everything the rules decide by."""

    accounts: dict[str, Account] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict, repr=False)
    channels: dict[str, Channel] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    projects: dict[tuple[str, str, str], Project] = field(default_factory=dict)
    # Indexes over the above; `apply` keeps them in step.
    memberships: dict[str, dict[str, None]] = field(default_factory=dict)
    shared_groups: dict[tuple[str, ...], str] = field(default_factory=dict)
    group_counts: dict[str, int] = field(default_factory=dict)
    passing_counts: dict[str, int] = field(default_factory=dict)
    member_groups: dict[str, str] = field(default_factory=dict)
    families: dict[str, dict[str, None]] = field(default_factory=dict, repr=False)
    logins: dict[str, dict[str, None]] = field(default_factory=dict, repr=False)
    created_channels: dict[str, int] = field(default_factory=dict)
    owned_services: dict[str, dict[str, None]] = field(default_factory=dict)
    grouped_channels: dict[str, dict[str, None]] = field(default_factory=dict)
    by_size: dict[int, dict[str, None]] = field(default_factory=dict)
    texts: dict[str, int] = field(default_factory=dict)
    member_lists: dict[str, dict[str, str]] = field(default_factory=dict)
    channel_groups: dict[UserInChannel, dict[str, None]] = field(default_factory=dict)
    temp_groups: dict[UserInChannel, str] = field(default_factory=dict)
    shown: dict[UserInChannel, str] = field(default_factory=dict)

    def account(self, user_id: str) -> Account:
        """Return an account, or refuse a caller that is no longer there."""
        account = self.accounts.get(user_id)
        if account is None:
            raise Refused(Code.NOT_AUTHENTICATED, "Invalid access_token")
        return account

    def account_by_email(self, email: str) -> Account | None:
        """Return the account signed up with `email`, however it is capitalised."""
        return self.accounts.get(self.emails.get(normal_email(email), ""))

    def channel(self, channel_id: str) -> Channel:
        """Return a channel, or refuse."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise not_found("Channel not found")
        return channel

    def group(self, group_id: str) -> Group | None:
        """Return a group with the whole of its list, or None if there is none of that id."""
        group = self.groups.get(group_id)
        if group is None or not group.base:
            return group
        characters: dict[str, None] = {}
        for step in reversed(self.lineage(group)):
            for each in step.without:
                del characters[each]
            characters.update(dict.fromkeys(step.characters))
        return msgspec.structs.replace(group, characters=tuple(characters), base="", without=())

    def lineage(self, group: Group) -> list[Group]:
        """List a group and those it is based on, back to one that has a whole list."""
        lineage = [group]
        while lineage[-1].base:
            lineage.append(self.groups[lineage[-1].base])
        return lineage

    def owned_service(self, caller: str, service_id: str) -> Service:
        """Return a service of the caller's account, or refuse."""
        service = self.services.get(service_id)
        if service is None or service.owner != caller:
            raise not_found("Service not found for this access_token")
        return service

    def character_profile(self, character_id: str) -> dict[str, Any] | None:
        """Return the profile of a member or an agent; clients are not told which of them it is."""
        character = self.accounts.get(character_id) or self.agents.get(character_id)
        return None if character is None else character.profile


def index(state: State) -> None:
    """Make all `INDEXES` of a state anew from its other fields."""
    for name, made_from in INDEXES.items():
        setattr(state, name, made_from(state))


def _emails(state: State) -> dict[str, str]:
    return {normal_email(each.email): each.user_id for each in state.accounts.values()}


def _shared_groups(state: State) -> dict[tuple[str, ...], str]:
    return {each.characters: each.group_id for each in state.groups.values() if each.shared}


def _group_counts(state: State, passing: bool = False) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for each in state.groups.values():
        if each.owner in state.accounts and each.passing is passing:
            counts[each.owner] += each.weight
    return dict(counts)


def _passing_counts(state: State) -> dict[str, int]:
    return _group_counts(state, passing=True)


def _member_groups(state: State) -> dict[str, str]:
    return {each.channel_id: each.group_id for each in state.groups.values() if each.channel_id}


def _families(state: State) -> dict[str, dict[str, None]]:
    return _sets((token.family, digest) for digest, token in state.tokens.items())


def _logins(state: State) -> dict[str, dict[str, None]]:
    return _sets((token.user_id, token.family) for token in state.tokens.values())


def _created_channels(state: State) -> dict[str, int]:
    return dict(Counter(each.creator for each in state.channels.values()))


def _owned_services(state: State) -> dict[str, dict[str, None]]:
    return _sets((each.owner, each.service_id) for each in state.services.values())


def _grouped_channels(state: State) -> dict[str, dict[str, None]]:
    return _sets(state.channel_groups)


def _by_size(state: State) -> dict[int, dict[str, None]]:
    return _sets((len(each.members), each.channel_id) for each in state.channels.values())


def _texts(state: State) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    for channel in state.channels.values():
        sizes[channel.creator] += channel.size
    for service in state.services.values():
        sizes[service.owner] += service.size
    for agent in state.agents.values():
        sizes[state.services[agent.service_id].owner] += agent.size
    return {owner: size for owner, size in sizes.items() if owner in state.accounts}


def _member_lists(state: State) -> dict[str, dict[str, str]]:
    lists: dict[str, dict[str, str]] = {}
    for each in state.groups.values():
        if each.channel_id:
            lists.setdefault(each.channel_id, {})[member_list_key(each)] = each.group_id
    return lists


def member_list_key(group: Group) -> str:
    """Return the key of a list of members among those of its channel: its digest.

    Lists from before there were digests are never found again, but they count all the same.
    """
    return group.digest or group.group_id


def _sets(pairs: Iterable[tuple[K, str]]) -> dict[K, dict[str, None]]:
    """Gather the values of each key in an ordered set, in the order of the pairs."""
    sets: dict[K, dict[str, None]] = {}
    for key, value in pairs:
        sets.setdefault(key, {})[value] = None
    return sets


INDEXES: Mapping[str, Callable[[State], dict[Any, Any]]] = {
    "emails": _emails,
    "shared_groups": _shared_groups,
    "group_counts": _group_counts,
    "passing_counts": _passing_counts,
    "member_groups": _member_groups,
    "families": _families,
    "logins": _logins,
    "created_channels": _created_channels,
    "owned_services": _owned_services,
    "grouped_channels": _grouped_channels,
    "by_size": _by_size,
    "texts": _texts,
    "member_lists": _member_lists,
}
"""The fields of a `State` that need not be written down, and how to make them from the others."""


def profile(character_id: str, name: str, avatar: str, description: str) -> dict[str, Any]:
    """Build a profile object as the wire has it (platform.md 2.5)."""
    context = {"name": name, "avatar": avatar, "description": description}
    return {"character_id": character_id, "character_context": context}


def text_size(*texts: str) -> int:
    """Return how many bytes a channel, service or agent with these texts counts for its account."""
    return THING_OVERHEAD + sum(len(each.encode(errors="replace")) for each in texts)


def normal_email(email: str) -> str:
    """Return the form under which an e-mail address is unique."""
    return email.strip().casefold()
