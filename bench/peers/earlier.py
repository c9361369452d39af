"""What the peers did before on a machine like this (2 cores, 100,000 accounts), to see that none is held back now."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from bench.peers.peer import Kind

MARGIN = 0.2
EARLIER: Mapping[Kind, Mapping[str, float]] = {
    Kind.KNOWN: {
        "better-auth": 268,
        "Django": 262,
        "django-allauth": 179,
        "Canaille": 93,
        "fastapi-users": 45,
        "Flask-Security-Too": 4,
    },
    Kind.UNKNOWN: {"Django": 772, "fastapi-users": 675, "better-auth": 657},
    Kind.FIRST_PAGE: {"Django": 445, "Flask-Security-Too": 886},
}
"""Answers a second. Sign-ins were 71 a second for better-auth and 36 to 47 for the others."""

_HYPERCORN = (
    "from run to run 31 to 116 a second, as one or both of hypercorn's workers would answer; gunicorn is no faster"
)
_LOGIN = "which page was asked then is not known, here it is /login; and the median of two figures lies between them"
WHY: Mapping[tuple[str, Kind], str] = {
    ("Canaille", Kind.KNOWN): _HYPERCORN,
    ("Flask-Security-Too", Kind.FIRST_PAGE): _LOGIN,
}
"""Why a system is slower beside the others than it was, by more than the margin."""
FASTER = "faster than before: not held back"


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure beside the earlier one, once the machine's speed is taken out: 1.0 is where it was."""

    kind: Kind
    name: str
    now: float
    before: float
    relative: float

    @property
    def within(self) -> bool:
        """Whether it is where it was, but for the margin."""
        return abs(self.relative - 1) <= MARGIN

    @property
    def why(self) -> str:
        """Why it is not where it was; nothing where it is."""
        if self.within:
            return ""
        return FASTER if self.relative > 1 else WHY.get((self.name, self.kind), "not explained")


def compared(kind: Kind, now: Mapping[str, float]) -> list[Compared]:
    """Each system that has both figures; the machine's speed is the median of their quotients."""
    before = EARLIER.get(kind, {})
    both = {name: now[name] / before[name] for name in before if name in now}
    if not both:
        return []
    speed = statistics.median(both.values())
    return [Compared(kind, name, now[name], before[name], quotient / speed) for name, quotient in both.items()]
