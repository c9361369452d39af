"""Fewer rounds of the garbage collector while there is hardly anything for it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_ALLOCATED = 50_000
"""About as many objects as a chunk has: Python's own 700 are reached with every few dozen rows."""
_ROUNDS = 4


@contextmanager
def rare_collections() -> Iterator[None]:
    """Have the collector look seldom, and not at what was there before.

    Objects of an import are gone with the last reference to them; the collector went through all that are alive again
    and again, which was an eighth of an import's time.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_ALLOCATED, _ROUNDS, _ROUNDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
