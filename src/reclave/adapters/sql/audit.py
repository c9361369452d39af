"""The audit trail and its sealed batches.

A sequence numbers the entries, so on PostgreSQL a higher number can be committed before a lower one, which a seal may
not skip: `read` stops before any number that another running transaction may hold. To tell, an insert first takes a
shared advisory lock, until its transaction ends, on the last number given before its own (it is the column's default,
in `migrations/versions/0001_initial.py`). What is not above the lowest lock is settled: committed, or never used.
The locks are shared: nobody waits for them. On SQLite there is one writer at a time anyway.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.bulk import ManyRows
from reclave.adapters.sql.columns import canonical_json, values_of
from reclave.adapters.sql.tables import audit as _audit
from reclave.adapters.sql.tables import audit_batch as _batch
from reclave.domain.audit import Entry, Event
from reclave.domain.time import Instant
from reclave.ports.records import SealedBatch, SealedBy

_DOMAIN = [each for each in _audit.columns if each.name != "number"]
_ADD = ManyRows(_audit, [each.name for each in _DOMAIN])
_ADD_ONE = (
    insert(_audit).inline().values({each.name: bindparam(f"of_{each.name}", type_=each.type) for each in _DOMAIN})
)

LOCKS = 0x5243
"""The upper 16 bits of the keys of this module's advisory locks; the lower 48 are a number of the trail."""

_LOWEST_LOCK = text(
    "SELECT min((classid::bigint & 65535) << 32 | objid::bigint) FROM pg_locks"
    " WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = :locks"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND pid <> pg_backend_pid()"
)


class SqlAudit:
    """`ports.store.Audit` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def add(self, entry: Entry) -> None:
        given = {f"of_{name}": value for name, value in values_of(entry).items()}
        await self._connection.execute(_ADD_ONE, given | {"of_at": self._now})

    async def add_all(self, entries: Sequence[Entry]) -> None:
        rows = [(each.portal, each.event, *_whose(each), canonical_json(each.detail), self._now) for each in entries]
        await _ADD.insert(self._connection, rows)

    async def of_account(self, portal: str, account: str, events: Collection[Event], *, limit: int) -> list[Entry]:
        query = (
            select(*_DOMAIN)
            .where(_audit.c.portal == portal, _audit.c.account == account, _audit.c.event.in_(list(events)))
            .order_by(_audit.c.number.desc())
            .limit(limit)
        )
        return [Entry(**row._asdict()) for row in await self._connection.execute(query)]

    async def read(self, *, after: int, limit: int) -> list[tuple[int, bytes]]:
        query = (
            select(_audit)
            .where(_audit.c.number > after, _audit.c.number <= await self._settled())
            .order_by(_audit.c.number)
            .limit(limit)
        )
        return [(row.number, _canonical(row)) for row in await self._connection.execute(query)]

    async def batches(self, *, after: int = 0, limit: int = 1000) -> list[SealedBatch]:
        query = select(_batch).where(_batch.c.number > after).order_by(_batch.c.number).limit(limit)
        return [SealedBatch(*row) for row in await self._connection.execute(query)]

    async def last_batch(self) -> SealedBatch | None:
        query = select(_batch).order_by(_batch.c.number.desc()).limit(1)
        row = (await self._connection.execute(query)).first()
        return None if row is None else SealedBatch(*row)

    async def entries(
        self, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[tuple[int, Entry]]:
        number = _audit.c.number
        query = select(_audit).where(number > after).order_by(number.desc() if newest else number).limit(limit)
        if before is not None:
            query = query.where(number < before)
        if not newest:
            query = query.where(number <= await self._settled())
        rows = [row._asdict() for row in await self._connection.execute(query)]
        return [(row.pop("number"), Entry(**row)) for row in rows]

    async def sealed_by(self) -> list[SealedBy]:
        lowest, highest = func.min(_batch.c.first), func.max(_batch.c.last)
        query = select(_batch.c.key_id, func.count(), lowest, highest).group_by(_batch.c.key_id)
        return [SealedBy(*row) for row in await self._connection.execute(query.order_by(_batch.c.key_id))]

    async def add_batch(self, batch: SealedBatch) -> bool:
        statement = upsert(_batch).values(values_of(batch)).on_conflict_do_nothing()
        added = await self._connection.execute(statement.returning(_batch.c.number))
        return added.first() is not None

    async def _settled(self) -> int:
        """The highest number up to which nothing is missing that may still be committed.

        The order of statements matters: a number given after the first is higher than what it found; whoever
        was given one before has ended, or the second sees the lock; the caller's next sees what has ended.
        """
        newest = int(await self._connection.scalar(select(func.max(_audit.c.number))) or 0)
        if self._connection.dialect.name != "postgresql":
            return newest
        lowest = await self._connection.scalar(_LOWEST_LOCK, {"locks": LOCKS})
        return newest if lowest is None else min(newest, int(lowest))


def _whose(entry: Entry) -> tuple[str | None, bytes, str]:
    return entry.account, entry.client, entry.reference


def _canonical(row: Row[Any]) -> bytes:
    """All columns as one line of JSON in UTF-8, the same on both engines."""
    where_from = (row.client.hex(), row.reference, row.detail, row.at)
    return canonical_json([row.number, row.portal, row.event, row.account, *where_from]).encode()
