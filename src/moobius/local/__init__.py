"""The Platform on this machine: the same HTTP and WebSocket API, with a browser page.

Importing this costs next to nothing: the server's parts are loaded when they are asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moobius.local.fault_plan import FaultPlan
    from moobius.local.options import Limits, PlatformOptions
    from moobius.local.platform import LocalPlatform

__all__ = ["FaultPlan", "Limits", "LocalPlatform", "PlatformOptions"]

_HOME = {
    "FaultPlan": "moobius.local.fault_plan",
    "Limits": "moobius.local.options",
    "LocalPlatform": "moobius.local.platform",
    "PlatformOptions": "moobius.local.options",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
