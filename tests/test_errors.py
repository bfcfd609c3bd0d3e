"""One tree of errors: what can be caught as what, what they say, and that they survive pickle."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from moobius import errors

# Error -> what it may also be caught as.
TREE: dict[str, tuple[type[BaseException], ...]] = {
    "MoobiusError": (Exception,),
    "ConfigError": (errors.MoobiusError,),
    "ValidationError": (errors.ConfigError, ValueError),
    "MissingFile": (errors.MoobiusError, FileNotFoundError),
    "FileInTheWay": (errors.MoobiusError, FileExistsError),
    "PayloadError": (errors.MoobiusError,),
    "FrameTooLarge": (errors.PayloadError,),
    "StorageError": (errors.MoobiusError,),
    "BrokenRecord": (errors.StorageError,),
    "EditConflict": (errors.StorageError,),
    "UnstorableError": (errors.StorageError, TypeError),
    "UnknownType": (errors.UnstorableError,),
    "WrongMode": (errors.MoobiusError,),
    "WandError": (errors.MoobiusError,),
    "MessagingError": (errors.MoobiusError,),
    "ProtocolError": (errors.MessagingError, ValueError),
    "NotAuthentic": (errors.ProtocolError,),
    "Unsendable": (errors.MessagingError, ValueError),
    "QueueFull": (errors.MessagingError, OSError),
    "TooManyRequests": (errors.MessagingError, RuntimeError),
    "RequestTimeout": (errors.MessagingError, TimeoutError),
    "RequestFailed": (errors.MessagingError,),
    "FileRefused": (errors.MessagingError, OSError),
    "PeerLost": (errors.MessagingError, ConnectionError),
    "PeerClosed": (errors.PeerLost, RuntimeError),
    "ConnectTimeout": (errors.PeerLost, TimeoutError),
    "PlatformError": (errors.MoobiusError,),
    "TransportError": (errors.PlatformError,),
    "LoginRefused": (errors.PlatformError,),
    "BadResponseException": (errors.PlatformError,),
    "Unauthorized": (errors.BadResponseException,),
}

PLAIN = [
    errors.MoobiusError,
    errors.ConfigError,
    errors.MissingFile,
    errors.FileInTheWay,
    errors.PayloadError,
    errors.StorageError,
    errors.BrokenRecord,
    errors.EditConflict,
    errors.UnstorableError,
    errors.UnknownType,
    errors.WrongMode,
    errors.WandError,
    errors.MessagingError,
    errors.ProtocolError,
    errors.NotAuthentic,
    errors.Unsendable,
    errors.QueueFull,
    errors.TooManyRequests,
    errors.RequestTimeout,
    errors.FileRefused,
    errors.PeerLost,
    errors.PeerClosed,
    errors.ConnectTimeout,
]

# One of every kind, and what it says to a person.
SAID: list[tuple[errors.MoobiusError, str]] = [
    *((kind("the file is gone"), "the file is gone") for kind in PLAIN),
    (errors.RequestFailed("no such request", kind="unknown"), "no such request"),
    (
        errors.ValidationError({}, [("SERVER.port", "too small"), ("id", "is missing")]),
        "SERVER.port: too small; id: is missing",
    ),
    (
        errors.FrameTooLarge(200, 100),
        "frame of 200 bytes not sent: the limit is 100 bytes; "
        "send less at a time, or upload a file and send its URL",
    ),
    (
        errors.FrameTooLarge(200, 100, "message_down"),
        "message_down of 200 bytes not sent: the limit is 100 bytes; "
        "send less at a time, or upload a file and send its URL",
    ),
    (errors.PlatformError("broken", endpoint="GET /x"), "GET /x: broken"),
    (errors.TransportError("timed out", endpoint="GET /x"), "GET /x: timed out"),
    (errors.LoginRefused("no such token", endpoint="login"), "login: no such token"),
    (
        errors.BadResponseException("no such channel", endpoint="GET /x", code=10001),
        "GET /x: no such channel (code 10001)",
    ),
    (
        errors.Unauthorized("token expired", endpoint="GET /x", code=10005),
        "GET /x: token expired (code 10005)",
    ),
]


def test_the_tree_is_complete_and_as_drawn() -> None:
    found = {
        name: value.__bases__
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert found == TREE
    drawn = [
        line.split("──")[1].split()[0] for line in str(errors.__doc__).splitlines() if "──" in line
    ]
    assert ["MoobiusError", *drawn] == list(TREE)


def test_every_error_is_in_the_list_below() -> None:
    assert {type(error).__name__ for error, _ in SAID} == TREE.keys()


@pytest.mark.parametrize(("error", "said"), SAID, ids=lambda value: type(value).__name__)
def test_what_it_says(error: errors.MoobiusError, said: str) -> None:
    assert str(error) == said


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(("error", "said"), SAID, ids=lambda value: type(value).__name__)
def test_it_survives_pickle(error: errors.MoobiusError, said: str, protocol: int) -> None:
    for again in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == said
        assert again.args == error.args
        assert vars(again) == vars(error)


def test_the_facts_they_carry() -> None:
    too_large = errors.FrameTooLarge(200, 100, "update")
    assert (too_large.size, too_large.limit, too_large.what) == (200, 100, "update")
    refused = errors.Unauthorized("expired", endpoint="GET /x", code=10005)
    assert (refused.reason, refused.endpoint, refused.code) == ("expired", "GET /x", 10005)
