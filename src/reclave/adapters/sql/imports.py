"""Imports of accounts on SQL: look-ups and inserts of many rows in a statement."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, and_, any_, bindparam, select, tuple_
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.bulk import ManyRows, Upsert
from reclave.adapters.sql.copying import CopiedRows
from reclave.adapters.sql.operation_tables import account_import as _import
from reclave.adapters.sql.operation_tables import import_run as _run
from reclave.adapters.sql.tables import account as _account
from reclave.adapters.sql.tables import account_fact as _fact
from reclave.adapters.sql.tables import account_identifier as _identifier
from reclave.adapters.sql.tables import recovery_grant as _grant
from reclave.adapters.sql.tables import sealed_hashes
from reclave.domain.accounts import Account, Provenance, Status
from reclave.domain.foreign_recipes import SEALED
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.time import Instant
from reclave.ports.imports import IdentifierTaken, Known, NewAccount, Run

_ACCOUNT = [
    "portal",
    "id",
    "status",
    "credential_version",
    "address",
    "address_canonical",
    "address_provenance",
    "password_hash",
    "password_blocked",
    "language",
    "created_at",
    "changed_at",
]
_FIRST_VERSION = 1
_GRANT = [each.name for each in _grant.columns]
_IDENTIFIER = ["portal", "field", "value", "account"]
_FACT = ["portal", "account", "field", "value"]
_IMPORT = ["portal", "account", "row", "credential_version", "imported_at"]
_SLICES = (128, 32, 8, 1)
"""Rows of a statement on SQLite, which so has but these few to prepare and to keep: each is long."""
_of_grant = attrgetter(*_GRANT)


def _unless_taken(statement: Insert) -> Upsert:
    return statement.on_conflict_do_nothing().returning(_identifier.c.value)


_ADD_ACCOUNTS = ManyRows(_account, _ACCOUNT)
_ADD_IDENTIFIERS = ManyRows(_identifier, _IDENTIFIER, _unless_taken)
_ADD_FACTS = ManyRows(_fact, _FACT)
_ADD_GRANTS = ManyRows(_grant, _GRANT)
_ADD_IMPORTS = ManyRows(_import, _IMPORT)
_COPY_ACCOUNTS = CopiedRows(_account, _ACCOUNT)
_COPY_IDENTIFIERS = CopiedRows(_identifier, _IDENTIFIER)
_COPY_FACTS = CopiedRows(_fact, _FACT)
_COPY_GRANTS = CopiedRows(_grant, _GRANT)
_COPY_IMPORTS = CopiedRows(_import, _IMPORT)
_TAKE_STOCK = (
    f"ANALYZE (SKIP_LOCKED) {', '.join(each.name for each in (_account, _identifier, _fact, _grant, _import))}"
)
_WRITERS = 2
"""How many transactions write at a time on PostgreSQL: one is copied while the other one's rows are made ready."""
_MET_ANOTHER = frozenset({"23505", "40P01"})
"""SQLSTATE of an identifier that is taken, and of two imports that waited for each other's."""


