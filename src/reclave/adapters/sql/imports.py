"""Imports of accounts on SQL: look-ups and inserts of many rows in a statement."""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.bulk import ManyRows, Upsert
from reclave.adapters.sql.operation_tables import account_import as _import
from reclave.adapters.sql.operation_tables import import_run as _run
from reclave.adapters.sql.tables import account as _account
from reclave.adapters.sql.tables import account_fact as _fact
from reclave.adapters.sql.tables import account_identifier as _identifier
from reclave.adapters.sql.tables import recovery_grant as _grant
from reclave.domain.accounts import Status
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.time import Instant
from reclave.ports.imports import IdentifierTaken, Known, NewAccount, Run

_ACCOUNT = [each.name for each in _account.columns]
_GRANT = [each.name for each in _grant.columns]
_SLICES = (128, 32, 8, 1)
"""Rows of a statement on SQLite, which so has but these few to prepare and to keep: each is long."""
_of_account = attrgetter(*_ACCOUNT)
_of_grant = attrgetter(*_GRANT)


def _unless_taken(statement: Insert) -> Upsert:
    return statement.on_conflict_do_nothing().returning(_identifier.c.value)


_ADD_ACCOUNTS = ManyRows(_account, _ACCOUNT)
_ADD_IDENTIFIERS = ManyRows(_identifier, ["portal", "field", "value", "account"], _unless_taken)
_ADD_FACTS = ManyRows(_fact, ["portal", "account", "field", "value"])
_ADD_GRANTS = ManyRows(_grant, _GRANT)
_ADD_IMPORTS = ManyRows(_import, ["portal", "account", "row", "credential_version", "imported_at"])


class SqlImports:
    """`ports.imports.Imports` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def known(self, portal: str, field: str, values: Collection[str]) -> Mapping[str, Known]:
        imported = and_(_import.c.portal == _account.c.portal, _import.c.account == _account.c.id)
        # Asked for in numbers of which there are few, for the same reason.
        asked = list(values)
        asked += asked[-1:] * (-len(asked) % _SLICES[0])
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
            .where(_identifier.c.portal == portal, _identifier.c.field == field, _identifier.c.value.in_(asked))
        )
        return {
            value: Known(account, bool(bare) and status is Status.AWAITING_FIRST_SIGN_IN, row, version)
            for value, account, status, bare, row, version in await self._connection.execute(query)
        }

    async def begin(self) -> None:
        # SQLite would copy its log into the database at the end of a commit, with the writers' gate still closed.
        if self._connection.dialect.name == "sqlite":
            await self._connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 0")

    async def clear_up(self) -> None:
        if self._connection.dialect.name == "sqlite":
            await self._connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")

    async def add(self, rows: Sequence[NewAccount]) -> None:
        if not rows:
            return
        await self._insert(_ADD_ACCOUNTS, [_plain(_of_account(row.account)) for row in rows])
        named = [(row.account.portal, row.field, row.value, row.account.id) for row in rows]
        if await self._insert(_ADD_IDENTIFIERS, named, returning=True) < len(rows):
            raise IdentifierTaken
        owned = [(row.account.portal, row.account.id, row) for row in rows]
        facts = [(portal, id_, name, value) for portal, id_, row in owned for name, value in row.facts.items()]
        await self._insert(_ADD_FACTS, facts)
        await self._insert(_ADD_GRANTS, [_plain(_of_grant(row.grant)) for row in rows if row.grant is not None])
        made = [(portal, id_, row.row, row.account.credential_version, self._now) for portal, id_, row in owned]
        await self._insert(_ADD_IMPORTS, made)

    async def _insert(self, statement: ManyRows, rows: Sequence[Sequence[Any]], *, returning: bool = False) -> int:
        """Insert rows; how many the statement returned, where it does."""
        returned, at = 0, 0
        sizes = (len(rows),) if self._connection.dialect.name == "postgresql" else _SLICES
        for size in filter(None, sizes):
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
            _grant.c.account.in_(accounts),
            _grant.c.purpose == Purpose.ACTIVATE,
            _grant.c.state == State.ISSUED,
        )
        found = [Grant(**row._asdict()) for row in await self._connection.execute(query)]
        return {grant.account: grant for grant in found if grant.live(self._now)}

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


def _plain(values: Sequence[Any]) -> list[Any]:
    # A word of an enumeration as plain text: sqlite3 searches its adapters for every value that is not.
    return [str(value) if isinstance(value, StrEnum) else value for value in values]
