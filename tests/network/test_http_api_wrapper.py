"""The whole API as one object: its face, and files as services use them."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from moobius.errors import BadResponseException, MissingFile
from moobius.local import LocalPlatform, PlatformOptions
from moobius.local.certificates import make_certificate
from moobius.network import http_api_wrapper
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.types import DEFAULT_AVATAR, MessageBody, MessageContent
from moobius.utils import is_url

pytestmark = pytest.mark.asyncio(loop_scope="module")

# sdk.md 1.6: what services call, with the arguments they name.
METHODS = """
    authenticate; refresh; sign_out; sign_up; request_sign_up_code; request_sign_up_code_again
    sign_up_with_code the_code; request_password_reset_code; reset_password_with_code the_code
    delete_account; fetch_user_info include_sub; update_current_user avatar description name
    fetch_character_profile character
    fetch_member_ids channel_id service_id raise_empty_list_err; fetch_agents service_id
    create_service description; fetch_service_id_list
    create_agent service_id name avatar description
    update_agent service_id character avatar description name
    create_channel channel_name channel_desc
    bind_service_to_channel service_id channel_id; unbind_service_from_channel service_id channel_id
    update_channel channel_id channel_name channel_desc
    fetch_popular_channels; fetch_channel_list; this_user_channels
    fetch_message_history channel_id limit before
    upload file_path; convert_to_url file_path; download_size url headers
    download source file_path auto_dir overwrite bytes headers
    fetch_channel_group_dict channel_id service_id; fetch_channel_group_list channel_id service_id
    fetch_channel_temp_group channel_id service_id
    create_channel_group channel_id group_name characters; create_service_group characters
    character_ids_of_service_group group_id
    character_ids_of_channel_group sender_id channel_id group_id
    update_channel_group channel_id group_id characters
    update_temp_channel_group channel_id characters
    fetch_user_from_group user_id channel_id group_id
    fetch_target_group user_id channel_id group_id
    fetch_channel_service_id channel_id; fetch_user_owned_services; fetch_user_owned_channels
    checked_get url the_request requests_kwargs good_message bad_message raise_errors
    checked_post url the_request requests_kwargs good_message bad_message raise_errors
"""
SIGNATURES = [line.split() for line in METHODS.replace("\n", ";").split(";") if line.strip()]


@pytest.mark.parametrize("signature", SIGNATURES, ids=[name for name, *_ in SIGNATURES])
async def test_every_method_has_its_name_and_arguments(signature: list[str]) -> None:
    name, *arguments = signature
    method = getattr(HTTPAPIWrapper, name)
    assert inspect.iscoroutinefunction(method)
    assert list(inspect.signature(method).parameters)[1 : len(arguments) + 1] == arguments
    assert (method.__doc__ or "").strip()


async def test_every_name_of_the_module_is_there() -> None:
    for name in ("summarize_html", "failed_json_analyze", "get_or_post", "BadResponseException"):
        assert name in http_api_wrapper.__all__
        assert getattr(http_api_wrapper, name)


@pytest.mark.defect("D51")
async def test_uploads_keep_their_content_and_happen_once(
    api: HTTPAPIWrapper, tmp_path: Path
) -> None:
    file = tmp_path / "15.05 PM ü.txt"
    file.write_bytes(b"tea is ready")
    url = await api.convert_to_url(file)
    assert await api.convert_to_url(str(file)) == url
    assert url in api.filehash2URL.values()
    assert await api.download(url, bytes=True) == b"tea is ready"
    assert await api.download_size(url) == len(b"tea is ready")
    file.unlink()  # as services do on the next line


@pytest.mark.defect("D12")
async def test_only_an_address_is_an_address(api: HTTPAPIWrapper) -> None:
    for url in ("https://example.org/x.png", "HTTP://h/a b.png", "ftp://h/x", "ftps://h/x"):
        assert await api.convert_to_url(url) == url
    assert await api.convert_to_url("") == await api.convert_to_url(None) == DEFAULT_AVATAR
    for name in ("no such file.png", "see http://example.org", "my http://x/y.png"):
        assert not is_url(name)
        with pytest.raises(MissingFile):
            await api.convert_to_url(name)


async def test_the_file_of_a_message_comes_down(api: HTTPAPIWrapper, in_folder: Path) -> None:
    (in_folder / "tea.txt").write_text("ready")
    content = MessageContent(path=await api.upload("tea.txt"))
    message = MessageBody("file", "CH", content, 1, [], "ADA", "M")
    assert await api.download(message, bytes=True) == b"ready"
    path = await api.download(message, "files/copy", headers="self")
    assert path == (in_folder / "files" / "copy.txt").as_posix()
    content.path = None
    with pytest.raises(MissingFile, match=r"content\.path is empty"):
        await api.download(message)
    for wrong in (None, 7, Path("x")):
        with pytest.raises(TypeError, match="URL or a MessageBody"):
            await api.download(wrong)  # type: ignore[call-overload]


async def test_a_file_that_is_gone_has_no_size_and_no_content(api: HTTPAPIWrapper) -> None:
    gone = f"{api.http_server_uri}files/gone.png"
    assert await api.download_size(gone) is None
    with pytest.raises(BadResponseException, match="HTTP status 404 instead of the file"):
        await api.download(gone, bytes=True)


@pytest.mark.defect("D53")
async def test_headers_are_a_dict_or_the_own_ones(api: HTTPAPIWrapper) -> None:
    with pytest.raises(TypeError, match='headers must be a dict, "self" or None'):
        await api.download(f"{api.http_server_uri}files/x", headers="mine")


async def test_files_too_trust_an_authority_that_is_named_later(tmp_path: Path) -> None:
    files = make_certificate(tmp_path / "tls")
    options = PlatformOptions(tls_cert=files.certificate, tls_key=files.key)
    async with LocalPlatform(options) as platform:
        api = HTTPAPIWrapper(platform.url, "ada@example.net", "ada")
        api.trust(platform.ca_file)
        try:
            await api.sign_up()
            (tmp_path / "tea.txt").write_text("ready")
            url = await api.upload(tmp_path / "tea.txt")
            assert await api.download(url, bytes=True) == b"ready"
        finally:
            await api.close()
