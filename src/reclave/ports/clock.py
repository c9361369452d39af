"""The host's clock, for what never reaches the database: the age of a flow cookie, the date of a mail."""

from typing import Protocol

from reclave.domain.time import Instant


class Clock(Protocol):
    """Tells the time in microseconds UTC."""

    def now(self) -> Instant:
        """Now."""
