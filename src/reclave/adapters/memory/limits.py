"""Rate limits."""

from collections.abc import Sequence

from reclave.adapters.memory.tables import Tables
from reclave.domain.limits import Cost, admitted
from reclave.domain.time import Instant


class MemoryLimits:
    """`ports.store.Limits` in memory: a theoretical arrival time under each key."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._arrivals = tables.limits
        self._now = now

    async def take(self, costs: Sequence[Cost]) -> list[int]:
        return [self._take(cost) for cost in costs]

    async def purge(self) -> int:
        full = [key for key, arrival in self._arrivals.items() if arrival <= self._now]
        return sum(map(self._arrivals.remove, full))

    def _take(self, cost: Cost) -> int:
        passed, arrival = admitted(self._arrivals.get(cost.key), self._now, cost.limit, cost.amount)
        self._arrivals.put(cost.key, arrival)
        return passed
