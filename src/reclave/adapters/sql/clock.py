"""The database's clock, in microseconds UTC."""

import time
from collections.abc import Callable

from reclave.domain.time import SECOND, Instant, Span

OVERTAKEN: Span = 10 * SECOND
"""How much later than this transaction another may have begun whose commit it sees all the same.

What that one wrote lies in the future though no clock jumped. Statements wait 5 s at most: 10 s is plenty.
"""

ClockOffset = Callable[[], Span]
"""Microseconds that are added to the database's clock: tests make it jump."""


def no_offset() -> Span:
    """The clock as it is."""
    return 0


def machine_now() -> Instant:
    """The machine's clock, which is SQLite's too."""
    return time.time_ns() // 1_000
