"""Rate limits: the generic cell rate algorithm (GCRA, ITU-T I.371) and how a portal file writes a limit."""

import re
from dataclasses import dataclass
from enum import StrEnum

from reclave.domain.time import DAY, HOUR, MINUTE, SECOND, Instant, Span

_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_PER = {"second": SECOND, "minute": MINUTE, "hour": HOUR, "day": DAY}
_LIMIT = re.compile(r"([0-9]{1,9})/(second|minute|hour|day) per (client|identifier|portal)")


class Scope(StrEnum):
    """What a limit counts by."""

    CLIENT = "client"
    IDENTIFIER = "identifier"
    PORTAL = "portal"
    COOLDOWN = "cooldown"


@dataclass(frozen=True, slots=True)
class Limit:
    """`count` requests in `period` microseconds on average; a quiet key may spend that many at once."""

    count: int
    period: Span
    scope: Scope

    @property
    def interval(self) -> Span:
        """Microseconds in which one request is earned back."""
        return max(1, self.period // self.count)

    @property
    def tolerance(self) -> Span:
        """How far ahead of now the theoretical arrival time may lie and still admit one more."""
        return self.interval * (self.count - 1)


@dataclass(frozen=True, slots=True)
class Cost:
    """`amount` requests to take from the limit kept under `key` (a keyed digest)."""

    key: bytes
    limit: Limit
    amount: int = 1


def admitted(tat: Instant | None, now: Instant, limit: Limit, amount: int) -> tuple[int, Instant]:
    """How many of `amount` requests pass, and the theoretical arrival time after them.

    A `tat` further ahead than the limit allows comes from a clock that jumped back, and counts as full.
    """
    ceiling = now + limit.interval * limit.count
    start = min(max(tat or now, now), ceiling)
    room = (now + limit.tolerance - start) // limit.interval + 1
    passed = max(0, min(amount, room))
    return passed, start + passed * limit.interval


def parse_limit(written: str) -> Limit:
    """Read `"5/hour per identifier"`. Raises ValueError with what was expected."""
    matched = _LIMIT.fullmatch(written)
    if not matched or int(matched.group(1)) == 0:
        raise ValueError(f'{written!r} is not a limit: write for example "5/hour per identifier"')
    return Limit(int(matched.group(1)), _PER[matched.group(2)], Scope(matched.group(3)))


def parse_span(written: str) -> Span:
    """Read `"90s"`, `"2m"`, `"24h"` or `"30d"` as microseconds. Raises ValueError with what was expected."""
    matched = re.fullmatch(r"([0-9]{1,6})([smhd])", written)
    if not matched:
        raise ValueError(f'{written!r} is not a length of time: write for example "90s", "2m", "24h" or "30d"')
    return int(matched.group(1)) * _UNITS[matched.group(2)]
