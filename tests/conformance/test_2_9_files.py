"""Section 2.9: forms, uploads, downloads."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from tests.support.raw_http import ask
from tests.support.uploads import form_for, upload
from tests.support.wire import Person, wire_to

CONTENT = bytes(range(256)) * 4096


async def test_2_9_a_form_is_a_url_with_a_slash_at_the_end_and_fields_that_are_texts(
    ada: Person,
) -> None:
    form = await form_for(ada, "png")
    assert set(form) == {"url", "fields"}
    assert form["url"] == f"{ada.wire.url}/files/"
    assert all(isinstance(each, str) for each in form["fields"].values())
    assert len(form["fields"]["key"]) == 36 + len(".png")


async def test_2_9_a_file_makes_the_round_trip(ada: Person) -> None:
    form = await form_for(ada, "bin")
    assert await upload(ada, form, CONTENT) == (204, "")
    reply = await ask(ada.wire.url, "GET", "/files/" + form["fields"]["key"])
    assert (reply.status, reply.body) == (200, CONTENT)


async def test_2_9_204_does_not_say_it_is_json(ada: Person) -> None:
    form = await form_for(ada)
    body, kind = multipart(form["fields"], b"x")
    reply = await ask(ada.wire.url, "POST", "/files/", body=body, headers={"Content-Type": kind})
    assert (reply.status, reply.body) == (204, b"")
    assert "json" not in reply.headers.get("content-type", "")


async def test_2_9_parts_after_the_file_are_ignored(ada: Person) -> None:
    form = await form_for(ada)
    body, kind = multipart(form["fields"], b"x", after=b"submit")
    reply = await ask(ada.wire.url, "POST", "/files/", body=body, headers={"Content-Type": kind})
    assert reply.status == 204


async def test_2_9_the_form_needs_a_login_and_the_upload_none(ada: Person) -> None:
    assert (await ask(ada.wire.url, "GET", "/file/upload?extension=png")).code == 10005
    assert (await upload(ada, await form_for(ada)))[0] == 204


async def test_2_9_a_refused_upload_is_no_success_to_any_client(ada: Person) -> None:
    form = await form_for(ada)
    form["fields"]["signature"] = "forged"
    status, text = await upload(ada, form)
    assert status == 403  # for those who look at the status, as a browser's page does
    assert '"code":10003' in text  # and for the Python SDK, which looks at the envelope


async def test_2_9_without_an_extension_there_is_none(ada: Person) -> None:
    form = await ada.get("/file/upload")
    assert len(form["fields"]["key"]) == 36


@pytest.mark.parametrize(
    ("extension", "ending"),
    [
        ("15.05 PM.png", ".15.05 PM.png"),
        ("tar.gz", ".tar.gz"),
        (".png", ".png"),
        ("PNG", ".PNG"),
        ("рисунок.jpg", ".рисунок.jpg"),
        ("日本.txt", ".日本.txt"),
        ("a&b=c+d.txt", ".a&b=c+d.txt"),
        ("a/b.txt", ".a_b.txt"),
        ("a\\b.txt", ".a_b.txt"),
        ("../../etc/passwd", "._.._etc_passwd"),
    ],
)
async def test_2_9_the_extension_is_kept_but_for_separators_of_paths(
    ada: Person, extension: str, ending: str
) -> None:
    form = await form_for(ada, extension)
    key = form["fields"]["key"]
    assert key[36:] == ending
    assert (await upload(ada, form, CONTENT))[0] == 204
    for target in (f"/files/{quote(key)}", f"//files//{quote(key, safe='')}"):
        reply = await ask(ada.wire.url, "GET", target)
        assert (reply.status, reply.body) == (200, CONTENT)


@pytest.mark.parametrize(
    ("extension", "kind"),
    [
        ("png", "image/png"),
        ("JPG", "image/jpeg"),
        ("15.05 PM.png", "image/png"),
        ("mp3", "audio/mpeg"),
        ("mp4", "video/mp4"),
        ("txt", "text/plain; charset=utf-8"),
        ("pdf", "application/pdf"),
        ("zip", "application/zip"),
        ("unheard-of", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
async def test_2_9_the_content_type_follows_the_extension(
    ada: Person, extension: str, kind: str
) -> None:
    form = await form_for(ada, extension)
    await upload(ada, form)
    reply = await ask(ada.wire.url, "GET", "/files/" + quote(form["fields"]["key"]))
    assert reply.headers["content-type"] == kind


async def test_2_9_head_tells_the_size(ada: Person) -> None:
    form = await form_for(ada, "bin")
    await upload(ada, form, CONTENT)
    reply = await ask(ada.wire.url, "HEAD", "/files/" + form["fields"]["key"])
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == str(len(CONTENT))


async def test_2_9_downloads_are_for_everybody_and_for_allowed_pages() -> None:
    page = "https://app.example"
    options = PlatformOptions(allow_origins=(page,))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        form = await form_for(ada, "png")
        await upload(ada, form)
        target = "/files/" + form["fields"]["key"]
        reply = await ask(wire.url, "GET", target, headers={"Origin": page})
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == page


async def test_2_9_files_survive_a_restart_under_their_address(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data")
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        form = await form_for(ada)
        await upload(ada, form, CONTENT, "report.txt")
    async with LocalPlatform(options) as platform:
        reply = await ask(platform.url, "GET", "/files/" + form["fields"]["key"])
    assert reply.body == CONTENT
    assert reply.headers["content-disposition"] == 'inline; filename="report.txt"'


@pytest.mark.parametrize("key", ["missing.png", "", "."])
async def test_2_9_what_is_not_there_is_404(ada: Person, key: str) -> None:
    reply = await ask(ada.wire.url, "GET", f"/files/{key}")
    assert (reply.status, reply.code) == (404, 10404)


def multipart(fields: dict[str, str], content: bytes, after: bytes = b"") -> tuple[bytes, str]:
    """The body the Python SDK sends, and its content type."""
    parts = [
        b'Content-Disposition: form-data; name="%b"\r\n\r\n%b' % (name.encode(), value.encode())
        for name, value in fields.items()
    ]
    parts.append(
        b'Content-Disposition: form-data; name="file"; filename="file"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + content
    )
    if after:
        parts.append(b'Content-Disposition: form-data; name="%b"\r\n\r\nx' % after)
    body = b"".join(b"--edge\r\n%b\r\n" % part for part in parts) + b"--edge--\r\n"
    return body, "multipart/form-data; boundary=edge"
