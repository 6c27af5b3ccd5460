"""The real cluster under faults: a proxy on every link, signals, load, and what must hold after.

`python -m devnet.faults` (`make soak`) runs it; the schedule follows from its seed alone.
"""
