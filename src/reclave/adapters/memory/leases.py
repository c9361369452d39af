"""Leases."""

from reclave.adapters.memory.tables import Tables
from reclave.domain.time import Instant, Span


class MemoryLeases:
    """`ports.records.Leases` in memory."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._rows = tables.leases
        self._now = now

    async def hold(self, name: str, holder: bytes, span: Span) -> bool:
        held_by, until = self._rows.get(name) or (holder, self._now)
        if held_by != holder and self._now < until <= self._now + span:
            return False
        self._rows.put(name, (holder, self._now + span))
        return True

    async def release(self, name: str, holder: bytes) -> bool:
        held = self._rows.get(name)
        return held is not None and held[0] == holder and self._rows.remove(name)
