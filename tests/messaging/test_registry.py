"""The decorators of seed 004."""

from __future__ import annotations

import pytest

from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.registry import message_callback, request_callback


def test_decorated_functions_are_registered_and_stay_what_they_are() -> None:
    def test_command(client: ConnectionManager) -> str:
        """Do it."""
        return "done"

    for decorator, registry in (
        (message_callback, ConnectionManager.messages_callbacks),
        (request_callback, ConnectionManager.requests_callbacks),
    ):
        decorated = decorator("test_command")(test_command)
        assert registry["test_command"] is test_command
        assert (decorated.__name__, decorated.__doc__) == ("test_command", "Do it.")
        assert decorated(ConnectionManager()) == "done"


def test_a_second_registration_replaces_the_first() -> None:
    message_callback("x")(print)
    message_callback("x")(repr)
    assert ConnectionManager.messages_callbacks == {"x": repr}
    assert ConnectionManager.requests_callbacks == {}


def test_subclasses_share_the_registry() -> None:
    class Mine(ConnectionManager):
        pass

    assert Mine.messages_callbacks is ConnectionManager.messages_callbacks


@pytest.mark.parametrize("decorator", [message_callback, request_callback])
def test_the_reserved_name_is_refused(decorator: object) -> None:
    with pytest.raises(ValueError, match="reserved"):
        decorator("filetransfer")  # type: ignore[operator]
