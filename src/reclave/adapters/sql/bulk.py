"""Statements over many rows: writing and finding them in one round trip, and claiming or deleting a few at a time."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    CursorResult,
    Dialect,
    FromClause,
    LargeBinary,
    Select,
    Table,
    TableClause,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    make_url,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy import table as named_table
from sqlalchemy.dialects.postgresql import JSON, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeEngine

from reclave.adapters.sql.columns import PSYCOPG

Upsert: TypeAlias = Insert | ReturningInsert[*tuple[Any, ...]]
"""An INSERT with or without RETURNING."""

Rows: TypeAlias = CursorResult[*tuple[Any, ...]]

OneOf: TypeAlias = Callable[[ColumnElement[Any], str], ColumnElement[bool]]
"""Whether a column has one of the values of a parameter with this name."""


_SQLITE: Dialect = make_url("sqlite://").get_dialect()()


def _as_is(statement: Insert) -> Upsert:
    return statement


class ManyRows:
    """An INSERT of any number of rows into some columns of a table, in the order given, in one statement.

    SQLAlchemy writes the statement once; then it goes straight to the driver, because SQLAlchemy would spend more on
    each value than the database does. PostgreSQL takes the rows as one JSON text, SQLite as placeholders (at most
    32,766 at a time). Values are str, int, bool, bytes or None.
    """

    def __init__(self, table: Table, columns: Sequence[str], also: Callable[[Insert], Upsert] = _as_is) -> None:
        """`columns` in the table's order; `also` adds ON CONFLICT and RETURNING, without parameters of their own."""
        self._columns = tuple(columns)
        self._postgresql = str(also(_from_json(table, columns)).compile(dialect=PSYCOPG))
        of_one_row = also(insert(table).values({name: bindparam(name) for name in columns}))
        compiled = of_one_row.compile(dialect=_SQLITE)
        if compiled.positiontup != list(columns):
            raise ValueError(f"{table.name}: {columns} is not what the statement takes: {compiled.positiontup}")
        self._row = f"({', '.join('?' * len(columns))})"
        self._head, self._tail = str(compiled).split(self._row)

    async def insert(self, connection: AsyncConnection, rows: Sequence[Sequence[Any]]) -> CursorResult[Any]:
        """Insert the rows (at least one), each with its values in the order of the columns."""
        if connection.dialect.name == "postgresql":
            return await connection.exec_driver_sql(self._postgresql, {"rows": self._json(rows)})
        statement = f"{self._head}{', '.join([self._row] * len(rows))}{self._tail}"
        return await connection.exec_driver_sql(statement, tuple(chain.from_iterable(rows)))

    def _json(self, rows: Sequence[Sequence[Any]]) -> str:
        return _as_json(self._columns, rows)


class ManyChanges:
    """An UPDATE of any number of rows, each with values of its own, in one statement; else as `ManyRows`.

    No row may be given twice.
    """

    def __init__(
        self, table: Table, keys: Sequence[str], values: Sequence[str], where: Sequence[ColumnElement[bool]] = ()
    ) -> None:
        """`keys` are the columns that have to be as given, and are returned; `where` has no parameters of its own."""
        self._columns = (*keys, *values)

        def changing(given: FromClause) -> str:
            same = [table.c[name] == given.c[name] for name in keys]
            statement = update(table).values({name: given.c[name] for name in values}).where(*same, *where)
            dialect = _SQLITE if isinstance(given, TableClause) else PSYCOPG
            return str(statement.returning(*(table.c[name] for name in keys)).compile(dialect=dialect))

        self._postgresql = changing(_given_in_json(table, self._columns).subquery("given"))
        self._sqlite = changing(named_table("given", *(column(name) for name in self._columns)))
        self._row = f"({', '.join('?' * len(self._columns))})"

    async def change(self, connection: AsyncConnection, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """Change the rows (at least one), given as keys and then values; the keys of those that there were."""
        if connection.dialect.name == "postgresql":
            given = {"rows": _as_json(self._columns, rows)}
            return [tuple(row) for row in await connection.exec_driver_sql(self._postgresql, given)]
        named = f"given({', '.join(self._columns)})"
        statement = f"WITH {named} AS (VALUES {', '.join([self._row] * len(rows))}) {self._sqlite}"
        changed = await connection.exec_driver_sql(statement, tuple(chain.from_iterable(rows)))
        return [tuple(row) for row in changed]


def _as_json(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    written = [[value.hex() if type(value) is bytes else value for value in row] for row in rows]
    return msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in written]).decode()


