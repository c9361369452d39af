"""The switches that operators set, as a process last read them."""

from collections.abc import Sequence

from reclave.domain.errors import JourneyPaused
from reclave.domain.switches import WHOLE_PORTAL, Switch
from reclave.domain.time import Instant
from reclave.ports.store import Store


class Switchboard:
    """Read from the database every few seconds, so that no page waits for it."""

    def __init__(self) -> None:
        self._switches: Sequence[Switch] = ()
        self.version = 0
        """Grows when the switches have changed."""

    async def refresh(self, store: Store) -> None:
        """Read the switches again."""
        async with store.reading() as tx:
            switches = await tx.switches.every()
        if switches != self._switches:
            self._switches = switches
            self.version += 1

    def of(self, portal: str, journey: str, now: Instant) -> list[Switch]:
        """What holds now for a journey of a portal, the whole portal's switch first."""
        return [
            switch
            for switch in self._switches
            if switch.portal == portal and switch.journey in {journey, WHOLE_PORTAL} and switch.holds(now)
        ]

    def check(self, portal: str, journey: str, now: Instant) -> None:
        """Raise `JourneyPaused` while an operator has paused a journey, or its whole portal."""
        for switch in self.of(portal, journey, now):
            if switch.paused:
                raise JourneyPaused(journey, switch.until)
