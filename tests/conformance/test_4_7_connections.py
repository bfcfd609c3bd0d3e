"""Section 4.7: several connections of one service, one user, one account."""

from __future__ import annotations

from tests.conformance.literal import action, body_of, message_down, message_up, say, tell
from tests.local.conftest import Room


async def test_4_7_the_latest_login_of_a_service_receives(room: Room) -> None:
    newer = await room.ada.service_socket(room.service_id)
    await say(room)
    assert (await newer.next())["type"] == "message_up"
    await room.bound.nothing()


async def test_4_7_older_connections_of_a_service_may_still_send(room: Room) -> None:
    await room.ada.service_socket(room.service_id)
    await tell(room, [room.bob.user_id])
    assert (await body_of(room.bob_socket))["sender"] == "OWL"


async def test_4_7_when_the_newest_closes_the_next_older_receives(room: Room) -> None:
    second = await room.ada.service_socket(room.service_id)
    third = await room.ada.service_socket(room.service_id)
    for newest, next_older in ((third, second), (second, room.bound)):
        await newest.close()
        await say(room)
        assert (await next_older.next())["type"] == "message_up"
    await room.bound.nothing()


async def test_4_7_one_connection_may_log_in_several_services(room: Room) -> None:
    there = await room.ada.channel("There")
    second = await room.ada.bound_service(there)
    login = {"type": "service_login", "access_token": room.ada.token}
    await room.bound.good(**login, service_id=second)
    await say(room)
    body = message_up(room, channel_id=there)
    await room.ada_socket.good(type="message_up", body=body)
    found = [(await body_of(room.bound))["channel_id"] for _ in range(2)]
    assert found == [room.channel, there]


async def test_4_7_all_connections_of_a_user_receive_and_one_is_answered(room: Room) -> None:
    second = await room.bob.user_socket()
    await tell(room, [room.bob.user_id])
    assert await second.next() == await room.bob_socket.next()
    await second.close()
    await tell(room, [room.bob.user_id])
    assert (await room.bob_socket.next())["type"] == "message_down"


async def test_4_7_the_roles_of_one_account_are_separate(room: Room) -> None:
    # Ada is a member, and her account owns the service.
    await room.ada_socket.good(type="message_up", body=message_up(room))
    assert (await body_of(room.bound))["sender"] == room.ada.user_id
    await room.ada_socket.nothing()
    await tell(room, [room.ada.user_id])
    assert (await room.ada_socket.next())["type"] == "message_down"
    await room.bound.nothing()


async def test_4_7_a_connection_with_both_logins_has_both_roles(room: Room) -> None:
    both = await room.ada.service_socket(room.service_id)
    await both.good(type="user_login", access_token=room.ada.token)
    await both.good(type="message_up", body=message_up(room))
    assert (await both.next())["type"] == "message_up"
    body = message_down(room, [room.ada.user_id])
    await both.good(type="message_down", service_id=room.service_id, body=body)
    assert (await both.next())["type"] == "message_down"


async def test_4_7_each_connection_has_a_focus_of_its_own(room: Room) -> None:
    second = await room.bob.channel("Second")
    other = await room.bob.user_socket()
    await other.good(type="action", body=action(room, "refresh", channel_id=second))
    await room.bob_socket.good(type="action", body=action(room, "refresh"))
    await room.bound.next()
    js = {"subtype": "text", "content": {"text": "hi"}, "channel_id": "", "recipients": ""}
    await room.bob_socket.good(type="message_up", body=js)
    assert (await body_of(room.bound))["channel_id"] == room.channel
    await other.good(type="message_up", body=js)
    await room.bound.nothing()
