"""Files up and down: whole or not at all, in pieces, once a content, off the event loop."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from moobius.errors import (
    BadResponseException,
    FileInTheWay,
    MissingFile,
    MoobiusError,
    TransportError,
)
from moobius.local import LocalPlatform
from moobius.network import files
from moobius.network.files import extension_of, target_for
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.transport import HttpTransport
from tests.support.patience import until
from tests.support.web import Answer, Handler, Script, envelope, web_server
from tests.support.wire import wire_to

TEA = b"tea is ready " * 10_000


@asynccontextmanager
async def uploading_to(*answers: Answer | Handler) -> AsyncIterator[tuple[HTTPAPIWrapper, Script]]:
    """An API whose forms lead to a storage with these answers."""
    async with web_server(*answers) as storage:
        fields = {"key": "K.txt", "signature": "SIG"}
        form = envelope({"url": f"{storage.url}/store/", "fields": fields})
        async with web_server(form) as platform:
            api = HTTPAPIWrapper(platform.url)
            yield api, storage
            await api.close()


@asynccontextmanager
async def downloading_from(
    *answers: Answer | Handler, timeout: float = 30.0
) -> AsyncIterator[tuple[HTTPAPIWrapper, Script]]:
    async with web_server(*answers) as script:
        api = HTTPAPIWrapper(transport=HttpTransport(timeout=timeout))
        yield api, script
        await api.close()


def names_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def content_of(file: str) -> bytes:
    return Path(file).read_bytes()


def fill(file: Path, content: bytes) -> None:
    file.write_bytes(content)


@pytest.fixture
def tea(in_folder: Path) -> Path:
    file = in_folder / "tea.txt"
    file.write_bytes(TEA)
    return file


async def half(request: web.Request) -> web.StreamResponse:
    """Announce a file, send half of it, and break the connection."""
    response = web.StreamResponse(headers={"Content-Length": str(len(TEA))})
    await response.prepare(request)
    await response.write(TEA[: len(TEA) // 2])
    assert request.transport is not None
    request.transport.abort()
    return response


async def stuck(request: web.Request) -> web.StreamResponse:
    """Send half of a file, and then nothing."""
    response = web.StreamResponse(headers={"Content-Length": str(len(TEA))})
    await response.prepare(request)
    await response.write(TEA[: len(TEA) // 2])
    await asyncio.sleep(30)
    return response


# ---- Up ------------------------------------------------------------------------------------------


async def test_an_upload_sends_the_form_and_then_the_file(tea: Path) -> None:
    async with uploading_to(Answer("", 204)) as (api, storage):
        api.access_token = "secret"
        assert await api.upload(tea) == f"{storage.url}/store/K.txt"
        (sent,) = storage.asked
    assert "Authorization" not in sent.headers
    names = re.findall(rb'; name="(\w+)"', sent.body)
    assert names == [b"key", b"signature", b"file"]
    assert TEA in sent.body


@pytest.mark.defect("D50")
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer("<?xml?><Error><Code>AccessDenied</Code></Error>", 403), "AccessDenied"),
        (Answer("", 200), "an empty reply"),
        (envelope(code=10003, message="not an open form"), "not an open form"),
        (Answer("", 413), "413"),
    ],
)
async def test_a_refused_upload_raises(tea: Path, answer: Answer, says: str) -> None:
    async with uploading_to(answer) as (api, _):
        with pytest.raises(BadResponseException, match=rf"uploading tea\.txt.*{says}"):
            await api.upload(tea)
        with pytest.raises(BadResponseException):
            await api.convert_to_url(tea)
        assert api.filehash2URL == {}


@pytest.mark.parametrize("answer", [Answer("", 204), envelope({})])
async def test_both_ways_to_say_yes_are_understood(tea: Path, answer: Answer) -> None:
    async with uploading_to(answer) as (api, storage):
        assert await api.convert_to_url(tea) == f"{storage.url}/store/K.txt"


@pytest.mark.defect("D54")
@pytest.mark.parametrize("data", [None, [], {"url": "http://x/"}, {"url": "u", "fields": {}}])
async def test_a_form_that_is_none_is_an_error(tea: Path, data: Any) -> None:
    async with web_server(envelope(data)) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises(BadResponseException, match="GET /file/upload: the reply lacks"):
            await api.upload(tea)
        await api.close()


@pytest.mark.defect("D50")
async def test_an_upload_that_breaks_off_raises_once(tea: Path) -> None:
    async def cut_off(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with uploading_to(cut_off) as (api, storage):
        with pytest.raises(TransportError):
            await api.upload(tea)
        assert len(storage.asked) == 1


async def test_an_upload_that_stands_still_is_given_up(
    tea: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silence(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    monkeypatch.setattr(files, "STALLED_AFTER", 0.1)
    async with uploading_to(silence) as (api, _):
        with pytest.raises(TransportError, match="nothing moved"):
            await api.upload(tea)


@pytest.mark.parametrize("name", ["no such file.txt", "."])
async def test_what_is_no_file_is_told_before_any_request(in_folder: Path, name: str) -> None:
    async with uploading_to(Answer("", 204)) as (api, storage):
        for send in (api.upload, api.convert_to_url):
            with pytest.raises(MissingFile, match="file not found"):
                await send(name)
        assert storage.asked == []


@pytest.mark.defect("D51")
async def test_one_content_is_uploaded_once_also_at_the_same_time(tea: Path) -> None:
    (tea.parent / "copy.txt").write_bytes(TEA)
    async with uploading_to(Answer("", 204)) as (api, storage):
        names: list[str | Path] = [tea, "copy.txt", "tea.txt"]
        urls = await asyncio.gather(*(api.convert_to_url(name) for name in names * 5))
        assert len(set(urls)) == 1
        assert len(storage.asked) == 1
        fill(tea, b"other tea")
        await api.convert_to_url(tea)
        assert len(storage.asked) == 2


@pytest.mark.defect("D51")
async def test_one_who_gives_up_does_not_take_the_upload_away(tea: Path) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(request: web.Request) -> web.StreamResponse:
        begun.set()
        await go_on.wait()
        return web.Response(status=204)

    async with uploading_to(slowly) as (api, storage):
        first = asyncio.ensure_future(api.convert_to_url(tea))
        await asyncio.wait_for(begun.wait(), 10)
        second = asyncio.ensure_future(api.convert_to_url(tea))
        first.cancel()
        go_on.set()
        assert await asyncio.wait_for(second, 10) == f"{storage.url}/store/K.txt"
        assert len(storage.asked) == 1


@pytest.mark.defect("D62")
async def test_fields_of_a_form_may_be_anything_that_has_a_text(tea: Path) -> None:
    async with web_server(Answer("", 204)) as storage:
        data = {"url": f"{storage.url}/", "fields": {"key": "K", "size": 5}}
        async with web_server(envelope(data)) as platform:
            api = HTTPAPIWrapper(platform.url)
            assert await api.upload(tea) == f"{storage.url}/K"
            await api.close()


# ---- Down ----------------------------------------------------------------------------------------


async def test_a_download_is_whole_and_alone_in_its_folder(in_folder: Path) -> None:
    async with downloading_from(Answer(TEA)) as (api, script):
        path = await api.download(f"{script.url}/a/b.bin", "deep/er/tea")
        assert path == (in_folder / "deep/er/tea.bin").as_posix()
        assert content_of(path) == TEA
        assert names_in(Path(path).parent) == ["tea.bin"]
        assert await api.download(f"{script.url}/a", bytes=True) == TEA


@pytest.mark.defect("D52")
@pytest.mark.parametrize("answers", [(half,), (Answer("gone", 404),), (Answer("", 500),)])
async def test_nothing_stays_of_a_download_that_fails(
    in_folder: Path, answers: tuple[Any, ...]
) -> None:
    (in_folder / "old.txt").write_text("old")
    async with downloading_from(*answers) as (api, script):
        for name in ("old.txt", "new.txt"):
            with pytest.raises((BadResponseException, TransportError), match="GET http"):
                await api.download(script.url, name, overwrite=True)
    assert names_in(in_folder) == ["old.txt"]
    assert (in_folder / "old.txt").read_text() == "old"


@pytest.mark.defect("D52")
@pytest.mark.parametrize("trouble", [half, Answer("", 503)])
async def test_a_download_is_tried_again(in_folder: Path, trouble: Any) -> None:
    async with downloading_from(trouble, trouble, Answer(TEA)) as (api, script):
        path = await api.download(script.url, "tea.txt")
        assert content_of(path) == TEA
    async with downloading_from(trouble, trouble, Answer(TEA)) as (api, script):
        assert await api.download(script.url, bytes=True) == TEA
    assert names_in(in_folder) == ["tea.txt"]


async def test_a_download_that_stands_still_is_given_up(in_folder: Path) -> None:
    async with downloading_from(stuck, timeout=0.2) as (api, script):
        with pytest.raises(TransportError, match="no answer within"):
            await api.download(script.url, "tea.txt")
    assert names_in(in_folder) == []


async def test_a_cancelled_download_leaves_nothing(in_folder: Path) -> None:
    async with downloading_from(stuck) as (api, script):
        download = asyncio.ensure_future(api.download(script.url, "tea.txt"))
        await until(lambda: bool(names_in(in_folder)))
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
    assert names_in(in_folder) == []


@pytest.mark.defect("D52")
async def test_a_file_in_the_way_is_told_before_any_request(in_folder: Path) -> None:
    (in_folder / "tea.txt").write_text("old")
    (in_folder / "folder.d").mkdir()
    async with downloading_from(Answer(TEA)) as (api, script):
        for name in ("tea.txt", "tea"):  # the second gets the extension of the address
            with pytest.raises(FileInTheWay, match=r"tea\.txt is there already.*overwrite=True"):
                await api.download(f"{script.url}/x.txt", name)
        with pytest.raises(FileExistsError, match=r"folder\.d is a folder"):
            await api.download(script.url, "folder.d", overwrite=True)
        assert script.asked == []
        await api.download(f"{script.url}/x.txt", "tea.txt", overwrite=True)
    assert content_of(str(in_folder / "tea.txt")) == TEA


@pytest.mark.defect("D12")
async def test_a_limit_is_kept_when_there_is_one(in_folder: Path) -> None:
    async with downloading_from(Answer(TEA)) as (api, script):
        for options in ({"bytes": True}, {"file_path": "tea"}):
            with pytest.raises(BadResponseException, match="larger than the 1000 bytes allowed"):
                await api.download(script.url, max_size=1000, **options)
        whole = await api.download(script.url, bytes=True, max_size=len(TEA))
        assert whole == TEA
    assert names_in(in_folder) == []


@pytest.mark.defect("D53")
async def test_headers_travel_and_stay_as_they_are(in_folder: Path) -> None:
    async with downloading_from(Answer(TEA)) as (api, script):
        headers = {"X-Mine": "1"}
        await api.download(script.url, bytes=True, headers=headers)
        await api.download_size(script.url, headers)
        api.access_token = "secret"
        await api.download(script.url, bytes=True, headers="self")
        await api.download(script.url, bytes=True)
        mine, size, own, none = script.asked
    assert headers == {"X-Mine": "1"}
    assert mine.headers["X-Mine"] == size.headers["X-Mine"] == "1"
    assert own.headers["Authorization"] == "Bearer secret"
    assert "Authorization" not in none.headers


async def test_a_signature_in_an_address_is_not_shown(in_folder: Path, log: list[str]) -> None:
    async with downloading_from(Answer("gone", 404)) as (api, script):
        with pytest.raises(MoobiusError) as caught:
            await api.download(f"{script.url}/x?signature=sesame", bytes=True)
    assert "sesame" not in str(caught.value) + "".join(log)


async def test_the_size_is_that_of_the_file_or_unknown(in_folder: Path) -> None:
    async def packed(request: web.Request) -> web.StreamResponse:
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers = {"Content-Encoding": "gzip"}
            return web.Response(body=gzip.compress(TEA), headers=headers)
        return web.Response(body=TEA)

    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        return response

    async with downloading_from(packed, chunked, Answer("", 404)) as (api, script):
        assert await api.download_size(script.url) == len(TEA)
        assert await api.download_size(script.url) is None
        assert await api.download_size(script.url) is None
        assert script.paths == ["HEAD /"] * 3


# ---- Names ---------------------------------------------------------------------------------------


@pytest.mark.defect("D52")
@pytest.mark.parametrize(
    ("url", "extension"),
    [
        ("https://h/a/b.png", ".png"),
        ("https://h/a/b.png?x=1.exe&y=a/b.c", ".png"),
        ("https://h/a/b.png#part.two", ".png"),
        ("https://h/a.b/c", ""),
        ("https://h.org", ""),
        ("https://h/15.05%20PM.tar.gz", ".gz"),
        ("https://h/a.%2F..%2Fx", ""),
        ("https://h/a.no spaces", ""),
    ],
)
def test_an_extension_comes_from_the_name_alone(url: str, extension: str) -> None:
    assert extension_of(url) == extension


def test_names_are_kept_completed_or_made_up(in_folder: Path) -> None:
    url = "https://h/x.png?size=1.5"
    assert target_for(url, "a/b.jpg", None) == in_folder / "a/b.jpg"
    assert target_for(url, "a/b", "ignored") == in_folder / "a/b.png"
    assert target_for(url, in_folder / "b", None) == in_folder / "b.png"
    made_up = target_for(url, None, None)
    assert made_up.parent == in_folder / "downloads"
    assert re.fullmatch(r"\d{8}_\d{6}_\d{6}_\d{4}\.png", made_up.name)
    assert target_for(url, None, "pictures").parent == in_folder / "pictures"
    assert len({target_for(url, None, None) for _ in range(50)}) == 50


# ---- A large file --------------------------------------------------------------------------------

LARGE = 192 * 1024 * 1024

PROGRAM = """
import asyncio, json, resource, sys, time
from pathlib import Path
from loguru import logger
from moobius.network.http_api_wrapper import HTTPAPIWrapper
logger.remove()

