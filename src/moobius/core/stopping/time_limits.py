"""How long stopping may take."""

STOP_TIMEOUT = 10.0
"""Seconds for the callbacks that still run, and for `on_stop`, by default."""
STOP_SLACK_S = 10.0
"""Seconds that a service gets besides, for its last frames, its storage and its connections."""
HURRY_S = 3.0
"""Seconds for all of that after a second Ctrl+C."""
