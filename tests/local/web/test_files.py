"""Uploads that go wrong, names that are wrong, ranges; what goes right is in conformance."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import quote

import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.support.disk import disk_full_after
from tests.support.patience import PATIENCE, until
from tests.support.raw_http import ask, exchange, parsed
from tests.support.uploads import address, form_for, upload
from tests.support.wire import Person, Wire, wire_to

CONTENT = b"0123456789"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Files are files, whatever keeps the rest."""
    return tmp_path / "data"


@pytest.fixture
async def ada(wire: Wire) -> Person:
    """Somebody who needs no password, and so no time to hash it."""
    return await wire.be("ada@example.org")


def left_behind(data: Path) -> list[str]:
    """The names of all files, beginnings of files among them."""
    return sorted(path.name for path in (data / "files").iterdir())


def request_of(form: dict[str, dict[str, str]], tail: bytes, length: int | None = None) -> bytes:
    """A literal upload whose file part ends as `tail` says."""
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    ]
    parts.append('--edge\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n')
    body = "".join(parts).encode() + tail
    head = (
        "POST /files/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        "Content-Type: multipart/form-data; boundary=edge\r\n"
        f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body


async def test_a_form_is_good_once(ada: Person) -> None:
    form = await form_for(ada)
    assert (await upload(ada, form, b"mine"))[0] == 204
    status, text = await upload(ada, form, b"yours")
    assert (status, "10003" in text) == (403, True)
    async with ada.wire.session.get(address(form)) as response:
        assert await response.read() == b"mine"


async def test_a_form_is_good_for_one_upload_at_a_time(ada: Person, data: Path) -> None:
    form = await form_for(ada)
    content = CONTENT * 30_000  # so much that some of it is read before all of it is there
    first = request_of(form, content + b"\r\n--edge--\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(ada.wire.url.split(":")[-1]))
    writer.write(first[:-20])
    await until(lambda: left_behind(data) != [])
    assert "10003" in (await upload(ada, form, b"second"))[1]
    writer.write(first[-20:])
    assert parsed(await asyncio.wait_for(reader.read(), PATIENCE)).status == 204
    writer.close()
    async with ada.wire.session.get(address(form)) as response:
        assert await response.read() == content


@pytest.mark.parametrize("field", ["key", "expires", "signature"])
@pytest.mark.parametrize("change", ["{}0", "0{}", "", "é", None])
async def test_a_forged_form_is_none(
    ada: Person, data: Path, field: str, change: str | None
) -> None:
    form = await form_for(ada)
    if change is None:
        del form["fields"][field]
    else:
        form["fields"][field] = change.format(form["fields"][field])
    status, text = await upload(ada, form)
    assert (status, "10003" in text) == (403, True)
    assert left_behind(data) == []


async def test_a_key_of_ones_own_is_no_way_out(ada: Person, data: Path) -> None:
    form = await form_for(ada)
    for key in ("../platform.sqlite3", "/etc/passwd", "..", ".upload-x", "a/b"):
        form["fields"]["key"] = key
        assert "10003" in (await upload(ada, form))[1]
    assert left_behind(data) == []


async def test_a_form_expires(data: Path) -> None:
    options = PlatformOptions(data=data, limits=Limits(upload_seconds=0.0))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        status, text = await upload(ada, await form_for(ada))
        assert (status, "expired" in text) == (403, True)
    assert left_behind(data) == []


async def test_a_form_of_another_platform_is_none(ada: Person) -> None:
    async with LocalPlatform() as platform, wire_to(platform.url) as wire:
        form = await form_for(await wire.be("ada@example.org"))
    form["url"] = f"{ada.wire.url}/files/"
    assert "10003" in (await upload(ada, form))[1]


@pytest.mark.parametrize(
    "tail",
    [
        CONTENT,
        CONTENT + b"\r\n",
        CONTENT + b"\r\n--edg",
        CONTENT + b"\r\n--other--\r\n",
        b"",
    ],
)
async def test_a_file_that_does_not_end_is_not_stored(
    ada: Person, data: Path, log: list[str], tail: bytes
) -> None:
    form = await form_for(ada)
    reply = parsed(await exchange(ada.wire.url, request_of(form, tail)))
    assert (reply.status, reply.code) == (400, 10001)
    assert left_behind(data) == []
    assert "Traceback" not in "".join(log)


async def test_a_client_that_hangs_up_leaves_nothing(
    ada: Person, data: Path, log: list[str]
) -> None:
    form = await form_for(ada)
    raw = await exchange(ada.wire.url, request_of(form, CONTENT, 10_000), hang_up=True)
    assert not raw or parsed(raw).status != 204
    await until(lambda: left_behind(data) == [])
    assert (await upload(ada, form))[0] == 204  # nothing was stored, so the form is still good
    assert "Traceback" not in "".join(log)


async def test_a_client_that_falls_silent_leaves_nothing(data: Path) -> None:
    options = PlatformOptions(data=data, limits=Limits(stalled_seconds=0.1))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        form = await form_for(await wire.be("ada@example.org"))
        raw = await exchange(wire.url, request_of(form, CONTENT, 10_000), until=b"}}")
        assert parsed(raw).status == 408
        await until(lambda: left_behind(data) == [])


FORM = "multipart/form-data; boundary=edge"
PART = b"--edge\r\nContent-Disposition: form-data; name=key\r\n"
END = b"\r\n--edge--\r\n"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=", b"x"),
        ("multipart/form-data; boundary=" + "x" * 71, b"x"),
        (FORM, b"x"),
        (FORM, b"--edge--\r\n"),
        (FORM, b"--edge\r\n\r\n" + END),
        (FORM, b"--edge\r\nno header\r\n\r\n" + END),
        (FORM, PART.replace(b"key", b'"\xff\xfe"') + b"\r\nx" + END),
        (FORM, b"--edge\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in--" + END),
        (FORM, PART + b"Content-Length: 99\r\n\r\nx\r\n"),
        (FORM, PART + b"X: " + b"x" * 20_000),
        (FORM, PART.replace(b"key", b"_charset_") + b"\r\n" + b"x" * 50),
        (FORM, PART + b"\r\n" + b"x" * 5_000 + END),
        (FORM, (PART + b"\r\nx\r\n") * 102 + END),
    ],
)
async def test_what_is_no_form_is_refused(
    ada: Person, data: Path, log: list[str], kind: str, body: bytes
) -> None:
    url = ada.wire.url
    reply = await ask(url, "POST", "/files/", body=body, headers={"Content-Type": kind})
    assert (reply.status, reply.code) == (400, 10001)
    assert left_behind(data) == []
    assert "Traceback" not in "".join(log)


