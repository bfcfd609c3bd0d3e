"""Endpoints on the own account, and on characters of all kinds (platform.md 2.4, 2.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from moobius.network import replies
from moobius.network.http_request import ATTEMPTS, Requester
from moobius.network.replies import field
from moobius.types import (
    Character,
    Characters,
    UserInfo,
    assert_strs,
    from_dict,
    to_char_id_list,
)


class AccountEndpoints(Requester):
    """Signing up and out, the own account, profiles, agents."""

    # ---- The account ----------------------------------------------------------------------

    async def sign_up(self) -> tuple[str, str]:
        """Make a new account and sign in to it; return (access token, refresh token)."""
        await self.request_sign_up_code()
        return await self.authenticate()

    async def sign_out(self) -> None:
        """End the tokens' validity."""
        body = {"access_token": self.access_token}
        await self._send("POST", "/auth/sign_out", json=body, headers=self.headers)

    async def request_sign_up_code(self) -> None:
        """Ask for a new account; a Platform that checks addresses sends a code by mail."""
        await self._auth("sign_up", password=self.password)

    async def request_sign_up_code_again(self) -> None:
        """Ask for another code, when the first has not arrived."""
        await self._auth("resend_confirmation")

    async def sign_up_with_code(self, the_code: str) -> None:
        """Confirm the new account with the code from the mail."""
        assert_strs(the_code)
        await self._auth("confirm_sign_up", confirmation_code=the_code)

    async def request_password_reset_code(self) -> None:
        """Ask for a code with which the password can be changed."""
        await self._auth("forgot_password")

    async def reset_password_with_code(self, the_code: str) -> None:
        """Make `password` the account's password, with the code from the mail."""
        assert_strs(the_code)
        await self._auth(
            "confirm_reset_password", password=self.password, confirmation_code=the_code
        )

    async def delete_account(self) -> None:
        """Delete the account with all it has; this cannot be undone."""
        await self._auth("delete_account", password=self.password)

    async def _auth(self, what: str, **body: str) -> None:
        await self._send("POST", f"/auth/{what}", json={"username": self.username, **body})

    async def fetch_user_info(self, include_sub: bool = False) -> UserInfo:
        """Return the own account.

        Args:
            include_sub: Give the result the attribute `sub`, the id at the sign-in provider.
        """
        data = await self._get("/user/info")
        if not isinstance(data, dict):
            raise replies.wrong_shape("the reply is no object", "GET /user/info")
        context = data.get("context")
        known = {**(context if isinstance(context, dict) else {}), **data}
        info = from_dict(UserInfo, {"user_id": data.get("sub"), **_without_nones(known)})
        if include_sub:
            info.sub = data.get("sub") or info.user_id  # type: ignore[attr-defined]
        return info

    async def update_current_user(self, avatar: str, description: str, name: str) -> Any:
        """Change what the own account looks like; `avatar` is a URL."""
        assert_strs(avatar, description, name)
        body = {"avatar": avatar, "description": description, "name": name}
        return await self._post("/user/info", body)

    # ---- Characters -----------------------------------------------------------------------

    # A str is an Iterable too; the first overload wins, as it does at run time.
    @overload
    async def fetch_character_profile(  # type: ignore[overload-overlap]
        self, character: str | Character
    ) -> Character: ...
    @overload
    async def fetch_character_profile(self, character: Characters) -> list[Character]: ...

    async def fetch_character_profile(self, character: Characters) -> Character | list[Character]:
        """Return the profile of one character, or those of a list, in its order.

        Raises:
            BadResponseException: If one of them does not exist.
        """
        single = isinstance(character, (str, Character))
        ids = to_char_id_list(character)
        found = await self._profiles(ids)
        if missing := [character_id for character_id in ids if character_id not in found]:
            raise replies.wrong_shape(
                f"no such character: {', '.join(missing)}", "POST /character/fetch_profile"
            )
        profiles = [found[character_id] for character_id in ids]
        return profiles[0] if single else profiles

    async def known_characters(self, ids: list[str]) -> list[Character]:
        """Return the profiles of those ids that exist, in their order."""
        found = await self._profiles(ids)
        return [found[character_id] for character_id in ids if character_id in found]

    async def _profiles(self, ids: list[str]) -> dict[str, Character]:
        if not ids:
            return {}
        assert_strs(*ids)
        path = "/character/fetch_profile"
        data = await self._post(path, {"character_list": ids}, attempts=ATTEMPTS)
        return {one.character_id: one for one in replies.characters(data, f"POST {path}")}

    async def fetch_agents(self, service_id: str) -> list[Character]:
        """Return the agents of a service."""
        assert_strs(service_id)
        path = "/service/character/list"
        return replies.characters(await self._get(path, service_id=service_id), f"GET {path}")

    async def create_agent(
        self, service_id: str, name: str, avatar: str, description: str
    ) -> Character:
        """Create an agent; `avatar` is a URL."""
        assert_strs(service_id, name, avatar, description)
        context = {"name": name, "avatar": avatar, "description": description}
        path = "/service/character/create"
        data = await self._post(path, {"service_id": service_id, "context": context})
        field(data, "character_id", f"POST {path}")
        return replies.character(data)

    async def update_agent(
        self, service_id: str, character: str | Character, avatar: str, description: str, name: str
    ) -> Any:
        """Change what an agent looks like; its id stays."""
        if not isinstance(character, (str, Character)):
            raise TypeError(f"expected one id or Character to update, not {character!r}")
        [character_id] = to_char_id_list(character)
        assert_strs(service_id, character_id, avatar, description, name)
        return await self._post(
            "/service/character/update",
            {
                "service_id": service_id,
                "character_id": character_id,
                "context": {"avatar": avatar, "description": description, "name": name},
            },
        )


def _without_nones(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not None}
