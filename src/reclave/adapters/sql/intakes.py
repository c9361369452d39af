"""Intakes: written at the door, claimed and resolved by workers."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.admission import OF_REQUEST, costs_of
from reclave.adapters.sql.bulk import ManyChanges, ManyRows, among
from reclave.adapters.sql.clock import OVERTAKEN
from reclave.adapters.sql.counters import SqlLimits, count_turned_away
from reclave.adapters.sql.tables import intake as _intake
from reclave.domain.intake import Admission, Intake, Outcome, Request
from reclave.domain.time import Instant, Span

_of_request = attrgetter(*OF_REQUEST)
_DOMAIN = [each for each in _intake.columns if each.name != "claimed_until"]
_RESOLVE = ManyChanges(
    _intake, ["portal", "id", "fence"], ["outcome", "grants", "sealed_fields"], [_intake.c.outcome.is_(None)]
)
_WRITE = ManyRows(_intake, [*OF_REQUEST, "accepted_at", "fence", "claimed_until"])


async def admit(connection: AsyncConnection, now: Instant, requests: Sequence[Request]) -> list[Admission]:
    """Take every request's costs and write the intakes of those that pass, in one transaction.

    Of requests that share a key the earlier ones are served first. What a refused request took stays taken.
    """
    passed = iter(await SqlLimits(connection, now).take(costs_of(requests)))
    admissions = []
    for request in requests:
        within = [next(passed) == cost.amount for cost in request.costs]
        cooled = next(passed) == request.cooldown.amount
        if all(within):
            admissions.append(Admission.ACCEPTED if cooled else Admission.COOLING)
        else:
            admissions.append(Admission.OVER_LIMIT)
    answered = list(zip(requests, admissions, strict=True))
    accepted = [_row(request, now) for request, admission in answered if admission is Admission.ACCEPTED]
    if accepted:
        await _WRITE.insert(connection, accepted)
    away = (request.portal for request, admission in answered if admission is not Admission.ACCEPTED)
    await count_turned_away(connection, now, away)
    return admissions


def _row(request: Request, now: Instant) -> tuple[str | bytes | int, ...]:
    return (*_of_request(request), now, 0, 0)


def _oldest(query: Select[Any]) -> Select[Any]:
    """The oldest unresolved rows that no lease of a length holds."""
    now, furthest = bindparam("now", type_=BigInteger), bindparam("furthest", type_=BigInteger)
    unclaimed = or_(_intake.c.claimed_until <= now, _intake.c.claimed_until > furthest)
    oldest = query.where(_intake.c.outcome.is_(None), unclaimed).order_by(_intake.c.accepted_at)
    return oldest.limit(bindparam("most", type_=Integer))


_TAKE = _oldest(select(*_DOMAIN)).with_for_update(skip_locked=True)


class SqlIntakes:
    """`ports.store.Intakes` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def claim(self, *, limit: int, lease: Span) -> list[Intake]:
        statement = (
            update(_intake)
            .where(among(_intake, _oldest(select(_intake))))
            .values(fence=_intake.c.fence + 1, claimed_until=self._now + lease)
            .returning(*_DOMAIN)
        )
        found = await self._connection.execute(statement, self._bounds(limit, lease))
        claimed = [Intake(**row._asdict()) for row in found]
        return sorted(claimed, key=lambda intake: intake.accepted_at)

    async def take(self, *, limit: int, lease: Span) -> list[Intake]:
        found = await self._connection.execute(_TAKE, self._bounds(limit, lease))
        return [Intake(**row._asdict()) for row in found]

    def _bounds(self, limit: int, lease: Span) -> Mapping[str, int]:
        return {"now": self._now, "furthest": self._now + lease + OVERTAKEN, "most": limit}

    async def release(self, intakes: Sequence[Intake]) -> int:
        own = tuple_(_intake.c.portal, _intake.c.id, _intake.c.fence).in_(
            [(each.portal, each.id, each.fence) for each in intakes]
        )
        statement = update(_intake).where(own, _intake.c.outcome.is_(None)).values(claimed_until=0)
        return (await self._connection.execute(statement)).rowcount

    async def resolve(self, intake: Intake, outcome: Outcome, grants: Sequence[bytes] = ()) -> bool:
        ours = and_(_this(intake.portal, intake.id), _intake.c.fence == intake.fence)
        statement = update(_intake).where(ours, _intake.c.outcome.is_(None))
        resolved = await self._connection.execute(
            statement.values(outcome=outcome, sealed_fields=None, grants=tuple(grants))
        )
        return resolved.rowcount == 1

    async def resolve_all(self, resolved: Sequence[tuple[Intake, Outcome, Sequence[bytes]]]) -> bool:
        rows = [
            (intake.portal, intake.id, intake.fence, outcome, ",".join(grant.hex() for grant in grants), None)
            for intake, outcome, grants in resolved
        ]
        return len(await _RESOLVE.change(self._connection, rows)) == len(rows)

    async def unresolved(self, *, after: tuple[Instant, bytes] = (0, b""), limit: int) -> list[Intake]:
        place = (_intake.c.accepted_at, _intake.c.id)
        query = select(*_DOMAIN).where(_intake.c.outcome.is_(None), tuple_(*place) > after)
        return [Intake(**row._asdict()) for row in await self._connection.execute(query.order_by(*place).limit(limit))]

    async def reseal(self, portal: str, intake: bytes, sealed_fields: bytes) -> bool:
        statement = update(_intake).where(_this(portal, intake), _intake.c.outcome.is_(None))
        return (await self._connection.execute(statement.values(sealed_fields=sealed_fields))).rowcount == 1

    async def get(self, portal: str, intake: bytes) -> Intake | None:
        row = (await self._connection.execute(select(*_DOMAIN).where(_this(portal, intake)))).one_or_none()
        return None if row is None else Intake(**row._asdict())

    async def by_waiting(self, portal: str, waiting: bytes) -> Intake | None:
        query = select(*_DOMAIN).where(_intake.c.portal == portal, _intake.c.waiting == waiting).limit(1)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else Intake(**row._asdict())

    async def erase(self, *, accepted_before: Instant) -> int:
        statement = update(_intake).where(_intake.c.outcome.is_(None), _intake.c.accepted_at < accepted_before)
        erased = await self._connection.execute(statement.values(outcome=Outcome.STALE, sealed_fields=None))
        return erased.rowcount

    async def purge(self, *, accepted_before: Instant, limit: int) -> int:
        over = (
            select(_intake)
            .where(_intake.c.outcome.is_not(None), _intake.c.accepted_at < accepted_before)
            .order_by(_intake.c.accepted_at)
            .limit(limit)
        )
        return (await self._connection.execute(delete(_intake).where(among(_intake, over)))).rowcount

    async def waiting(self) -> tuple[int, Instant | None]:
        query = select(func.count(), func.min(_intake.c.accepted_at)).where(_intake.c.outcome.is_(None))
        count, oldest = (await self._connection.execute(query)).one()
        return count, oldest


def _this(portal: str, intake: bytes) -> ColumnElement[bool]:
    return and_(_intake.c.portal == portal, _intake.c.id == intake)