async def test_a_hundred_fields_and_one_are_too_many(ada: Person) -> None:
    form = await form_for(ada)
    form["fields"] |= {f"field {number}": "x" for number in range(101)}
    assert "10001" in (await upload(ada, form))[1]


async def test_a_field_that_is_repeated_counts_each_time(ada: Person) -> None:
    form = await form_for(ada)
    note = b'--edge\r\nContent-Disposition: form-data; name="note"\r\n\r\nx\r\n'
    request = request_of(form, b"mine\r\n--edge--\r\n", 0)
    head, _, body = request.partition(b"\r\n\r\n")
    body = 101 * note + body
    head = head.replace(b"Content-Length: 0", f"Content-Length: {len(body)}".encode())
    reply = parsed(await exchange(ada.wire.url, head + b"\r\n\r\n" + body, until=b"}}"))
    assert (reply.status, reply.code) == (400, 10001)


async def test_a_file_above_the_limit_is_413_and_leaves_nothing(data: Path) -> None:
    options = PlatformOptions(data=data, limits=Limits(file_bytes=1000))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        form = await form_for(ada)
        for size in (1001, 5_000_000):
            status, text = await upload(ada, form, b"x" * size)
            assert (status, "at most 1000 bytes" in text) == (413, True)
            assert left_behind(data) == []
        assert (await upload(ada, form, b"x" * 1000))[0] == 204


async def test_a_size_above_the_limit_is_refused_before_it_is_sent(data: Path) -> None:
    options = PlatformOptions(data=data, limits=Limits(file_bytes=1000))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        form = await form_for(await wire.be("ada@example.org"))
        raw = await exchange(wire.url, request_of(form, b"", 10_000_000), until=b"}}")
        assert parsed(raw).status == 413


async def test_a_field_of_a_form_is_small(ada: Person) -> None:
    form = await form_for(ada)
    form["fields"] = {"note": "x" * 4097, **form["fields"]}
    assert "may have 4096 bytes" in (await upload(ada, form))[1]


async def test_a_disk_that_takes_no_more_is_said_and_leaves_nothing(
    ada: Person, data: Path, log: list[str]
) -> None:
    form = await form_for(ada)
    with disk_full_after(4_000_000):
        status, text = await upload(ada, form, b"x" * 5_000_000)
    assert (status, "10500" in text, "cannot store the file" in text) == (507, True, True)
    assert left_behind(data) == []
    assert "ERROR cannot store the upload" in "".join(log)
    assert (await upload(ada, form))[0] == 204


async def test_beginnings_of_files_are_removed_at_the_start(data: Path) -> None:
    options = PlatformOptions(data=data)
    async with LocalPlatform(options):
        (data / "files" / ".upload-left").write_bytes(b"x")
    async with LocalPlatform(options):
        assert left_behind(data) == []