class SqlImports:
    """`ports.imports.Imports` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now
        self._is_postgresql = connection.dialect.name == "postgresql"

    async def known(self, portal: str, field: str, values: Collection[str]) -> Mapping[str, Known]:
        imported = and_(_import.c.portal == _account.c.portal, _import.c.account == _account.c.id)
        query = (
            select(
                _identifier.c.value,
                _account.c.id,
                _account.c.status,
                _account.c.password_hash.is_(None),
                _import.c.row,
                _import.c.credential_version,
            )
            .join(_account, and_(_account.c.portal == _identifier.c.portal, _account.c.id == _identifier.c.account))
            .outerjoin(_import, imported)
            .where(
                _identifier.c.portal == portal, _identifier.c.field == field, self._among(_identifier.c.value, values)
            )
        )
        return {
            value: Known(account, bool(bare) and status is Status.AWAITING_FIRST_SIGN_IN, row, version)
            for value, account, status, bare, row, version in await self._connection.execute(query)
        }

    async def begin(self) -> int:
        if self._is_postgresql:
            return _WRITERS
        # SQLite would copy its log into the database at the end of a commit, with the writers' gate still closed.
        await self._connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 0")
        return 1

    async def clear_up(self) -> None:
        if not self._is_postgresql:
            await self._connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    async def take_stock(self) -> None:
        if self._is_postgresql:
            # It reads 30,000 pages of each table, which a slow disk does not give in a statement's usual 5 s.
            await self._connection.exec_driver_sql("SET LOCAL statement_timeout = '60s'")
            await self._connection.exec_driver_sql(_TAKE_STOCK)

    async def add(self, rows: Sequence[NewAccount]) -> None:
        if rows and self._is_postgresql:
            await self._copy(rows)
        elif rows:
            await self._insert_all(rows)

    async def _copy(self, rows: Sequence[NewAccount]) -> None:
        await _COPY_ACCOUNTS.insert(self._connection, map(_account_of, rows))
        named = [(row.portal, row.field, row.value, row.id) for row in rows]
        try:
            await _COPY_IDENTIFIERS.insert(self._connection, named)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) in _MET_ANOTHER:
                raise IdentifierTaken from error
            raise
        for statement, values in (
            (_COPY_FACTS, _facts_of(rows)),
            (_COPY_GRANTS, [_of_grant(row.grant) for row in rows if row.grant is not None]),
            (_COPY_IMPORTS, self._imports_of(rows)),
        ):
            if values:
                await statement.insert(self._connection, values)

    async def _insert_all(self, rows: Sequence[NewAccount]) -> None:
        await self._insert(_ADD_ACCOUNTS, [_plain(_account_of(row)) for row in rows])
        named = [(row.portal, row.field, row.value, row.id) for row in rows]
        if await self._insert(_ADD_IDENTIFIERS, named, returning=True) < len(rows):
            raise IdentifierTaken
        await self._insert(_ADD_FACTS, _facts_of(rows))
        await self._insert(_ADD_GRANTS, [_plain(_of_grant(row.grant)) for row in rows if row.grant is not None])
        await self._insert(_ADD_IMPORTS, self._imports_of(rows))

    def _imports_of(self, rows: Sequence[NewAccount]) -> list[Sequence[Any]]:
        return [(row.portal, row.id, row.row, _FIRST_VERSION, self._now) for row in rows]

    async def _insert(self, statement: ManyRows, rows: Sequence[Sequence[Any]], *, returning: bool = False) -> int:
        """Insert rows on SQLite; how many the statement returned, where it does."""
        returned, at = 0, 0
        for size in _SLICES:
            while len(rows) - at >= size:
                result = await statement.insert(self._connection, rows[at : at + size])
                returned += len(result.all()) if returning else 0
                at += size
        return returned

    async def imported(self, portal: str, account: str, row: bytes, credential_version: int) -> None:
        keys = {"portal": portal, "account": account}
        values = {"row": row, "credential_version": credential_version, "imported_at": self._now}
        statement = insert(_import).values(keys | values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))

    async def put_facts(self, portal: str, account: str, facts: Mapping[str, str]) -> None:
        for name, value in facts.items():
            keys = {"portal": portal, "account": account, "field": name}
            statement = insert(_fact).values(**keys, value=value)
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=list(keys), set_={"value": value})
            )

    async def invitations(self, portal: str, accounts: Collection[str]) -> Mapping[str, Grant]:
        query = select(_grant).where(
            _grant.c.portal == portal,
            self._among(_grant.c.account, accounts),
            _grant.c.purpose == Purpose.ACTIVATE,
            _grant.c.state == State.ISSUED,
        )
        found = [Grant(**row._asdict()) for row in await self._connection.execute(query)]
        return {grant.account: grant for grant in found if grant.live(self._now)}

    async def sealed(self, *, limit: int, key_id: str = "", after: tuple[str, str] = ("", "")) -> Sequence[Account]:
        named = tuple_(_account.c.portal, _account.c.id)
        query = select(_account).where(sealed_hashes, named > after).order_by(*named).limit(limit)
        if key_id:
            query = query.where(_account.c.password_hash.startswith(f"{SEALED}{key_id}:", autoescape=True))
        return [Account(**row._asdict()) for row in await self._connection.execute(query)]

    def _among(self, column: ColumnElement[str], values: Collection[str]) -> ColumnElement[bool]:
        """Whether a column has one of many values. SQLite is asked in numbers of which there are few: see `_SLICES`."""
        asked = list(values)
        if self._is_postgresql:
            return column == any_(bindparam("asked", asked, type_=ARRAY(Text)))
        return column.in_(asked + asked[-1:] * (-len(asked) % _SLICES[0]))

    async def run(self, portal: str, file: bytes) -> Run | None:
        query = select(_run).where(_run.c.portal == portal, _run.c.file == file)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else Run(**row._asdict())

    async def put_run(self, run: Run, *, finished: bool = False) -> None:
        before = await self.run(run.portal, run.file)
        under_way = before is not None and before.finished_at is None
        keys = {"portal": run.portal, "file": run.file}
        values = {
            "lines": run.lines,
            "tallies": run.tallies,
            "started_at": before.started_at if before is not None and under_way else self._now,
            "changed_at": self._now,
            "finished_at": self._now if finished else None,
        }
        statement = insert(_run).values(keys | values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))


def _account_of(row: NewAccount) -> Sequence[Any]:
    """The values of `_ACCOUNT`; the other columns are empty in a new one."""
    stored = canonical = provenance = None
    if row.address is not None:
        stored, canonical, provenance = row.address.stored, row.address.canonical, Provenance.ASSERTED_BY_OPERATOR
    head = (row.portal, row.id, row.status, _FIRST_VERSION, stored, canonical, provenance)
    return (*head, row.password_hash, False, row.language, row.at, row.at)


def _facts_of(rows: Sequence[NewAccount]) -> list[Sequence[Any]]:
    return [(row.portal, row.id, *fact) for row in rows for fact in row.facts.items()]


def _plain(values: Sequence[Any]) -> list[Any]:
    # A word of an enumeration as plain text: sqlite3 searches its adapters for every value that is not.
    return [str(value) if isinstance(value, StrEnum) else value for value in values]
