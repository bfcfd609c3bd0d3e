"""A seed adds what is missing, changes nothing that is there, and says where it is wrong."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from moobius.errors import ConfigError
from moobius.local import LocalPlatform, PlatformOptions
from tests.support.patience import PATIENCE
from tests.support.wire import Wire, data_of, wire_to

SEED: dict[str, Any] = {
    "people": [
        {"email": "Grace@example.org", "name": "Grace", "password": "hopper", "description": "d"},
        {"email": "linus@example.org"},
        {"email": "ada@example.org", "name": "Ada the First"},
    ],
    "channels": [
        {
            "name": "Tea room",
            "description": "hot drinks",
            "creator": "grace@example.org",
            "members": ["linus@example.org", "Ada@example.org", "linus@example.org"],
        },
        {"name": "Empty", "creator": "linus@example.org"},
    ],
}


def written(folder: Path, seed: Any) -> Path:
    file = folder / "seed.json"
    file.write_text(seed if isinstance(seed, str) else json.dumps(seed), encoding="utf-8")
    return file


def options(folder: Path, seed: Any, **more: Any) -> PlatformOptions:
    return PlatformOptions(data=folder / "data", seed=written(folder, seed), **more)


async def token_of(wire: Wire, email: str, password: str) -> str:
    body = {"username": email, "password": password}
    reply = data_of(await wire.call("POST", "/auth/sign_in", body=body))
    return str(reply["AuthenticationResult"]["AccessToken"])


async def be(wire: Wire, email: str) -> str:
    """Be one of the people without a password; return a token."""
    reply = data_of(await wire.call("POST", "/local/people/sign_in", body={"email": email}))
    return str(reply["AuthenticationResult"]["AccessToken"])


async def members_of(wire: Wire, token: str, channel: str) -> list[str]:
    """Return the names of a channel's members."""
    query = {"channel_id": channel}
    asked = await wire.call("GET", "/channel/character_list", query=query, token=token)
    body = {"character_list": data_of(asked)["character_list"]}
    found = await wire.call("POST", "/character/fetch_profile", body=body, token=token)
    return [each["character_context"]["name"] for each in data_of(found)]


async def channels_of(wire: Wire, token: str) -> dict[str, str]:
    found = data_of(await wire.call("GET", "/channel/list", token=token))
    return {each["channel_name"]: each["channel_id"] for each in found}


async def test_people_and_channels_are_there_from_the_start(tmp_path: Path) -> None:
    async with LocalPlatform(options(tmp_path, SEED)) as platform, wire_to(platform.url) as wire:
        grace = await token_of(wire, "grace@example.org", "hopper")
        assert [*await channels_of(wire, grace)] == ["Tea room"]
        tea_room = (await channels_of(wire, grace))["Tea room"]
        assert await members_of(wire, grace, tea_room) == ["Grace", "linus", "Ada the First"]
        linus = await be(wire, "linus@example.org")
        assert sorted(await channels_of(wire, linus)) == ["Empty", "Tea room"]
        people = data_of(await wire.call("GET", "/local/people"))
        names = [person["name"] for person in people]
        assert names == ["linus", "Ada the First", "Bob", "Cy", "Dee"], "Grace has a password"
        body = {"email": "grace@example.org"}
        assert (await wire.call("POST", "/local/people/sign_in", body=body))["code"] == 10002


async def test_a_second_start_changes_nothing_and_adds_what_is_new(tmp_path: Path) -> None:
    async with LocalPlatform(options(tmp_path, SEED)) as platform, wire_to(platform.url) as wire:
        grace = await token_of(wire, "grace@example.org", "hopper")
        before = await channels_of(wire, grace)
        body = {"name": "Admiral"}
        await wire.call("POST", "/user/info", body=body, token=grace)
        linus = await wire.socket()
        token = await be(wire, "linus@example.org")
        await linus.good(type="user_login", auth_origin="cognito", access_token=token)
        leave = {"subtype": "leave", "channel_id": before["Tea room"]}
        await linus.good(type="action", body=leave)
    more = json.loads(json.dumps(SEED))
    more["people"].append({"email": "zoe@example.org", "name": "Zoe"})
    more["people"][0]["password"] = "another"
    more["channels"][0]["members"].append("zoe@example.org")
    more["channels"].append({"name": "Garden", "creator": "grace@example.org"})
    for _ in range(2):
        async with LocalPlatform(options(tmp_path, more)) as platform:
            async with wire_to(platform.url) as wire:
                grace = await token_of(wire, "grace@example.org", "hopper")
                after = await channels_of(wire, grace)
                assert after["Tea room"] == before["Tea room"]
                assert set(after) == {"Tea room", "Garden"}
                members = await members_of(wire, grace, after["Tea room"])
                assert members == ["Admiral", "Ada the First", "Zoe"], "Linus has left"


