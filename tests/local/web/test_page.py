"""The page's files, and nothing beside them."""

from __future__ import annotations

import pytest

from moobius.local.web.page import page_file
from tests.support.wire import Wire


async def test_the_page_is_at_the_root(wire: Wire) -> None:
    async with wire.session.get(wire.url + "/") as response:
        assert response.status == 200
        assert response.content_type == "text/html"
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy  # neither scripts nor styles stand in the page itself
    async with wire.session.get(wire.url + "/app.js") as response:
        assert response.content_type == "text/javascript"


@pytest.mark.parametrize(
    "path",
    [
        *("/../platform.py", "/view/../../hub.py", "/\0", "/nothing.js", "/view", "//etc/passwd"),
        pytest.param(f"/{'a' * 300}.js", id="too long for a file"),
    ],
)
def test_no_path_leads_out_of_it(path: str) -> None:
    assert page_file(path) is None
