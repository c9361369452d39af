"""The audit trail."""

import struct
from collections.abc import Collection, Sequence
from dataclasses import replace

from reclave.adapters.memory.tables import Tables
from reclave.domain.audit import Entry, Event
from reclave.domain.time import Instant
from reclave.ports.records import SealedBatch, SealedBy


class MemoryAudit:
    """`ports.store.Audit` in memory, numbered from 1 without gaps."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._entries = tables.audit
        self._batches = tables.batches
        self._now = now

    async def add(self, entry: Entry) -> None:
        self._entries.put(len(self._entries) + 1, replace(entry, at=self._now, detail=dict(entry.detail)))

    async def add_all(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            await self.add(entry)

    async def of_account(self, portal: str, account: str, events: Collection[Event], *, limit: int) -> list[Entry]:
        found = [
            replace(entry, detail=dict(entry.detail))
            for entry in self._entries
            if entry.portal == portal and entry.account == account and entry.event in events
        ]
        return found[::-1][:limit]

    async def read(self, *, after: int, limit: int) -> list[tuple[int, bytes]]:
        numbered = [(number, _canonical(number, entry)) for number, entry in self._entries.items() if number > after]
        return numbered[:limit]

    async def batches(self, *, after: int = 0, limit: int = 1000) -> list[SealedBatch]:
        return sorted((each for each in self._batches if each.number > after), key=_number)[:limit]

    async def last_batch(self) -> SealedBatch | None:
        return max(self._batches, key=_number, default=None)

    async def entries(
        self, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[tuple[int, Entry]]:
        found = [
            (number, replace(entry, detail=dict(entry.detail)))
            for number, entry in self._entries.items()
            if after < number and (before is None or number < before)
        ]
        return (found[::-1] if newest else found)[:limit]

    async def sealed_by(self) -> list[SealedBy]:
        keys = sorted({batch.key_id for batch in self._batches})
        own = ([batch for batch in self._batches if batch.key_id == key] for key in keys)
        return [
            SealedBy(some[0].key_id, len(some), min(each.first for each in some), max(each.last for each in some))
            for some in own
        ]

    async def add_batch(self, batch: SealedBatch) -> bool:
        if batch.number in self._batches:
            return False
        self._batches.put(batch.number, batch)
        return True


def _number(batch: SealedBatch) -> int:
    return batch.number


def _canonical(number: int, entry: Entry) -> bytes:
    """Every column, length-prefixed, so that no two entries share their bytes; None differs from ""."""
    parts: list[bytes] = [
        struct.pack(">Qq", number, entry.at),
        entry.portal.encode(),
        entry.event.encode(),
        b"\x00" if entry.account is None else b"\x01" + entry.account.encode(),
        entry.client,
        entry.reference.encode(),
    ]
    for key, value in sorted(entry.detail.items()):
        parts += [key.encode(), value.encode()]
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)
