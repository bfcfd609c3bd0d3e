"""How other programs of the same user reach services: connection files, and a protocol.

`publisher.py` writes the files (`connection_files.py`) and starts the thread that listens
(`listener.py`); `request_handler.py` answers. The process of a wand answers for all its services,
in a thread with an event loop of its own, so that it answers even while the event loops of services
are blocked. The other side is `calls.py`, and for `MoobiusWand.attach()` also `kept_links.py`.
"""
