"""How services are reached by other programs of their user: files that say where, and a protocol.

The process of a wand answers for all its services, from one thread with an event loop of its own,
so that it does whatever their loops do.
"""
