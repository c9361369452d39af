"""The store on SQLite or PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from sqlalchemy import select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters import step_by_step
from reclave.adapters.sql.accounts import SqlAccounts
from reclave.adapters.sql.audit import SqlAudit
from reclave.adapters.sql.away import gave_up_waiting, is_of_the_database, said
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
from reclave.adapters.sql.sign_ins import SqlSignIns
from reclave.adapters.sql.switches import SqlSwitches
from reclave.adapters.sql.tables import intake
from reclave.domain.audit import Entry
from reclave.domain.errors import StoreAway
from reclave.domain.intake import Admission, Request
from reclave.domain.sessions import Session
from reclave.domain.time import Instant
from reclave.ports.sign_ins import Attempt, Met, Opening

_Result = TypeVar("_Result")


class SqlTransaction:
    """`ports.store.Transaction` over one connection."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self.now = now
        self.accounts = SqlAccounts(connection, now)
        self.grants = SqlGrants(connection, now)
        self.intakes = SqlIntakes(connection, now)
        self.outbox = SqlOutbox(connection, now)
        self.sessions = SqlSessions(connection, now)
        self.sign_ins = SqlSignIns(connection, now)
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
        self._door = GroupCommit(self._admit, is_of_the_database)
        self._writers: set[asyncio.Task[object] | None] = set()
        self._at_once = database.admission() if isinstance(database, PostgresqlDatabase) else None
        self._sign_ins = database.sign_ins() if isinstance(database, PostgresqlDatabase) else None

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

    async def try_password(self, attempt: Attempt) -> Met:
        """Count a try at a password and look up whom it is at.

        Where the connection is lost on the way the try may be counted twice.
        """
        found = await _unless_lost(self._sign_ins.try_password(attempt)) if self._sign_ins else None
        if found is None:
            return await step_by_step.try_password(self, attempt)
        met, counted = found
        if counted:
            return met
        async with self.transaction() as tx:
            tried = await tx.sign_ins.count(attempt.portal, attempt.subject(met.standing), attempt.everyone)
        return replace(met, tried=tried)

    async def open_session(self, opening: Opening) -> Session | None:
        """Open a session.

        Where the connection is lost on the way nobody knows whether it was opened: what is there then is looked up.
        """
        if self._sign_ins is not None:
            session = await _unless_lost(self._sign_ins.open_session(opening))
            if session is None:
                async with self.reading() as tx:
                    session = await tx.sessions.get(opening.session.portal, opening.session.digest)
            if session is not None:
                return session
        return await step_by_step.open_session(self, opening)

    async def record(self, entry: Entry) -> None:
        """Append an entry to the audit trail; where the connection is lost on the way, it may be there twice."""
        if self._sign_ins is None or await _unless_lost(self._sign_ins.record(entry)) is None:
            await step_by_step.record(self, entry)

    async def turned_away(self, portal: str, *, since: Instant) -> int:
        async with self.database.reading() as (connection, _now):
            return await turned_away(connection, portal, since=since)

    async def close(self) -> None:
        await self._door.close()
        if self._at_once is not None:
            await self._at_once.close()
        if self._sign_ins is not None:
            await self._sign_ins.close()
        await self.database.close()

    def _refuse_nesting(self) -> None:
        if asyncio.current_task() in self._writers:
            raise RuntimeError("a transaction within a transaction of the same task")

    async def _admit(self, requests: Sequence[Request]) -> list[Admission]:
        try:
            return await (self._at_once or self).admit(requests)
        except (SQLAlchemyError, StoreAway, OSError) as error:
            if not is_of_the_database(error):
                raise
            if gave_up_waiting(error):
                raise StoreAway(said(error)) from error
            there = await self._written(requests)
            if not there and self._at_once is None:
                raise
        others = [request for n, request in enumerate(requests) if n not in there]
        decided = iter(await self.admit(others))
        return [Admission.ACCEPTED if n in there else next(decided) for n in range(len(requests))]

    async def admit(self, requests: Sequence[Request]) -> list[Admission]:
        """Admit a batch in a transaction of several statements."""
        async with self.database.writing() as (connection, now):
            return await admit(connection, now, requests)

    async def _written(self, requests: Sequence[Request]) -> Collection[int]:
        """Which of a batch are there though its commit failed: the server may have gone before it said so."""
        key = tuple_(intake.c.portal, intake.c.id)
        async with self.database.reading() as (connection, _now):
            query = select(intake.c.portal, intake.c.id).where(key.in_([(one.portal, one.id) for one in requests]))
            found = {tuple(row) for row in await connection.execute(query)}
        return {n for n, one in enumerate(requests) if (one.portal, one.id) in found}


async def _unless_lost(work: Awaitable[_Result]) -> _Result | None:
    """What a statement found; None where its connection was lost, so that nobody knows what it did.

    Raises `StoreAway` where it waited too long, or the server is known to be away.
    """
    try:
        return await work
    except (SQLAlchemyError, StoreAway, OSError) as error:
        if isinstance(error, StoreAway) or not is_of_the_database(error):
            raise
        if isinstance(error, TimeoutError) or gave_up_waiting(error):
            raise StoreAway(said(error)) from error
        return None


async def open_store(url: str, *, clock_offset: ClockOffset | None = None) -> SqlStore:
    """Open the store at `sqlite+aiosqlite:///path` or `postgresql+psycopg://…`; the schema is not checked.

    `clock_offset` gives microseconds that are added to the database's clock.
    Raises ValueError for another URL, FileNotFoundError where a SQLite file's folder is missing.
    """
    return SqlStore(open_database(url, clock_offset or no_offset))
