"""Uploading as clients do: ask for a form, then send its fields and the file."""

from __future__ import annotations

from typing import Any

import aiohttp

from tests.support.wire import Person


async def form_for(person: Person, extension: str = "txt") -> dict[str, Any]:
    """Ask for a form."""
    form: dict[str, Any] = await person.get("/file/upload", extension=extension)
    return form


async def upload(
    person: Person, form: dict[str, Any], content: Any = b"x", filename: str = "file"
) -> tuple[int, str]:
    """Send a file with its form; return status and text."""
    parts = aiohttp.FormData(form["fields"], quote_fields=False)
    parts.add_field("file", content, filename=filename, content_type="application/octet-stream")
    async with person.wire.session.post(form["url"], data=parts) as response:
        return response.status, await response.text()


def address(form: dict[str, Any]) -> str:
    """Where the file of a form can be had."""
    return str(form["url"] + form["fields"]["key"])
