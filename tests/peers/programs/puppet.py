"""Runs on a published original SDK: tells of every callback, and makes the calls it is told to.

Started in a folder with `run.json`, the keywords for `MoobiusWand.run`, and perhaps `early.json`,
a list of calls to make while a channel is initialised. Every line on its standard input is a call,
`{"call": "send_message", "with": {"message": "Hi", ...}, "number": 1}`, in which
`{"CanvasItem": {...}}` is one of the SDK's dataclasses. What happens is printed, a line each:
`EVENT {"event": "on_message_up", "value": {...}}`; that a call has ended, with its number.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moobius import Moobius, MoobiusWand, types


def read(file: str) -> Any:
    return json.loads(Path(file).read_text(encoding="utf-8"))


def with_dataclasses(value: dict[str, Any]) -> Any:
    name, *more = value or [""]
    return getattr(types, name)(**value[name]) if name[:1].isupper() and not more else value


def plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return vars(value) if hasattr(value, "__dict__") else str(value)


def tell(event: str, value: Any = None) -> None:
    print("EVENT " + json.dumps({"event": event, "value": value}, default=plain), flush=True)  # noqa: T201


def telling(name: str) -> Callable[..., Any]:
    async def callback(self: Puppet, *values: Any) -> None:
        tell(name, values[0] if values else None)
        await getattr(super(Puppet, self), name)(*values)

    return callback


class Puppet(Moobius):
    async def on_start(self) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self.read_calls, args=(loop,), daemon=True).start()
        tell("on_start", self.client_id)

    async def initialize_channel(self, channel_id: str) -> None:  # what 1.3.7 calls
        await self.make_early_calls(channel_id)

    async def on_channel_init(self, channel_id: str) -> None:  # what 1.8.0 calls
        await super().on_channel_init(channel_id)
        await self.make_early_calls(channel_id)

    async def make_early_calls(self, channel_id: str) -> None:
        tell("channel", channel_id)
        for order in EARLY:
            await self.make_call(order)

    def read_calls(self, loop: asyncio.AbstractEventLoop) -> None:
        for line in sys.stdin:
            asyncio.run_coroutine_threadsafe(
                self.make_call(json.loads(line, object_hook=with_dataclasses)), loop
            )

    async def make_call(self, order: dict[str, Any]) -> None:
        try:
            result = await getattr(self, order["call"])(**order["with"])
        except Exception as error:  # whatever it is, whoever gave the order decides
            tell("failed", [order.get("number"), repr(error)])
        else:
            tell("returned", [order.get("number"), result])


for name, _ in inspect.getmembers(Moobius, inspect.iscoroutinefunction):
    if name.startswith("on_") and name not in vars(Puppet):
        setattr(Puppet, name, telling(name))

if __name__ == "__main__":
    EARLY = read("early.json") if Path("early.json").exists() else []
    MoobiusWand().run(Puppet, **read("run.json"))
