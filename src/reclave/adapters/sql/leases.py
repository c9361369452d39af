"""Leases on SQL: a row for each task that only one process does at a time."""

from sqlalchemy import BigInteger, LargeBinary, Table, and_, delete, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.clock import OVERTAKEN
from reclave.adapters.sql.columns import ByBytes, given, key
from reclave.adapters.sql.tables import metadata
from reclave.domain.time import Instant, Span

_lease = Table("lease", metadata, key("name", ByBytes), given("holder", LargeBinary), given("until", BigInteger))


class SqlLeases:
    """`ports.records.Leases` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def hold(self, name: str, holder: bytes, span: Span) -> bool:
        until = self._now + span
        ended = or_(_lease.c.until <= self._now, _lease.c.until > until + OVERTAKEN)
        statement = (
            insert(_lease)
            .values(name=name, holder=holder, until=until)
            .on_conflict_do_update(
                index_elements=[_lease.c.name],
                set_={"holder": holder, "until": until},
                where=or_(_lease.c.holder == holder, ended),
            )
            .returning(_lease.c.name)
        )
        return (await self._connection.execute(statement)).first() is not None

    async def release(self, name: str, holder: bytes) -> bool:
        own = and_(_lease.c.name == name, _lease.c.holder == holder)
        return (await self._connection.execute(delete(_lease).where(own))).rowcount == 1
