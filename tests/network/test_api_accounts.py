"""The own account and characters: on the real Platform, and what is sent to another."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.errors import BadResponseException, LoginRefused, Unauthorized
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.types import Character
from tests.support.web import Answer, envelope, web_server

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_account_from_its_beginning_to_its_end(account: HTTPAPIWrapper) -> None:
    api = HTTPAPIWrapper(account.http_server_uri, "novice@example.net", "novice")
    access, refresh = await api.sign_up()
    assert (access, refresh) == (api.access_token, api.refresh_token)
    assert (await api.fetch_user_info()).email == "novice@example.net"
    with pytest.raises(BadResponseException, match="exists"):
        await api.request_sign_up_code()
    await api.delete_account()
    with pytest.raises(LoginRefused):
        await api.authenticate()
    await api.close()


async def test_signing_out_ends_the_token(api: HTTPAPIWrapper) -> None:
    api.password = ""  # so that nothing renews it
    await api.sign_out()
    api.refresh_token = ""
    with pytest.raises(Unauthorized):
        await api.fetch_user_info()


async def test_codes_by_mail_have_their_endpoints() -> None:
    async with web_server(envelope({})) as script:
        api = HTTPAPIWrapper(script.url, "a@b", "sesame")
        await api.request_sign_up_code()
        await api.request_sign_up_code_again()
        await api.sign_up_with_code("123456")
        await api.request_password_reset_code()
        await api.reset_password_with_code("654321")
        await api.delete_account()
        who, secret = {"username": "a@b"}, {"password": "sesame"}
        assert [(one.path, one.json) for one in script.asked] == [
            ("/auth/sign_up", {**who, **secret}),
            ("/auth/resend_confirmation", who),
            ("/auth/confirm_sign_up", {**who, "confirmation_code": "123456"}),
            ("/auth/forgot_password", who),
            (
                "/auth/confirm_reset_password",
                {**who, **secret, "confirmation_code": "654321"},
            ),
            ("/auth/delete_account", {**who, **secret}),
        ]
        await api.close()


async def test_codes_are_texts(account: HTTPAPIWrapper) -> None:
    with pytest.raises(TypeError, match="123"):
        await account.sign_up_with_code(123)  # type: ignore[arg-type]


async def test_the_own_account_can_be_changed(api: HTTPAPIWrapper) -> None:
    await api.update_current_user("https://example.org/x.png", "likes tea", "Ada")
    info = await api.fetch_user_info()
    assert (info.name, info.description, info.avatar) == (
        "Ada",
        "likes tea",
        "https://example.org/x.png",
    )
    with pytest.raises(TypeError):
        await api.update_current_user(None, "x", "Ada")  # type: ignore[arg-type]


async def test_the_id_at_the_provider_is_there_on_request(api: HTTPAPIWrapper) -> None:
    info = await api.fetch_user_info(include_sub=True)
    assert info.sub == info.user_id  # type: ignore[attr-defined]


@pytest.mark.defect("D58")
@pytest.mark.parametrize(
    "data",
    [{"user_id": "ADA"}, {"sub": "ADA", "context": None}, {"user_id": "ADA", "context": {}}],
)
async def test_an_account_may_lack_anything_but_its_id(data: dict[str, Any]) -> None:
    async with web_server(envelope(data)) as script:
        api = HTTPAPIWrapper(script.url)
        info = await api.fetch_user_info()
        assert (info.user_id, info.name, info.avatar, info.email) == ("ADA", "", "", "")
        await api.close()


@pytest.mark.defect("D58")
async def test_profiles_come_in_the_order_asked_for(api: HTTPAPIWrapper) -> None:
    service = await api.create_service("mine")
    owl = await api.create_agent(service, "Owl", "https://example.org/owl.png", "wise")
    ada = (await api.fetch_user_info()).user_id
    profiles = await api.fetch_character_profile([owl, ada, owl.character_id])
    assert [one.character_id for one in profiles] == [owl.character_id, ada, owl.character_id]
    one = await api.fetch_character_profile(owl)
    assert isinstance(one, Character) and (one.name, one.description) == ("Owl", "wise")
    assert await api.fetch_agents(service) == [one]


@pytest.mark.defect("D58")
async def test_an_unknown_character_is_named(api: HTTPAPIWrapper) -> None:
    with pytest.raises(BadResponseException, match="nobody-1"):
        await api.fetch_character_profile("nobody-1")
    ada = (await api.fetch_user_info()).user_id
    with pytest.raises(BadResponseException, match="nobody-2"):
        await api.fetch_character_profile([ada, "nobody-2"])
    assert [c.character_id for c in await api.known_characters(["nobody-1", ada])] == [ada]


@pytest.mark.defect("D58")
async def test_nobody_is_known_without_asking() -> None:
    async with web_server(Answer("never asked", 500)) as script:
        api = HTTPAPIWrapper(script.url)
        assert await api.fetch_character_profile([]) == []
        assert await api.fetch_character_profile(()) == []
        assert await api.known_characters([]) == []
        assert script.asked == []


async def test_an_agent_changes_and_keeps_its_id(api: HTTPAPIWrapper) -> None:
    service = await api.create_service("mine")
    owl = await api.create_agent(service, "Owl", "", "")
    await api.update_agent(service, owl, "https://example.org/x.png", "asleep", "Night owl")
    (after,) = await api.fetch_agents(service)
    assert (after.character_id, after.name) == (owl.character_id, "Night owl")
    with pytest.raises(TypeError, match="one id or Character"):
        await api.update_agent(service, [owl], "", "", "")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [None, 7, ["SVC"]])
async def test_wrong_arguments_are_told_before_any_request(wrong: Any) -> None:
    async with web_server(Answer("never asked", 500)) as script:
        api = HTTPAPIWrapper(script.url)
        for asking in (
            api.fetch_agents(wrong),
            api.create_agent("SVC", "Owl", wrong, ""),
            api.create_service(wrong),
            api.bind_service_to_channel("SVC", wrong),
            api.unbind_service_from_channel(wrong, "CH"),
            api.create_channel(wrong, ""),
            api.update_channel("CH", "Tea", wrong),
            api.fetch_member_ids(wrong, "SVC"),
            api.fetch_message_history(wrong),
            api.create_channel_group("CH", wrong, []),
            api.character_ids_of_service_group(wrong),
            api.fetch_channel_group_list("CH", wrong),
            api.fetch_channel_service_id(wrong),
            api.download_size(wrong),
        ):
            with pytest.raises(TypeError, match="must be a string"):
                await asking
        assert script.asked == []
