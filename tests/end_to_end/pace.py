"""How fast this machine is now, for limits that are meant for one with nothing else to do."""

import time

TURNS = 5_000_000
AT_REST = 0.07
"""Seconds that so many turns take on two cores of a small server with nothing else to do."""


def slowness() -> float:
    """How many times longer than on a machine at rest something takes here and now; never below 1."""
    began = time.perf_counter()
    for _ in range(TURNS):
        pass
    return max(1.0, (time.perf_counter() - began) / AT_REST)
