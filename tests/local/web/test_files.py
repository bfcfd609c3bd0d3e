"""Endpoints 36 to 39: forms, uploads, downloads."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.support.wire import Person, wire_to


async def _form(person: Person, extension: str) -> dict[str, Any]:
    form: dict[str, Any] = await person.get("/file/upload", extension=extension)
    return form


async def _upload(person: Person, form: dict[str, Any], content: bytes) -> tuple[int, str]:
    parts = aiohttp.FormData(form["fields"])
    parts.add_field("file", content, filename="file", content_type="application/octet-stream")
    async with person.wire.session.post(form["url"], data=parts) as response:
        return response.status, await response.text()


async def test_2_9_a_file_makes_the_round_trip(ada: Person) -> None:
    content = bytes(range(256)) * 4096
    form = await _form(ada, "15.05 PM.png")
    assert form["url"].endswith("/")
    assert form["fields"]["key"].endswith(".15.05 PM.png")
    assert all(isinstance(each, str) for each in form["fields"].values())
    assert await _upload(ada, form, content) == (204, "")
    address = form["url"] + form["fields"]["key"]
    async with ada.wire.session.get(address) as response:
        assert response.status == 200
        assert response.content_type == "image/png"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Content-Disposition" not in response.headers
        assert await response.read() == content
    async with ada.wire.session.head(address, allow_redirects=False) as response:
        assert response.status == 200
        assert response.headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize("extension", ["html", "svg", "xml", "xhtml", "x.htm"])
async def test_2_9_active_types_are_attachments(ada: Person, extension: str) -> None:
    form = await _form(ada, extension)
    await _upload(ada, form, b"<script>alert(1)</script>")
    async with ada.wire.session.get(form["url"] + form["fields"]["key"]) as response:
        assert response.status == 200
        assert response.headers["Content-Disposition"] == "attachment"
        assert "sandbox" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("extension", ["../../etc/passwd", "a/b\\c", "..", "%2e%2e", "x" * 500, ""])
async def test_2_9_no_extension_leads_out_of_the_directory(ada: Person, extension: str) -> None:
    form = await _form(ada, extension)
    key = form["fields"]["key"]
    assert not set(key) & set("/\\%")
    assert len(key.encode()) < 200
    assert (await _upload(ada, form, b"x"))[0] == 204
    async with ada.wire.session.get(form["url"] + key) as response:
        assert await response.read() == b"x"


async def test_2_9_a_form_is_good_once_and_for_its_key(ada: Person) -> None:
    form = await _form(ada, "txt")
    forged = {**form, "fields": {**form["fields"], "signature": "wrong"}}
    _, text = await _upload(ada, forged, b"x")
    assert "10003" in text
    assert (await _upload(ada, form, b"mine"))[0] == 204
    status, text = await _upload(ada, form, b"yours")
    assert (status, "10003" in text) == (200, True)
    async with ada.wire.session.get(form["url"] + form["fields"]["key"]) as response:
        assert await response.read() == b"mine"


async def test_2_9_forms_are_for_those_who_logged_in(ada: Person) -> None:
    reply = await ada.wire.call("GET", "/file/upload", query={"extension": "png"})
    assert reply["code"] == 10005


@pytest.mark.parametrize("key", ["missing.png", "..%2f..%2fetc%2fpasswd", ".upload-x", ""])
async def test_2_9_what_is_not_there_is_404(ada: Person, key: str) -> None:
    async with ada.wire.session.get(f"{ada.wire.url}/files/{key}") as response:
        assert response.status == 404


async def test_a_file_above_the_limit_is_refused_and_leaves_nothing() -> None:
    options = PlatformOptions(limits=Limits(file_bytes=1000))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.sign_up("ada")
        form = await _form(ada, "bin")
        _, text = await _upload(ada, form, b"x" * 1001)
        assert "may have 1000 bytes" in text
        async with wire.session.get(form["url"] + form["fields"]["key"]) as response:
            assert response.status == 404
