"""The built-in directory's tables."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.bulk import ForMany, OneOf
from reclave.adapters.sql.columns import values_of
from reclave.adapters.sql.tables import account as _account
from reclave.adapters.sql.tables import account_fact as _fact
from reclave.adapters.sql.tables import account_identifier as _identifier
from reclave.domain.accounts import Account, AccountIdentifier
from reclave.domain.portal import CLASSIFICATION
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


def _these(one_of: OneOf) -> Select[Any]:
    return select(_account).where(_account.c.portal == bindparam("of_portal"), one_of(_account.c.id, "accounts"))


def _all_named(one_of: OneOf) -> Select[Any]:
    same = and_(_account.c.portal == _identifier.c.portal, _account.c.id == _identifier.c.account)
    query = select(_identifier.c.value.label("named"), _account).join(_account, same)
    of_field = and_(_identifier.c.portal == bindparam("of_portal"), _identifier.c.field == bindparam("of_field"))
    return query.where(of_field, one_of(_identifier.c.value, "values"))


def _all_registered(one_of: OneOf) -> Select[Any]:
    theirs = and_(_account.c.portal == bindparam("of_portal"), one_of(_account.c.address_canonical, "canonicals"))
    return select(_account).where(theirs).order_by(_account.c.id).limit(bindparam("most", type_=Integer))


def _names_of_all(one_of: OneOf) -> Select[Any]:
    query = select(_identifier.c.account, _identifier.c.field, _identifier.c.value)
    query = query.where(_identifier.c.portal == bindparam("of_portal"), one_of(_identifier.c.account, "accounts"))
    return query.order_by(_identifier.c.field, _identifier.c.value)


def _facts_of_all(one_of: OneOf) -> Select[Any]:
    query = select(_fact.c.account, _fact.c.field, _fact.c.value)
    return query.where(_fact.c.portal == bindparam("of_portal"), one_of(_fact.c.account, "accounts"))


def by_facts(portal: str, facts: Mapping[str, str]) -> tuple[Select[Any], Mapping[str, str]]:
    """The query for the accounts of which these facts are known, and its parameters."""
    ordered = sorted(facts.items(), key=lambda fact: (fact[0] == CLASSIFICATION, fact))
    given = {"of_portal": portal}
    for place, (field, value) in enumerate(ordered):
        given |= {f"field_{place}": field, f"value_{place}": value}
    return _by_facts(len(facts), shared=len(facts) > 1 and CLASSIFICATION in facts), given


@cache
def _by_facts(count: int, *, shared: bool) -> Select[Any]:
    """The accounts of which so many facts are known; whether the last one is shared by many others.

    Each step is there before the next one begins. Left to itself PostgreSQL goes through all accounts of the portal in
    the order of their ids until it has found enough, or begins with the fact that most of them share.
    """
    facts = [_fact.alias(f"fact_{place}") for place in range(count)]
    is_known = [
        and_(
            fact.c.portal == bindparam("of_portal"),
            fact.c.field == bindparam(f"field_{place}"),
            fact.c.value == bindparam(f"value_{place}"),
        )
        for place, fact in enumerate(facts)
    ]
    telling = facts[: count - shared]
    matching = select(telling[0].c.account.label("id")).where(*is_known[: count - shared])
    matching = matching.where(*(fact.c.account == telling[0].c.account for fact in telling[1:]))
    few = matching.cte("few").prefix_with("MATERIALIZED")
    theirs = select(_account).join(few, _account.c.id == few.c.id).where(_account.c.portal == bindparam("of_portal"))
    if shared:
        whose = and_(facts[-1].c.portal == _account.c.portal, facts[-1].c.account == _account.c.id)
        of_field = facts[-1].c.field == bindparam(f"field_{count - 1}")
        value = select(facts[-1].c.value).where(whose, of_field).scalar_subquery()
        theirs = theirs.where(value == bindparam(f"value_{count - 1}"))
    found = theirs.cte("few_accounts").prefix_with("MATERIALIZED")
    return select(found).order_by(found.c.id).limit(_MOST_OF_AN_ADDRESS)


_THESE = ForMany(_these)
# In one order, so that two who lock the same ones do not wait for each other.
_THESE_LOCKED = ForMany(lambda one_of: _these(one_of).order_by(_account.c.id).with_for_update())
_ALL_NAMED = ForMany(_all_named)
_ALL_REGISTERED = ForMany(_all_registered)
_NAMES_OF_ALL = ForMany(_names_of_all)
_FACTS_OF_ALL = ForMany(_facts_of_all)


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
        query, given = _THESE_LOCKED if lock else _THESE, {"of_portal": portal, "accounts": list(accounts)}
        return {row.id: Account(**row._asdict()) for row in await query.run(self._connection, given)}

    async def by_identifiers(self, portal: str, field: str, values: Collection[str]) -> Mapping[str, Account]:
        given = {"of_portal": portal, "of_field": field, "values": list(values)}
        rows = [row._asdict() for row in await _ALL_NAMED.run(self._connection, given)]
        return {row.pop("named"): Account(**row) for row in rows}

    async def by_addresses(self, portal: str, canonicals: Collection[str]) -> Mapping[str, list[Account]]:
        most = _MOST_OF_AN_ADDRESS * len(canonicals)
        given = {"of_portal": portal, "canonicals": list(canonicals), "most": most}
        found = [Account(**row._asdict()) for row in await _ALL_REGISTERED.run(self._connection, given)]
        if len(found) == most:
            # One of them may have taken the others' room.
            return {each: await self.by_address(portal, each) for each in canonicals}
        registered: dict[str, list[Account]] = {each: [] for each in canonicals}
        for account in found:
            registered[str(account.address_canonical)].append(account)
        return {each: accounts[:_MOST_OF_AN_ADDRESS] for each, accounts in registered.items()}

    async def by_facts(self, portal: str, facts: Mapping[str, str]) -> list[Account]:
        query, given = by_facts(portal, facts)
        return [Account(**row._asdict()) for row in await self._connection.execute(query, given)]

    async def facts(self, portal: str, account: str) -> Mapping[str, str]:
        query = select(_fact.c.field, _fact.c.value).where(_fact.c.portal == portal, _fact.c.account == account)
        return {row.field: row.value for row in await self._connection.execute(query)}

    async def facts_of_all(self, portal: str, accounts: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        given = {"of_portal": portal, "accounts": list(accounts)}
        known: dict[str, dict[str, str]] = defaultdict(dict)
        for account, field, value in await _FACTS_OF_ALL.run(self._connection, given):
            known[account][field] = value
        return known

    async def identifiers(self, portal: str, account: str) -> list[AccountIdentifier]:
        query = (
            select(_identifier.c.field, _identifier.c.value)
            .where(_identifier.c.portal == portal, _identifier.c.account == account)
            .order_by(_identifier.c.field, _identifier.c.value)
        )
        return [AccountIdentifier(field, value) for field, value in await self._connection.execute(query)]

    async def identifiers_of_all(self, portal: str, accounts: Collection[str]) -> Mapping[str, list[AccountIdentifier]]:
        found: dict[str, list[AccountIdentifier]] = defaultdict(list)
        given = {"of_portal": portal, "accounts": list(accounts)}
        for account, field, value in await _NAMES_OF_ALL.run(self._connection, given):
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
