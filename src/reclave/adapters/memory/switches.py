"""Switches of journeys."""

from dataclasses import replace

from reclave.adapters.memory.tables import Tables
from reclave.domain.switches import Switch
from reclave.domain.time import Instant


class MemorySwitches:
    """`ports.records.Switches` in memory."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._rows = tables.switches
        self._now = now

    async def every(self) -> list[Switch]:
        return sorted(self._rows, key=lambda switch: (switch.portal, switch.journey))

    async def put(self, switch: Switch) -> None:
        self._rows.put((switch.portal, switch.journey), replace(switch, changed_at=self._now))

    async def remove(self, portal: str, journey: str) -> bool:
        there = (portal, journey) in self._rows
        if there:
            self._rows.remove((portal, journey))
        return there
