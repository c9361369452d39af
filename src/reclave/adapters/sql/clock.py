"""The database's clock, in microseconds UTC."""

import time
from collections.abc import Callable

from reclave.domain.time import Instant, Span

ClockOffset = Callable[[], Span]
"""Microseconds that are added to the database's clock: tests make it jump."""


def no_offset() -> Span:
    """The clock as it is."""
    return 0


def machine_now() -> Instant:
    """The machine's clock, which is SQLite's too."""
    return time.time_ns() // 1_000
