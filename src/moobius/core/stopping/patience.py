"""How long stopping may take, in seconds."""

STOP_TIMEOUT = 10.0
"""For the callbacks that still run, and for `on_stop`, unless a program says otherwise."""
STOP_SLACK_S = 10.0
"""What a service needs, besides the time of its callbacks, for last frames, storage and sockets."""
HURRY_S = 3.0
"""What is left of all that after a second Ctrl+C."""
