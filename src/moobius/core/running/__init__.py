"""How a wand runs services: in this process, or each in a process of its own, and supervised.

`moobius.core.wand` is the interface to it. `plan.py` says how a service is run, `roster.py` knows
all services of a wand, `worker.py` runs one in another process (`child.py` is what runs there),
`foreground.py` and `same_process.py` in this one.
"""