def _from_json(table: Table, columns: Sequence[str]) -> Insert:
    return insert(table).from_select(list(columns), _given_in_json(table, columns), include_defaults=False)


def _given_in_json(table: Table, columns: Sequence[str]) -> Select[Any]:
    types = {name: table.c[name].type for name in columns}
    rows = func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON)).table_valued(
        *(column(name, _in_json(of)) for name, of in types.items()), name="given_rows"
    )
    given = rows.render_derived(with_types=True)
    values = [
        func.decode(given.c[name], literal_column("'hex'")) if isinstance(of, LargeBinary) else given.c[name]
        for name, of in types.items()
    ]
    return select(*(value.label(name) for name, value in zip(types, values, strict=True)))


def _in_json(of: TypeEngine[Any]) -> TypeEngine[Any]:
    return of if of.python_type in {int, bool} else Text()


class ForMany:
    """A statement over as many values of a column as there are: written once, and on PostgreSQL one for any number.

    SQLAlchemy takes longer to write a statement than to send it.
    """

    def __init__(self, write: Callable[[OneOf], Any]) -> None:
        """`write`: writes it with what says that a column has one of the values of a parameter, by its name."""
        self._written = {"postgresql": write(_any_of), "sqlite": write(_in)}

    async def run(self, connection: AsyncConnection, given: Mapping[str, Any]) -> Rows:
        """Run it; collections of values are lists."""
        result: Rows = await connection.execute(self._written[connection.dialect.name], given)
        return result


def _any_of(wanted: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return wanted == any_(bindparam(name, type_=ARRAY(wanted.type)))


def _in(wanted: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    return wanted.in_(bindparam(name, expanding=True))


def among(table: Table, few: Select[Any]) -> ColumnElement[bool]:
    """Whether a row is among the few that a query finds; rows that another transaction holds are left out.

    MATERIALIZED, because PostgreSQL may run a LIMIT within IN again for every row, and so touch too many.
    Nested, because sqlite3 counts no rows of a statement that begins with WITH.
    """
    keys = table.primary_key.columns
    found = few.with_only_columns(*keys).with_for_update(skip_locked=True).cte("few", nesting=True)
    found = found.prefix_with("MATERIALIZED")
    return tuple_(*keys).in_(select(*(found.c[each.name] for each in keys)))


def among_first(
    table: Table, parts: Sequence[ColumnElement[bool]], order: Sequence[str], limit: int | BindParameter[int]
) -> ColumnElement[bool]:
    """Whether a row is among the first few, in an order, of which one of these conditions holds; else as `among`.

    Each part is read by itself, so that an index in this order ends after a few rows however many there are: of an OR
    PostgreSQL reads and sorts all.
    """
    keys = [column.name for column in table.primary_key]
    wanted = [table.c[name] for name in dict.fromkeys([*keys, *order])]
    first = []
    for number, part in enumerate(parts):
        few = select(*wanted).where(part).order_by(*(table.c[name] for name in order)).limit(limit)
        found = few.with_for_update(skip_locked=True).cte(f"few_{number}", nesting=True).prefix_with("MATERIALIZED")
        first.append(select(found))
    together = union_all(*first).subquery("few")
    chosen = select(*(together.c[name] for name in keys)).order_by(*(together.c[name] for name in order)).limit(limit)
    return tuple_(*table.primary_key).in_(chosen)
