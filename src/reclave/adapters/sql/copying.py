"""COPY in the binary format: rows into a table of PostgreSQL at about half of what an INSERT costs both sides."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary, Table, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

_NAMES = ((LargeBinary, "bytea"), (Boolean, "bool"), (BigInteger, "int8"), (Integer, "int4"))
_preparer = make_url("postgresql+psycopg://").get_dialect()().identifier_preparer


class CopiedRows:
    """Rows for some columns of a table, in the order given. Values are str, int, bool, bytes or None."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        named = ", ".join(map(_preparer.quote, columns))
        self._statement = f"COPY {_preparer.format_table(table)} ({named}) FROM STDIN (FORMAT BINARY)"
        self._types = [_type_of(table, name) for name in columns]

    async def insert(self, connection: AsyncConnection, rows: Iterable[Sequence[Any]]) -> None:
        """Insert the rows, as part of the connection's transaction.

        Raises what SQLAlchemy makes of the driver's errors; there is no ON CONFLICT.
        """
        from psycopg import Error

        driver = (await connection.get_raw_connection()).driver_connection
        if driver is None:
            raise RuntimeError("the connection is closed")
        try:
            async with driver.cursor() as cursor, cursor.copy(self._statement) as copy:
                copy.set_types(self._types)
                for row in rows:
                    await copy.write_row(row)
        except Error as error:
            raise DBAPIError.instance(self._statement, None, error, Error, hide_parameters=True) from error


def _type_of(table: Table, name: str) -> str:
    of = table.c[name].type
    return next((written for kind, written in _NAMES if isinstance(of, kind)), "text")
