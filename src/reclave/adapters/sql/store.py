"""The store on SQLite or PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sqlalchemy import select, tuple_
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.accounts import SqlAccounts
from reclave.adapters.sql.audit import SqlAudit
from reclave.adapters.sql.cases import SqlCases
from reclave.adapters.sql.clock import ClockOffset, no_offset
from reclave.adapters.sql.counters import SqlGuesses, SqlLimits, turned_away
from reclave.adapters.sql.engine import Database, PostgresqlDatabase, open_database
from reclave.adapters.sql.grants import SqlGrants
from reclave.adapters.sql.group_commit import GroupCommit
from reclave.adapters.sql.imports import SqlImports
from reclave.adapters.sql.intakes import SqlIntakes, admit
from reclave.adapters.sql.leases import SqlLeases
from reclave.adapters.sql.outbox import SqlOutbox
from reclave.adapters.sql.password_schemes import SqlPasswordSchemes
from reclave.adapters.sql.sessions import SqlSessions
from reclave.adapters.sql.shares import Shares
from reclave.adapters.sql.switches import SqlSwitches
from reclave.adapters.sql.tables import intake
from reclave.domain.intake import Admission, Request
from reclave.domain.time import Instant


class SqlTransaction:
    """`ports.store.Transaction` over one connection."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self.now = now
        self.accounts = SqlAccounts(connection, now)
        self.grants = SqlGrants(connection, now)
        self.intakes = SqlIntakes(connection, now)
        self.outbox = SqlOutbox(connection, now)
        self.sessions = SqlSessions(connection, now)
        self.guesses = SqlGuesses(connection, now)
        self.limits = SqlLimits(connection, now)
        self.audit = SqlAudit(connection, now)
        self.cases = SqlCases(connection, now)
        self.switches = SqlSwitches(connection, now)
        self.password_schemes = SqlPasswordSchemes(connection)
        self.imports = SqlImports(connection, now)
        self.leases = SqlLeases(connection, now)
        self._connection = connection

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator["SqlTransaction"]:
        """A savepoint that is always rolled back."""
        savepoint = await self._connection.begin_nested()
        try:
            yield self
        finally:
            await savepoint.rollback()


class SqlStore:
    """`ports.store.Store` on SQL, for one event loop."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._door = GroupCommit(self._admit, _of_the_database)
        self._writers: set[asyncio.Task[object] | None] = set()
        # SQLite has one writer anyway.
        self._shares = Shares() if isinstance(database, PostgresqlDatabase) else None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqlTransaction]:
        """A transaction that may write.

        Raises RuntimeError within another one of the same task, which on SQLite would wait for itself.
        """
        self._refuse_nesting()
        task = asyncio.current_task()
        async with self.database.writing() as (connection, now):
            self._writers.add(task)
            try:
                yield SqlTransaction(connection, now)
            finally:
                self._writers.discard(task)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[SqlTransaction]:
        """A transaction that only reads; a write through it raises `sqlalchemy.exc.DBAPIError`.

        On SQLite all of it sees one state, on PostgreSQL each statement sees what was committed before it.
        """
        async with self.database.reading() as (connection, now):
            yield SqlTransaction(connection, now)

    async def accept(self, request: Request) -> Admission:
        """Take the request's costs and write its intake, committed before this returns.

        What a refused request took from its limits stays taken. Raises `sqlalchemy.exc.IntegrityError` when
        the portal has an intake with this id, RuntimeError after `close`.
        """
        self._refuse_nesting()
        return await self._door.submit(request)

    async def turned_away(self, portal: str, *, since: Instant) -> int:
        async with self.database.reading() as (connection, _now):
            return await turned_away(connection, portal, since=since)

    async def close(self) -> None:
        await self._door.close()
        await self.database.close()

    def _refuse_nesting(self) -> None:
        if asyncio.current_task() in self._writers:
            raise RuntimeError("a transaction within a transaction of the same task")

    async def _admit(self, requests: Sequence[Request]) -> list[Admission]:
        decided: list[Admission] = []
        try:
            async with self.database.writing() as (connection, now):
                decided = await admit(connection, now, requests, self._shares)
            if self._shares is not None:
                self._shares.committed()
        except SQLAlchemyError:
            # The server may have committed and gone before it said so: then its rows tell.
            if not await self._written(requests, decided):
                raise
        return decided

    async def _written(self, requests: Sequence[Request], decided: Sequence[Admission]) -> bool:
        """Whether a batch whose commit failed is in the database all the same."""
        accepted = [
            (request.portal, request.id)
            for request, admission in zip(requests, decided, strict=False)
            if admission is Admission.ACCEPTED
        ]
        if not accepted:
            return False
        async with self.database.reading() as (connection, _now):
            query = select(intake.c.id).where(tuple_(intake.c.portal, intake.c.id) == accepted[0])
            return (await connection.execute(query)).first() is not None


def _of_the_database(error: BaseException) -> bool:
    """Whether an error is the database's own (gone, locked, full) and not of what was written."""
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout | OSError)


async def open_store(url: str, *, clock_offset: ClockOffset | None = None) -> SqlStore:
    """Open the store at `sqlite+aiosqlite:///path` or `postgresql+psycopg://…`; the schema is not checked.

    `clock_offset` gives microseconds that are added to the database's clock.
    Raises ValueError for another URL, FileNotFoundError where a SQLite file's folder is missing.
    """
    return SqlStore(open_database(url, clock_offset or no_offset))
