"""How long a portal's mail takes, as waiting pages say it: read beside the requests, the same for everybody (S1).

What a page says changes only with the mail of many recipients, or with requests that wait to be worked on, which do
alike for known and unknown accounts: from one person's request nothing can be read (S2).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reclave.domain.outbox import CROWD, usual_wait
from reclave.domain.time import DAY, MINUTE, Instant, Span
from reclave.ports.store import Store

PATIENCE: Span = 5 * MINUTE
"""Mail that stands still for longer is slow, where too few deliveries say what is usual."""
_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Expected:
    """How long mail usually takes (None where too few deliveries tell), and whether it is slow just now."""

    usual: Span | None = None
    slow: bool = False


class MailPace:
    """Read from the database every minute, for the portals that pages have asked for."""

    def __init__(self) -> None:
        self._expected: dict[str, Expected] = {}

    def of(self, portal: str) -> Expected:
        """What to expect of a portal's mail."""
        return self._expected.setdefault(portal, Expected())

    async def refresh(self, store: Store, portals: Iterable[str] = ()) -> None:
        """Read again how fast the mail of these portals goes, and of those that were asked for."""
        for portal in {*self._expected, *portals}:
            async with store.reading() as tx:
                pace = await tx.outbox.pace(portal, since=tx.now - DAY, limit=_SAMPLE)
                _, unresolved = await tx.intakes.waiting()
                usual = usual_wait(pace.taken)
                late = tx.now - (usual or PATIENCE)
            slow = _older(pace.held, late) >= CROWD or (unresolved is not None and unresolved < late)
            self._expected[portal] = Expected(usual, slow)


def _older(held: Sequence[Instant], late: Instant) -> int:
    return sum(since < late for since in held)