async def main(url, email, password, file):
    turns, longest = 0, 0.0
    async def watch():
        nonlocal turns, longest
        while True:
            before = time.thread_time()  # what others do on this machine does not count
            await asyncio.sleep(0.002)
            turns, longest = turns + 1, max(longest, time.thread_time() - before)
    def memory():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    api = HTTPAPIWrapper(url, email, password)
    await api.authenticate()
    watching = asyncio.ensure_future(watch())
    await asyncio.sleep(0.1)
    before, longest = memory(), 0.0
    address = await api.convert_to_url(file)
    copy = await api.download(address, "copy")
    turns = 0
    await api.convert_to_url(file)  # this only reads it
    watching.cancel()
    await api.close()
    size = Path(copy).stat().st_size
    print(json.dumps([size, memory() - before, longest, turns]))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.defect("D12", "D51", "D52", "D108")
async def test_a_large_file_takes_neither_the_memory_nor_the_loop(
    memory_platform: LocalPlatform, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(LARGE)  # costs no disk
    async with wire_to(memory_platform.url) as wire:
        person = await wire.sign_up("ada")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, memory_platform.url, person.email, "ada", str(large)),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 50)
    assert process.returncode == 0
    size, grown, longest_stop, turns = json.loads(output)
    assert size == LARGE
    assert grown < LARGE / 2**21, f"{grown} MiB"  # half of it
    assert longest_stop < 1.0
    assert turns >= 3  # of the loop, while the file was read; none at all if it were read there
