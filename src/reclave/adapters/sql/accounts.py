"""The built-in directory's tables."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.bulk import one_of
from reclave.adapters.sql.columns import values_of
from reclave.adapters.sql.tables import account as _account
from reclave.adapters.sql.tables import account_fact as _fact
from reclave.adapters.sql.tables import account_identifier as _identifier
from reclave.domain.accounts import Account, AccountIdentifier
from reclave.domain.time import Instant

_MOST_OF_AN_ADDRESS = 50
# Built once: every sign-in sends them, and building one takes longer than sending it.
_ONE = select(_account).where(_account.c.portal == bindparam("of_portal"), _account.c.id == bindparam("of_account"))
_LOCKED = _ONE.with_for_update()
_OWNER = (
    select(_identifier.c.account)
    .where(
        _identifier.c.portal == bindparam("of_portal"),
        _identifier.c.field == bindparam("of_field"),
        _identifier.c.value == bindparam("of_value"),
    )
    .scalar_subquery()
)
NAMED = select(_account).where(_account.c.portal == bindparam("of_portal"), _account.c.id == _OWNER)
"""The account that an identifier names; of a join PostgreSQL reads all of a portal while it knows no better."""


class SqlAccounts:
    """`ports.store.Accounts` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def add(
        self,
        account: Account,
        identifiers: Iterable[AccountIdentifier],
        facts: Mapping[str, str] | None = None,
    ) -> bool:
        rows = [
            {"portal": account.portal, "account": account.id, "field": each.field, "value": each.value}
            for each in identifiers
        ]
        savepoint = await self._connection.begin_nested()
        statement = insert(_account).values(values_of(account)).on_conflict_do_nothing()
        added = (await self._connection.execute(statement.returning(_account.c.id))).first() is not None
        if added and rows:
            named = insert(_identifier).on_conflict_do_nothing().returning(_identifier.c.value)
            added = len((await self._connection.execute(named, rows)).all()) == len(rows)
        if added and facts:
            whose = {"portal": account.portal, "account": account.id}
            known = [{**whose, "field": field, "value": value} for field, value in facts.items()]
            await self._connection.execute(insert(_fact), known)
        await (savepoint.commit() if added else savepoint.rollback())
        return added

    async def get(self, portal: str, account: str, *, lock: bool = False) -> Account | None:
        return await self._one(_LOCKED if lock else _ONE, {"of_portal": portal, "of_account": account})

    async def by_identifier(self, portal: str, field: str, value: str) -> Account | None:
        return await self._one(NAMED, {"of_portal": portal, "of_field": field, "of_value": value})

    async def by_address(self, portal: str, canonical: str) -> list[Account]:
        query = (
            select(_account)
            .where(_account.c.portal == portal, _account.c.address_canonical == canonical)
            .order_by(_account.c.id)
            .limit(_MOST_OF_AN_ADDRESS)
        )
        return await self._all(query)

    async def get_all(self, portal: str, accounts: Collection[str], *, lock: bool = False) -> Mapping[str, Account]:
        query = select(_account).where(_account.c.portal == portal, one_of(self._connection, _account.c.id, accounts))
        # In one order, so that two who lock the same ones do not wait for each other.
        found = await self._all(query.order_by(_account.c.id).with_for_update() if lock else query)
        return {account.id: account for account in found}

    async def by_identifiers(self, portal: str, field: str, values: Collection[str]) -> Mapping[str, Account]:
        same = and_(_account.c.portal == _identifier.c.portal, _account.c.id == _identifier.c.account)
        query = select(_identifier.c.value.label("named"), _account).join(_account, same)
        named = one_of(self._connection, _identifier.c.value, values)
        query = query.where(_identifier.c.portal == portal, _identifier.c.field == field, named)
        rows = [row._asdict() for row in await self._connection.execute(query)]
        return {row.pop("named"): Account(**row) for row in rows}

    async def by_addresses(self, portal: str, canonicals: Collection[str]) -> Mapping[str, list[Account]]:
        most = _MOST_OF_AN_ADDRESS * len(canonicals)
        query = (
            select(_account)
            .where(_account.c.portal == portal, one_of(self._connection, _account.c.address_canonical, canonicals))
            .order_by(_account.c.id)
            .limit(most)
        )
        found = await self._all(query)
        if len(found) == most:
            # One of them may have taken the others' room.
            return {each: await self.by_address(portal, each) for each in canonicals}
        registered: dict[str, list[Account]] = {each: [] for each in canonicals}
        for account in found:
            registered[str(account.address_canonical)].append(account)
        return {each: accounts[:_MOST_OF_AN_ADDRESS] for each, accounts in registered.items()}

    async def by_facts(self, portal: str, facts: Mapping[str, str]) -> list[Account]:
        query = select(_account).where(_account.c.portal == portal)
        for field, value in sorted(facts.items()):
            known = _fact.alias()
            same = and_(known.c.portal == _account.c.portal, known.c.account == _account.c.id)
            query = query.join(known, and_(same, known.c.field == field, known.c.value == value))
        return await self._all(query.order_by(_account.c.id).limit(_MOST_OF_AN_ADDRESS))

    async def facts(self, portal: str, account: str) -> Mapping[str, str]:
        query = select(_fact.c.field, _fact.c.value).where(_fact.c.portal == portal, _fact.c.account == account)
        return {row.field: row.value for row in await self._connection.execute(query)}

    async def identifiers(self, portal: str, account: str) -> list[AccountIdentifier]:
        query = (
            select(_identifier.c.field, _identifier.c.value)
            .where(_identifier.c.portal == portal, _identifier.c.account == account)
            .order_by(_identifier.c.field, _identifier.c.value)
        )
        return [AccountIdentifier(field, value) for field, value in await self._connection.execute(query)]

    async def identifiers_of_all(self, portal: str, accounts: Collection[str]) -> Mapping[str, list[AccountIdentifier]]:
        query = (
            select(_identifier.c.account, _identifier.c.field, _identifier.c.value)
            .where(_identifier.c.portal == portal, one_of(self._connection, _identifier.c.account, accounts))
            .order_by(_identifier.c.field, _identifier.c.value)
        )
        found: dict[str, list[AccountIdentifier]] = defaultdict(list)
        for account, field, value in await self._connection.execute(query):
            found[account].append(AccountIdentifier(field, value))
        return found

    async def change(self, account: Account, *, was: int) -> bool:
        values = values_of(account)
        this = _this(values.pop("portal"), values.pop("id"))
        statement = update(_account).where(this, _account.c.credential_version == was).values(values)
        return (await self._connection.execute(statement)).rowcount == 1

    async def due_addresses(self, limit: int) -> list[Account]:
        query = (
            select(_account)
            .where(_account.c.next_address_at <= self._now)
            .order_by(_account.c.next_address_at, _account.c.portal, _account.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return await self._all(query)

    async def page(self, portal: str, *, after: str = "", limit: int) -> list[Account]:
        query = select(_account).where(_account.c.portal == portal, _account.c.id > after)
        return await self._all(query.order_by(_account.c.id).limit(limit))

    async def erase(self, portal: str, account: str) -> bool:
        # What refers to it (identifiers, facts, an import's row) goes with it: ON DELETE CASCADE.
        return (await self._connection.execute(delete(_account).where(_this(portal, account)))).rowcount == 1

    async def _one(self, query: Select[Any], given: Mapping[str, str]) -> Account | None:
        row = (await self._connection.execute(query, given)).one_or_none()
        return None if row is None else Account(**row._asdict())

    async def _all(self, query: Select[Account]) -> list[Account]:
        return [Account(**row._asdict()) for row in await self._connection.execute(query)]


def _this(portal: str, account: str) -> ColumnElement[bool]:
    return and_(_account.c.portal == portal, _account.c.id == account)