@pytest.mark.parametrize(
    ("extension", "how"),
    [
        *[(each, "inline") for each in ("png", "JPG", "gif", "webp", "mp3", "mp4", "txt")],
        *[(each, "attachment") for each in ("html", "HTM", "xhtml", "svg", "svgz", "xml", "js")],
        *[(each, "attachment") for each in ("mjs", "css", "pdf", "swf", "mht", "xsl", "rdf", "")],
        *[(each, "attachment") for each in ("png.html", "svg.gz", "htaccess", "exe", "png ")],
    ],
)
async def test_a_browser_shows_pictures_and_saves_everything_else(
    ada: Person, extension: str, how: str
) -> None:
    form = await form_for(ada, extension)
    await upload(ada, form, b"<script>alert(1)</script>")
    reply = await ask(ada.wire.url, "GET", "/files/" + quote(form["fields"]["key"]))
    if extension == "png ":
        how = "inline"  # the space is not kept
    assert reply.headers["content-disposition"] == how
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("report.txt", 'filename="report.txt"'),
        ("15.05 PM (2).txt", 'filename="15.05 PM (2).txt"'),
        ("Übersicht.txt", "filename=\"_bersicht.txt\"; filename*=UTF-8''%C3%9Cbersicht.txt"),
        ("日本.txt", "filename=\"__.txt\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt"),
        ('a"b;c.txt', "filename=\"a_b_c.txt\"; filename*=UTF-8''a%22b%3Bc.txt"),
        ("C:\\dir\\a.txt", 'filename="a.txt"'),
        ("../../etc/passwd", 'filename="passwd"'),
        ("%2e%2e%2fa.txt", "filename=\"_2e_2e_2fa.txt\"; filename*=UTF-8''%252e%252e%252fa.txt"),
        ("gpj.\u202eexe.txt", 'filename="gpj.exe.txt"'),
        ("x" * 300 + ".txt", f'filename="{"x" * 252}.txt"'),
        *[(each, "") for each in ("file", "blob", "..", "/", " ")],
    ],
)
async def test_a_file_is_given_back_under_its_name(ada: Person, name: str, header: str) -> None:
    form = await form_for(ada, "txt")
    body = request_of(form, CONTENT + b"\r\n--edge--\r\n")
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    given = body.replace(b'filename="f"', f'filename="{quoted}"'.encode())
    difference = len(given) - len(body)
    length = int(body.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    given = given.replace(b": %d\r\n" % length, b": %d\r\n" % (length + difference))
    assert parsed(await exchange(ada.wire.url, given)).status == 204
    reply = await ask(ada.wire.url, "GET", "/files/" + form["fields"]["key"])
    assert reply.body == CONTENT
    expected = f"inline; {header}" if header else "inline"
    assert reply.headers["content-disposition"] == expected


@pytest.mark.parametrize(
    "key",
    [
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e%2fplatform.sqlite3",
        "..%5cplatform.sqlite3",
        "../developer.key",
        "%00",
        "a%00.png",
        ".name-x",
        ".upload-x",
        "x" * 300,
        "%ff%fe",
        "%ed%a0%80",
        "%c3%a9" * 101,
    ],
)
async def test_no_key_leads_anywhere_else(ada: Person, log: list[str], key: str) -> None:
    for method in ("GET", "HEAD"):
        reply = await ask(ada.wire.url, method, f"/files/{key}")
        assert reply.status == 404
    assert "Traceback" not in "".join(log)


@pytest.mark.parametrize(
    ("wanted", "status", "body", "span"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, CONTENT, "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=5-2", 416, b"", "bytes */10"),
        ("bytes=x", 416, b"", "bytes */10"),
    ],
)
async def test_a_part_of_a_file_can_be_asked_for(
    ada: Person, wanted: str, status: int, body: bytes, span: str
) -> None:
    form = await form_for(ada, "mp4")
    await upload(ada, form, CONTENT)
    target = "/files/" + form["fields"]["key"]
    reply = await ask(ada.wire.url, "GET", target, headers={"Range": wanted})
    assert (reply.status, reply.headers["content-range"]) == (status, span)
    if status == 206:
        assert (reply.body, reply.headers["content-type"]) == (body, "video/mp4")


async def test_a_file_that_has_not_changed_is_not_sent_again(ada: Person) -> None:
    form = await form_for(ada)
    await upload(ada, form, CONTENT)
    target = "/files/" + form["fields"]["key"]
    whole = await ask(ada.wire.url, "GET", target)
    assert whole.headers["accept-ranges"] == "bytes"
    assert "immutable" in whole.headers["cache-control"]
    for condition in (
        {"If-None-Match": whole.headers["etag"]},
        {"If-Modified-Since": whole.headers["last-modified"]},
    ):
        reply = await ask(ada.wire.url, "GET", target, headers=condition)
        assert (reply.status, reply.body) == (304, b"")
    for since, status in (
        (whole.headers["last-modified"], 206),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 200),
    ):
        headers = {"Range": "bytes=0-0", "If-Range": since}
        assert (await ask(ada.wire.url, "GET", target, headers=headers)).status == status
