"""A few connections that are kept for statements that are transactions of their own, for any number of callers.

They go to the driver as PostgreSQL takes them. SQLAlchemy would read the statement for its parameters and describe its
columns anew each time, which takes longer than all the rest: 0.45 ms instead of 0.14 for a look at a sign-in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias, cast

import psycopg
from sqlalchemy import ClauseElement, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler

from reclave.adapters.sql.kept import LONGEST_SECONDS

Driver: TypeAlias = psycopg.AsyncConnection[Any]
_NUMBERED = create_engine("postgresql+psycopg://", paramstyle="numeric_dollar").dialect


class Statement:
    """A statement that is written once, with numbers for its parameters."""

    def __init__(self, written: ClauseElement) -> None:
        compiled = cast(SQLCompiler, written.compile(dialect=_NUMBERED))
        self.text = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        self._bytes = self.text.encode()

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """What its parameters are, in their order."""
        return [given[name] for name in self._names]

    async def sent(self, driver: Driver, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Its rows. Raises psycopg.Error."""
        cursor = psycopg.AsyncRawCursor(driver)
        await cursor.execute(self._bytes, self.values(given))
        return await cursor.fetchall()


class KeptConnections:
    """Connections that are opened when one more is needed than there are, up to a number; who comes then waits.

    The one used last is used first: it has the statements prepared.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]], most: int) -> None:
        """`connect`: gives a connection in autocommit."""
        self._connect = connect
        self._turns = asyncio.Semaphore(most)
        self._idle: list[tuple[AsyncConnection, Driver]] = []

    async def run(self, statement: Statement, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of a statement, which is committed when they are here.

        Raises TimeoutError after `LONGEST_SECONDS` without a turn or an answer, `StoreAway` where nothing connects,
        `sqlalchemy.exc.DBAPIError`; but for the first two it may then have been committed.
        """
        if self._turns.locked():
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._turns.acquire()
        else:
            await self._turns.acquire()
        try:
            return await self._run(statement, given)
        finally:
            self._turns.release()

    async def _run(self, statement: Statement, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        connection, driver = self._idle.pop() if self._idle else await self._opened()
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                rows = await statement.sent(driver, given)
        except BaseException as error:  # also who is cancelled: nobody knows what is still on its way
            await asyncio.shield(connection.invalidate())
            if not isinstance(error, psycopg.Error):
                raise
            raise DBAPIError.instance(
                statement.text, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=driver.closed
            ) from error
        self._idle.append((connection, driver))
        return rows

    async def _opened(self) -> tuple[AsyncConnection, Driver]:
        connection = await self._connect()
        return connection, cast(Driver, (await connection.get_raw_connection()).driver_connection)

    async def close(self) -> None:
        """Give the connections back; none may be in use."""
        for connection, _ in self._idle:
            await connection.close()
