"""Connections to SQLite and PostgreSQL, and how a transaction begins on each.

Both yield a connection whose transaction has begun, with the database's clock at its start; it commits when
the block ends and rolls back when the block raises.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import structlog
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from reclave.adapters.sql import unhurried
from reclave.adapters.sql.admission import AdmissionAtOnce
from reclave.adapters.sql.away import Attempts, ReadOnlyServer, is_away, said
from reclave.adapters.sql.clock import ClockOffset, machine_now
from reclave.adapters.sql.direct import ServerConnection, prepare_where_direct
from reclave.adapters.sql.file_gate import FileGate
from reclave.adapters.sql.kept import KeptConnection
from reclave.adapters.sql.sign_ins_at_once import SignInsAtOnce
from reclave.adapters.sql.unhurried import end_if_cancelled
from reclave.domain.errors import StoreAway
from reclave.domain.time import Instant

SQLITE = "sqlite+aiosqlite"
POSTGRESQL = "postgresql+psycopg"
_log = structlog.get_logger("reclave")

Begun: TypeAlias = tuple[AsyncConnection, Instant]
"""A connection whose transaction has begun, and the database's clock then."""


class Database(Protocol):
    """One of the two engines."""

    def writing(self) -> AbstractAsyncContextManager[Begun]:
        """A transaction that may write."""

    def reading(self) -> AbstractAsyncContextManager[Begun]:
        """A transaction that the engine keeps from writing."""

    async def close(self) -> None:
        """Close every connection."""


def open_database(url: str, clock_offset: ClockOffset) -> Database:
    """The database at a URL; nothing is connected yet, but a missing SQLite file is created (mode 0600).

    Raises ValueError for any other engine or driver, FileNotFoundError where the file's folder is missing.
    """
    parsed = make_url(url)
    if parsed.drivername == SQLITE:
        return SqliteDatabase(parsed, clock_offset)
    if parsed.drivername == POSTGRESQL:
        return PostgresqlDatabase(parsed, clock_offset)
    raise ValueError(f"{parsed.drivername!r} is not a store: write {SQLITE}:///path or {POSTGRESQL}://…")


def is_postgresql(url: str) -> bool:
    """Whether a store's URL is one of PostgreSQL."""
    return make_url(url).drivername == POSTGRESQL


def create_sqlite_file(url: URL) -> None:
    """Create the database's file for its owner alone; SQLite gives its journal files the same mode."""
    path = url.database
    if not path or path == ":memory:" or path.startswith("file:"):
        raise ValueError("a store on SQLite lives in a file: write sqlite+aiosqlite:///path")
    os.close(os.open(Path(path), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def configure_sqlite(connection: Any, *, read_only: bool = False) -> None:
    """Set up a new SQLite connection: WAL, every commit on disk, 10 s of patience with another process."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout = 10000")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    if read_only:
        cursor.execute("PRAGMA query_only = ON")
    else:
        # 16 MB: the keys of limits are spread over their table, and each batch meets hundreds.
        cursor.execute("PRAGMA cache_size = -16000")
    cursor.close()


class SqliteDatabase:
    """SQLite behind aiosqlite: one writer a process, so that only processes meet at the file's lock."""

    def __init__(self, url: URL, clock_offset: ClockOffset) -> None:
        create_sqlite_file(url)
        self._offset = clock_offset
        # SQLite's own lock is unfair and polled; asyncio's is first come, first served.
        self._turn = asyncio.Lock()
        self._gate = FileGate(Path(f"{url.database}.lock"))
        self._writer = _sqlite_engine(url, connections=1, begin="BEGIN IMMEDIATE", read_only=False)
        self._readers = _sqlite_engine(url, connections=4, begin="BEGIN", read_only=True)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Begun]:
        async with self._turn, self._gate.passed(), _sqlite_transaction(self._writer) as connection:
            yield connection, machine_now() + self._offset()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Begun]:
        async with _sqlite_transaction(self._readers) as connection:
            yield connection, machine_now() + self._offset()

    async def close(self) -> None:
        async with self._turn:
            await self._readers.dispose()
            await self._writer.dispose()
            self._gate.close()


