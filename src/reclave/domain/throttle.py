"""Guesses: counted before they are compared, with rising waits (invariant 6, S23, NIST SP 800-63B-4 3.2.2)."""

from dataclasses import dataclass
from enum import StrEnum

from reclave.domain.time import HOUR, SECOND, Instant, Span

FREE_TRIES = 10
PAUSE_AFTER = 100
"""Consecutive failures after which password sign-in pauses until a recovery."""
CODE_TRIES = 5
_FIRST_WAIT: Span = 30 * SECOND
_LONGEST_WAIT: Span = HOUR


class Guess(StrEnum):
    """What is guessed: each has counters of its own."""

    PASSWORD = "password"
    TEMPORARY_PASSWORD = "temporary_password"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Tally:
    """Consecutive failures of one subject, and until when further guesses wait."""

    failures: int = 0
    blocked_until: Instant = 0

    def wait(self, now: Instant) -> Span:
        """Microseconds until the next guess counts.

        A wait longer than these failures call for comes from a clock that jumped back, and has ended.
        """
        left = self.blocked_until - now
        return left if 0 < left <= _wait_after(self.failures) else 0


def counted(tally: Tally, now: Instant) -> Tally:
    """The tally with one more failure: the first ten are free, then 30 s, 1 min … 1 h."""
    failures = tally.failures + 1
    return Tally(failures, now + _wait_after(failures))


def _wait_after(failures: int) -> Span:
    over = failures - FREE_TRIES
    return min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(over, 12)) if over >= 0 else 0
