"""Points and spans of time as whole microseconds, so that arithmetic is exact on every engine."""

from typing import TypeAlias

Instant: TypeAlias = int
"""Microseconds since the Unix epoch, UTC."""

Span: TypeAlias = int
"""A length of time in microseconds."""

MILLISECOND: Span = 1_000
SECOND: Span = 1_000_000
MINUTE: Span = 60 * SECOND
HOUR: Span = 60 * MINUTE
DAY: Span = 24 * HOUR

CLOCK_SKEW: Span = 5 * MINUTE
"""How far into the future a recorded instant may lie before the clock is taken to have jumped back."""


def in_the_past(instant: Instant, now: Instant) -> bool:
    """Whether `instant` can be trusted as past; False when only a clock that jumped back explains it."""
    return instant <= now + CLOCK_SKEW
