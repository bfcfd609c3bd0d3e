"""What attributes of `Moobius` were called (sdk.md 1.2.2)."""

from __future__ import annotations

ATTRIBUTES = {
    "bands": "channels",  # 0.0.1
    "channel_storages": "channels",  # 1.3
}
"""Older name -> name."""