async def test_without_developer_mode_everybody_needs_a_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"people\[1\]\.password is missing.*linus@example"):
        await LocalPlatform(options(tmp_path, SEED, developer=False)).start()
    alone = {"people": SEED["people"][:1]}
    async with LocalPlatform(options(tmp_path, alone, developer=False)) as platform:
        async with wire_to(platform.url) as wire:
            await token_of(wire, "grace@example.org", "hopper")


WRONG = [
    ("[1,", r"seed\.json is not JSON: Expecting value at line 1, column 4"),
    ('{\n"people": nobody}', r"not JSON: Expecting value at line 2, column 11"),
    ([], "is wrong: Expected `object`, got `array`"),
    ({"persons": []}, "contains unknown field `persons`"),
    ({"people": [{"name": "Ada"}]}, r"missing required field `email` - at `\$\.people\[0\]`"),
    ({"people": [{"email": ""}]}, r"length >= 1 - at `\$\.people\[0\]\.email`"),
    ({"people": [{"email": "a@x", "password": 7}]}, r"at `\$\.people\[0\]\.password`"),
    ({"people": [{"email": "a\nb"}]}, r"people\[0\]\.email is no e-mail address"),
    ({"people": [{"email": " "}]}, r"people\[0\]\.email is no e-mail address"),
    (
        {"people": [{"email": "a@x", "name": "\ud800"}]},
        r"people\[0\]\.name has half of a character in it",
    ),
    (
        {"channels": [{"name": "r", "creator": "a@x", "members": ["a@x", "\udfff"]}]},
        r"channels\[0\]\.members has half of a character in it",
    ),
    (
        {"people": [{"email": "a@x"}, {"email": "b@x"}, {"email": "A@X "}]},
        r"people\[2\]\.email is that of people\[0\] already",
    ),
    (
        {"channels": [{"name": "r", "creator": "e@x"}]},
        r"channels\[0\]\.creator e@x has no account; add it to people",
    ),
    (
        {
            "people": [{"email": "a@x"}],
            "channels": [{"name": "r", "creator": "a@x", "members": ["a@x", "z@x"]}],
        },
        r"channels\[0\]\.members\[1\] z@x has no account",
    ),
    (
        {
            "people": [{"email": "a@x"}],
            "channels": [{"name": "r", "creator": "a@x"}, {"name": "r", "creator": "A@x"}],
        },
        r"channels\[1\] has the creator and the name of channels\[0\]",
    ),
]


@pytest.mark.parametrize(("seed", "complaint"), WRONG)
async def test_what_is_wrong_is_said_and_nothing_is_changed(
    tmp_path: Path, seed: Any, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        await LocalPlatform(options(tmp_path, seed)).start()
    async with LocalPlatform(PlatformOptions(data=tmp_path / "data")) as platform:
        async with wire_to(platform.url) as wire:
            people = data_of(await wire.call("GET", "/local/people"))
    assert [person["name"] for person in people] == ["Ada", "Bob", "Cy", "Dee"]


async def test_a_seed_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "moobius", "platform", "--ephemeral", "--port", "0"),
        *("--seed", str(tmp_path / "nowhere.json")),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(program.communicate(), PATIENCE)
    assert program.returncode == 1
    (line,) = said.decode().splitlines()
    assert "cannot read the seed" in line
    assert "nowhere.json: No such file" in line


def test_no_password_gets_into_an_error(tmp_path: Path) -> None:
    from moobius.local.seed import read_seed

    person = {"email": "a@x", "password": "hunter2", "nickname": "A"}
    with pytest.raises(ConfigError) as wrong:
        read_seed(written(tmp_path, {"people": [person]}), developer_mode=True)
    assert "hunter2" not in str(wrong.value)


async def test_the_example_in_the_documents_works(tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "local-platform.md").read_text("utf-8")
    example = document.partition("moobius platform --seed")[2].split("```")[1].removeprefix("json")
    async with LocalPlatform(options(tmp_path, example)) as platform:
        async with wire_to(platform.url) as wire:
            grace = await token_of(wire, "grace@example.org", "a password of hers")
            (channel,) = (await channels_of(wire, grace)).values()
            assert await members_of(wire, grace, channel) == ["Grace", "linus"]
