"""Statements over many rows: inserting them in one round trip, and claiming or deleting a few at a time."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    LargeBinary,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSON, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeEngine

Upsert: TypeAlias = Insert | ReturningInsert[*tuple[Any, ...]]
"""An INSERT with or without RETURNING."""


def _as_is(statement: Insert) -> Upsert:
    return statement


class ManyRows:
    """An INSERT of any number of rows into some columns of a table, in the order given.

    On PostgreSQL the rows go as one JSON text: with a placeholder for each value it would take twice as long.
    Values are str, int, bytes or None.
    """

    def __init__(self, table: Table, columns: Sequence[str], also: Callable[[Insert], Upsert] = _as_is) -> None:
        """`also` adds ON CONFLICT and RETURNING to the statement."""
        self._row_by_row = also(insert(table).values({name: bindparam(name) for name in columns}))
        self._at_once = also(_from_json(table, columns))

    async def insert(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> CursorResult[Any]:
        """Insert the rows (at least one)."""
        if connection.dialect.name == "postgresql":
            return await connection.execute(self._at_once, {"rows": _json(rows)})
        return await connection.execute(self._row_by_row, rows)


def _json(rows: Sequence[Mapping[str, Any]]) -> str:
    plain = [{name: value.hex() if type(value) is bytes else value for name, value in row.items()} for row in rows]
    return msgspec.json.encode(plain).decode()


def _from_json(table: Table, columns: Sequence[str]) -> Insert:
    types = {name: table.c[name].type for name in columns}
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON)).table_valued(
        *(column(name, _in_json(of)) for name, of in types.items()), name="given"
    )
    given = rows.render_derived(with_types=True)
    values = [
        func.decode(given.c[name], literal_column("'hex'")) if isinstance(of, LargeBinary) else given.c[name]
        for name, of in types.items()
    ]
    return insert(table).from_select(list(columns), select(*values), include_defaults=False)


def _in_json(of: TypeEngine[Any]) -> TypeEngine[Any]:
    return of if of.python_type is int else Text()


def among(table: Table, few: Select[Any]) -> ColumnElement[bool]:
    """Whether a row is among the few that a query finds; rows that another transaction holds are left out.

    MATERIALIZED, because PostgreSQL may run a LIMIT within IN again for every row, and so touch too many.
    Nested, because sqlite3 counts no rows of a statement that begins with WITH.
    """
    keys = table.primary_key.columns
    found = few.with_only_columns(*keys).with_for_update(skip_locked=True).cte("few", nesting=True)
    found = found.prefix_with("MATERIALIZED")
    return tuple_(*keys).in_(select(*(found.c[each.name] for each in keys)))
