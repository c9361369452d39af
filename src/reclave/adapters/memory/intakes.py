"""Intakes, and the count of requests that became none."""

from collections.abc import Sequence
from dataclasses import replace

from reclave.adapters.memory.tables import IntakeRow, Tables
from reclave.domain.intake import Intake, Outcome, Request
from reclave.domain.time import HOUR, Instant, Span


class MemoryIntakes:
    """`ports.store.Intakes` in memory, and the door's half of it."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._rows = tables.intakes
        self._turned_away = tables.turned_away
        self._now = now

    def write(self, request: Request) -> None:
        """Write the intake of a request. Raises ValueError when the portal has one with this id."""
        key = (request.portal, request.id)
        if key in self._rows:
            raise ValueError("the portal has an intake with this id")
        intake = Intake(
            portal=request.portal,
            id=request.id,
            journey=request.journey,
            sealed_fields=request.sealed_fields,
            identifier=request.identifier,
            client=request.client,
            language=request.language,
            waiting=request.waiting,
            reference=request.reference,
            accepted_at=self._now,
        )
        self._rows.put(key, IntakeRow(intake))

    def turn_away(self, portal: str) -> None:
        """Count a request that leaves no row."""
        key = (portal, self._now - self._now % HOUR)
        self._turned_away.put(key, (self._turned_away.get(key) or 0) + 1)

    async def take(self, *, limit: int, lease: Span) -> list[Intake]:
        free = [row.intake for row in self._rows if row.intake.outcome is None and self._free(row, lease)]
        return sorted(free, key=lambda each: each.accepted_at)[:limit]

    async def claim(self, *, limit: int, lease: Span) -> list[Intake]:
        claimed = [replace(intake, fence=intake.fence + 1) for intake in await self.take(limit=limit, lease=lease)]
        for intake in claimed:
            self._put(intake, leased_until=self._now + lease)
        return claimed

    async def release(self, intakes: Sequence[Intake]) -> int:
        found = [await self.get(each.portal, each.id) for each in intakes]
        pairs = zip(intakes, found, strict=True)
        own = [now for was, now in pairs if now is not None and now.outcome is None and now.fence == was.fence]
        for intake in own:
            self._put(intake)
        return len(own)

    async def resolve(self, intake: Intake, outcome: Outcome, grants: Sequence[bytes] = ()) -> bool:
        there = await self.get(intake.portal, intake.id)
        if there is None or there.outcome is not None or there.fence != intake.fence:
            return False
        self._put(replace(there, outcome=outcome, sealed_fields=None, grants=tuple(grants)))
        return True

    async def resolve_all(self, resolved: Sequence[tuple[Intake, Outcome, Sequence[bytes]]]) -> bool:
        return all([await self.resolve(*each) for each in resolved])

    async def unresolved(self, *, after: tuple[Instant, bytes] = (0, b""), limit: int) -> list[Intake]:
        found = [row.intake for row in self._rows if row.intake.outcome is None]
        later = [intake for intake in found if (intake.accepted_at, intake.id) > after]
        return sorted(later, key=lambda intake: (intake.accepted_at, intake.id))[:limit]

    async def reseal(self, portal: str, intake: bytes, sealed_fields: bytes) -> bool:
        row = self._rows.get((portal, intake))
        if row is None or row.intake.outcome is not None:
            return False
        self._put(replace(row.intake, sealed_fields=sealed_fields), row.leased_until)
        return True

    async def get(self, portal: str, intake: bytes) -> Intake | None:
        row = self._rows.get((portal, intake))
        return None if row is None else row.intake

    async def by_waiting(self, portal: str, waiting: bytes) -> Intake | None:
        rows = (row.intake for row in self._rows)
        return next((each for each in rows if (each.portal, each.waiting) == (portal, waiting)), None)

    async def erase(self, *, accepted_before: Instant) -> int:
        stale = [
            row.intake for row in self._rows if row.intake.outcome is None and row.intake.accepted_at < accepted_before
        ]
        for intake in stale:
            self._put(replace(intake, outcome=Outcome.STALE, sealed_fields=None))
        return len(stale)

    async def purge(self, *, accepted_before: Instant, limit: int) -> int:
        over = [
            row.intake
            for row in self._rows
            if row.intake.outcome is not None and row.intake.accepted_at < accepted_before
        ][:limit]
        for intake in over:
            self._rows.remove((intake.portal, intake.id))
        return len(over)

    async def waiting(self) -> tuple[int, Instant | None]:
        accepted = [row.intake.accepted_at for row in self._rows if row.intake.outcome is None]
        return len(accepted), min(accepted, default=None)

    def _free(self, row: IntakeRow, lease: Span) -> bool:
        return row.leased_until is None or not self._now < row.leased_until <= self._now + lease

    def _put(self, intake: Intake, leased_until: Instant | None = None) -> None:
        self._rows.put((intake.portal, intake.id), IntakeRow(intake, leased_until))
