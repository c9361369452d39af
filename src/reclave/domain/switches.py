"""A switch: an operator's pause of a journey, and the banner that its pages show."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reclave.domain.time import Instant

WHOLE_PORTAL = ""
"""The journey of a switch that holds for all journeys of its portal."""
SIGN_IN = "sign_in"
"""Signing in, which every portal offers; all other journeys are the portal file's own."""
FIRST_SIGN_IN = "first_sign_in"
"""Signing in with an initial password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """What holds for a journey until an instant (None: until it is taken back); `banner` is text by language.

    A paused journey takes no new requests; what was accepted, and every grant, goes on.
    """

    portal: str
    journey: str = WHOLE_PORTAL
    paused: bool = False
    banner: Mapping[str, str] = field(default_factory=dict)
    until: Instant | None = None
    changed_at: Instant = 0

    def holds(self, now: Instant) -> bool:
        """Whether it still is to be seen."""
        return self.until is None or now < self.until
