"""Every kind of event comes out of a link, and no other."""

from __future__ import annotations

import typing
from pathlib import Path

from moobius.messaging import FilePolicy, Link, MessageManager
from moobius.messaging.events import LinkEvent


def test_a_shell_that_handles_them_all_handles_everything(tmp_path: Path) -> None:
    link = Link(files=FilePolicy.inside(tmp_path))
    link.connection_made("server", 0.0)
    pending = link.request("time", now=0.0)
    link.request("date", now=0.0, timeout=1.0)
    push = {"action": "filetransfer", "filepath": "a"}
    for raw in (
        MessageManager.create_action_message("x"),
        MessageManager.create_request("x", "1"),
        MessageManager.create_response("time", pending.request_id, 1),
        MessageManager.create_message(b"", "binary", "message", additional_headers=push),
    ):
        link.receive(raw, 0.0)
    link.expire(1.0)
    seen = {type(event) for event in iter(link.next_event, None)}
    assert seen == set(typing.get_args(LinkEvent))