@asynccontextmanager
async def _sqlite_transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction whose connection goes back to the pool whenever its caller is cancelled: there is one writer."""
    connection = await engine.connect()
    try:
        async with connection.begin():
            yield connection
            end_if_cancelled()
    finally:
        try:
            await asyncio.shield(connection.close())
        finally:
            end_if_cancelled()


def _sqlite_engine(url: URL, *, connections: int, begin: str, read_only: bool) -> AsyncEngine:
    # Without isolation_level=None the driver begins transactions by itself, and too late: what was read until
    # the first write is not protected, and updates of two processes are lost.
    engine = create_async_engine(
        url,
        connect_args={"isolation_level": None, "async_creator_fn": unhurried.connect},
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        configure_sqlite(connection, read_only=read_only)

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


# The time-outs are this transaction's, so that they hold behind PgBouncer too, where sessions are shared.
_BEGIN_POSTGRESQL = (
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,"
    " pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean,"
    " set_config('statement_timeout', '5s', true),"
    " set_config('lock_timeout', '3s', true),"
    " set_config('idle_in_transaction_session_timeout', '30s', true)"
)
_CONNECTION_DEFAULTS = {
    "connect_timeout": "5",
    # A server that is gone without a word is noticed within a minute, and at once by whoever sends to it.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


def connectable(url: URL, application_name: str = "reclave") -> URL:
    """A URL of PostgreSQL with defaults for what it leaves open; of several hosts the one that takes writes."""
    defaults = {"application_name": application_name, **_CONNECTION_DEFAULTS}
    hosts = url.query.get("host", ())
    if not isinstance(hosts, str) or "," in hosts:
        defaults |= {"target_session_attrs": "read-write"} if hosts else {}
    return url.update_query_dict({**defaults, **url.query})


class PostgresqlDatabase:
    """PostgreSQL behind psycopg; PgBouncer may stand between (then nothing outlives a transaction)."""

    def __init__(self, url: URL, clock_offset: ClockOffset) -> None:
        self._offset = clock_offset
        self._attempts = Attempts()
        self._engine = create_async_engine(
            connectable(url),
            connect_args={"prepare_threshold": None, "async_creator_fn": ServerConnection.connect},
            isolation_level="READ COMMITTED",
            pool_size=10,
            max_overflow=0,
            pool_timeout=5,
            # The connection that was used last knows most statements, and its server process most of the tables.
            pool_use_lifo=True,
            hide_parameters=True,
        )
        event.listen(self._engine.sync_engine, "connect", prepare_where_direct)
        self._reading = self._engine.execution_options(postgresql_readonly=True)
        self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._bell = KeptConnection(self._connect_alone)

    def writing(self) -> AbstractAsyncContextManager[Begun]:
        return self._transaction(self._engine)

    def reading(self) -> AbstractAsyncContextManager[Begun]:
        return self._transaction(self._reading)

    def admission(self) -> AdmissionAtOnce:
        """What admits requests here."""
        return AdmissionAtOnce(KeptConnection(self._connect_alone), self._offset)

    def sign_ins(self) -> SignInsAtOnce:
        """What counts tries at passwords and opens sessions here."""
        return SignInsAtOnce(self._connect_alone, self._offset)

    async def notify(self, channel: str) -> None:
        """Tell whoever listens on a channel of this database (an identifier), in no transaction of ours.

        For one caller at a time.
        """
        await self._bell.run(f"NOTIFY {channel}", returns=False)

    async def close(self) -> None:
        await self._bell.close()
        await self._engine.dispose()

    async def _connect_alone(self) -> AsyncConnection:
        """A connection in autocommit. Raises `StoreAway`."""
        async with self._attempts.one():
            return await self._alone.connect()

    @asynccontextmanager
    async def _transaction(self, engine: AsyncEngine) -> AsyncIterator[Begun]:
        async with self._attempts.one():
            connection, now = await self._begin(engine)
        try:
            yield connection, now + self._offset()
            await connection.commit()
        except DBAPIError as error:
            if not is_away(error):
                raise
            _log.warning("transaction_given_up", error=type(error.orig).__name__)
            raise StoreAway(said(error)) from error
        finally:
            await asyncio.shield(connection.close())

    async def _begin(self, engine: AsyncEngine, *, again: bool = True) -> Begun:
        """Begin a transaction. Once more where the server had closed the connection, or takes no writes any more.

        Raises `ReadOnlyServer` where the second one takes none either.
        """
        connection = await engine.connect()
        try:
            now, read_only = tuple((await connection.exec_driver_sql(_BEGIN_POSTGRESQL)).one())[:2]
            if not read_only:
                return connection, int(now)
        except BaseException as error:  # also who is cancelled gives the connection back
            await asyncio.shield(connection.close())
            if not (again and isinstance(error, DBAPIError) and error.connection_invalidated):
                raise
        else:
            await asyncio.shield(connection.close())
            # The other connections lead to the same server. Those in use are thrown away when they come back.
            await self._engine.dispose()
            if not again:
                raise ReadOnlyServer("the server takes no writes")
        return await self._begin(engine, again=False)
