"""A connection that is kept for statements that are transactions of their own (autocommit)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

LONGEST_SECONDS = 5.0
"""For how long a statement may run."""


class KeptConnection:
    """One connection, taken from its pool before the first statement and given back after the last or a failed one.

    For one caller at a time. To begin and end a transaction, and to fetch a connection for it, takes longer than what
    a short statement does.
    """

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]]) -> None:
        """`connect`: gives a connection in autocommit."""
        self._connect = connect
        self._connection: AsyncConnection | None = None

    async def run(
        self, statement: str, parameters: Mapping[str, Any] | None = None, *, returns: bool = True
    ) -> list[Row[Any]]:
        """The rows of a statement, where it `returns` any; it is committed when they are here.

        Raises TimeoutError after `LONGEST_SECONDS`, `sqlalchemy.exc.SQLAlchemyError`; it may then have been committed.
        """
        connection = self._connection or await self._connect()
        self._connection = None
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                result = await connection.exec_driver_sql(statement, dict(parameters) if parameters else None)
                rows = list(result.all()) if returns else []
        except DBAPIError:
            await asyncio.shield(connection.close())
            raise
        except BaseException:  # also who is cancelled: nobody knows what is still on its way
            await asyncio.shield(connection.invalidate())
            raise
        self._connection = connection
        return rows

    async def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            await self._connection.close()
