"""Grants."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    not_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.bulk import ForMany, ManyRows, OneOf, Upsert, among
from reclave.adapters.sql.columns import values_of
from reclave.adapters.sql.tables import live_rows
from reclave.adapters.sql.tables import recovery_grant as _grant
from reclave.domain.grants import LIVE, Grant, Purpose, State
from reclave.domain.time import CLOCK_SKEW, Instant

_NOT_ENDED = _grant.c.state.in_(sorted(LIVE))
_COLUMNS = [each.name for each in _grant.columns]
_of_grant = attrgetter(*_COLUMNS)


def _unless_live(statement: Insert) -> Upsert:
    one_live = [_grant.c.portal, _grant.c.account, _grant.c.purpose]
    return statement.on_conflict_do_nothing(index_elements=one_live, index_where=live_rows).returning(_grant.c.id)


def _newest(one_of: OneOf) -> Select[Any]:
    order = (case((_NOT_ENDED, 0), else_=1), _grant.c.issued_at.desc(), _grant.c.id)
    place = func.row_number().over(partition_by=(_grant.c.account, _grant.c.purpose), order_by=order)
    ranked = select(_grant, place.label("place")).where(_theirs(one_of)).subquery("few")
    return select(*(ranked.c[name] for name in _COLUMNS)).where(ranked.c.place == 1)


def _lapsed(one_of: OneOf) -> Update:
    now = bindparam("now", type_=BigInteger)
    in_time = and_(_grant.c.expires_at > now, _grant.c.issued_at <= bindparam("furthest", type_=BigInteger))
    ending = update(_grant).where(_NOT_ENDED, _theirs(one_of), not_(in_time))
    return ending.values(state=State.EXPIRED, ended_at=now, sealed=None)


def _theirs(one_of: OneOf) -> ColumnElement[bool]:
    of_portal = _grant.c.portal == bindparam("of_portal")
    return and_(of_portal, one_of(_grant.c.account, "accounts"), one_of(_grant.c.purpose, "purposes"))


_THESE = ForMany(
    lambda one_of: select(_grant).where(_grant.c.portal == bindparam("of_portal"), one_of(_grant.c.id, "grants"))
)
_NEWEST = ForMany(_newest)
_EXPIRE = ForMany(_lapsed)
_ISSUE = ManyRows(_grant, _COLUMNS, _unless_live)


class SqlGrants:
    """`ports.store.Grants` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def get(self, portal: str, grant: bytes) -> Grant | None:
        row = (await self._connection.execute(select(_grant).where(_this(portal, grant)))).one_or_none()
        return None if row is None else Grant(**row._asdict())

    async def recent(
        self, portal: str, account: str, purposes: Collection[Purpose], *, limit: int = 5, lock: bool = False
    ) -> list[Grant]:
        query = (
            select(_grant)
            .where(_of(portal, account), _grant.c.purpose.in_(list(purposes)))
            .order_by(case((_NOT_ENDED, 0), else_=1), _grant.c.issued_at.desc(), _grant.c.id)
            .limit(limit)
        )
        rows = await self._connection.execute(query.with_for_update() if lock else query)
        return [Grant(**row._asdict()) for row in rows]

    async def issue(self, grant: Grant) -> bool:
        same = and_(_of(grant.portal, grant.account), _grant.c.purpose == grant.purpose)
        await self._connection.execute(self._ending(State.EXPIRED).where(same, not_(self._in_time())))
        statement = _unless_live(insert(_grant).values(values_of(grant)))
        return (await self._connection.execute(statement)).first() is not None

    async def get_all(self, portal: str, grants: Collection[bytes]) -> Mapping[bytes, Grant]:
        found = await _THESE.run(self._connection, {"of_portal": portal, "grants": list(grants)})
        return {row.id: Grant(**row._asdict()) for row in found}

    async def get_alike(self, nobodys: Grant, grants: Sequence[bytes]) -> list[Grant]:
        # One row for each that is asked for, and a grant made of each: what is found takes no longer than what is not.
        instead = values_of(nobodys)
        places = enumerate(literal(each, LargeBinary).label("id") for each in grants)
        asked = union_all(*(select(literal(place, Integer).label("place"), each) for place, each in places)).subquery()
        same = and_(_grant.c.portal == nobodys.portal, _grant.c.id == asked.c.id)
        query = select(_grant).join_from(asked, _grant, same, isouter=True).order_by(asked.c.place)
        rows = [row._asdict() for row in await self._connection.execute(query)]
        return [Grant(**(row if row["id"] is not None else row | instead)) for row in rows]

    async def newest(
        self, portal: str, accounts: Collection[str], purposes: Collection[Purpose]
    ) -> Mapping[tuple[str, Purpose], Grant]:
        given = {"of_portal": portal, "accounts": list(accounts), "purposes": sorted(purposes)}
        rows = await _NEWEST.run(self._connection, given)
        return {(row.account, row.purpose): Grant(**row._asdict()) for row in rows}

    async def issue_all(self, grants: Sequence[Grant]) -> bool:
        for portal, group in groupby(sorted(grants, key=attrgetter("portal")), attrgetter("portal")):
            of_portal = list(group)
            theirs = {
                "of_portal": portal,
                "accounts": list({grant.account for grant in of_portal}),
                "purposes": sorted({grant.purpose for grant in of_portal}),
            }
            times = {"now": self._now, "furthest": self._now + CLOCK_SKEW}
            await _EXPIRE.run(self._connection, theirs | times)
        issued = await _ISSUE.insert(self._connection, [_of_grant(grant) for grant in grants])
        return len(issued.all()) == len(grants)

    async def answer(self, portal: str, grant: bytes, *, requested_at: Instant, expires_at: Instant) -> bool:
        return await self._set(portal, grant, requested_at=requested_at, expires_at=expires_at)

    async def opened(self, portal: str, grant: bytes, *, expires_at: Instant | None = None) -> bool:
        expiry = {} if expires_at is None else {"expires_at": expires_at}
        return await self._set(portal, grant, _grant.c.opened_at.is_(None), opened_at=self._now, **expiry)

    async def keep(self, portal: str, grant: bytes, sealed: bytes) -> bool:
        return await self._set(portal, grant, sealed=sealed)

    async def count_try(self, portal: str, grant: bytes) -> int:
        statement = update(_grant).where(_this(portal, grant)).values(tries=_grant.c.tries + 1)
        return await self._connection.scalar(statement.returning(_grant.c.tries)) or 0

    async def consume(self, portal: str, grant: bytes, *, credential_version: int) -> Grant | None:
        statement = (
            update(_grant)
            .where(
                _this(portal, grant),
                _grant.c.state == State.ISSUED,
                _grant.c.credential_version == credential_version,
                self._in_time(),
            )
            .values(state=State.CONSUMED, ended_at=self._now)
            .returning(_grant)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        if row is None:
            return None
        consumed = Grant(**row._asdict())
        if consumed.sealed is not None:
            # The caller completes the grant with them; the row keeps them no longer.
            await self._connection.execute(update(_grant).where(_this(portal, grant)).values(sealed=None))
        return consumed

    async def end(self, portal: str, grant: bytes, state: State) -> bool:
        ended = await self._connection.execute(self._ending(state).where(_this(portal, grant)))
        return ended.rowcount == 1

    async def end_all(
        self, portal: str, account: str, state: State, *, purposes: Collection[Purpose] | None = None
    ) -> int:
        statement = self._ending(state).where(_of(portal, account))
        if purposes is not None:
            statement = statement.where(_grant.c.purpose.in_(list(purposes)))
        return (await self._connection.execute(statement)).rowcount

    async def purge(self, *, ended_before: Instant, limit: int) -> int:
        lapsed = select(_grant).where(_NOT_ENDED, not_(self._in_time())).limit(limit)
        await self._connection.execute(self._ending(State.EXPIRED).where(among(_grant, lapsed)))
        over = select(_grant).where(_grant.c.ended_at < ended_before).order_by(_grant.c.ended_at).limit(limit)
        return (await self._connection.execute(delete(_grant).where(among(_grant, over)))).rowcount

    async def live_by_key(self) -> Mapping[str, int]:
        query = select(_grant.c.key_id, func.count().label("grants")).where(_NOT_ENDED, self._in_time())
        return {row.key_id: row.grants for row in await self._connection.execute(query.group_by(_grant.c.key_id))}

    async def end_of_key(self, key_id: str, state: State, *, limit: int) -> list[Grant]:
        live = select(_grant).where(_NOT_ENDED, self._in_time(), _grant.c.key_id == key_id).limit(limit)
        statement = self._ending(state).where(among(_grant, live)).returning(_grant)
        return [Grant(**row._asdict()) for row in await self._connection.execute(statement)]

    async def erase(self, portal: str, account: str) -> int:
        return (await self._connection.execute(delete(_grant).where(_of(portal, account)))).rowcount

    async def _set(self, portal: str, grant: bytes, *where: ColumnElement[bool], **values: Any) -> bool:
        statement = update(_grant).where(_this(portal, grant), _NOT_ENDED, self._in_time(), *where)
        return (await self._connection.execute(statement.values(**values))).rowcount == 1

    def _ending(self, state: State) -> Update:
        return update(_grant).where(_NOT_ENDED).values(state=state, ended_at=self._now, sealed=None)

    def _in_time(self) -> ColumnElement[bool]:
        """`Grant.live`, but for the state."""
        return and_(_grant.c.expires_at > self._now, _grant.c.issued_at <= self._now + CLOCK_SKEW)


def _this(portal: str, grant: bytes) -> ColumnElement[bool]:
    return and_(_grant.c.portal == portal, _grant.c.id == grant)


def _of(portal: str, account: str) -> ColumnElement[bool]:
    return and_(_grant.c.portal == portal, _grant.c.account == account)
