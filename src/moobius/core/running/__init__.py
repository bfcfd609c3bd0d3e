"""Where services run: in this process, in processes of their own, supervised, and by which orders.

Here is what a wand is made of; `moobius.core.wand` is its face.
"""
