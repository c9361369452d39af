"""What counts: guesses, rate limits, and requests that were turned away."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    LargeBinary,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.bulk import ManyRows, Upsert, among
from reclave.adapters.sql.clock import OVERTAKEN
from reclave.adapters.sql.counter_tables import guess as _guess
from reclave.adapters.sql.counter_tables import rate_limit as _limit
from reclave.adapters.sql.counter_tables import turned_away as _turned_away
from reclave.domain.limits import Cost, Limit, admitted
from reclave.domain.throttle import Guess, Tally, counted
from reclave.domain.time import HOUR, Instant, Span


def forgetting(these: Select[Any]) -> Delete:
    """Delete guesses, locked in the order in which tries are counted: everyone's last."""
    order = (_guess.c.subject == _guess.c.identifier, _guess.c.subject)
    locked = these.with_only_columns(*_guess.primary_key).order_by(*order).with_for_update()
    return delete(_guess).where(tuple_(*_guess.primary_key).in_(select(locked.cte("locked", nesting=True))))


class SqlGuesses:
    """`ports.store.Guesses` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def count(self, portal: str, guess: Guess, subject: bytes, *, identifier: bytes | None = None) -> Span:
        tally, counted_at = await self._locked(portal, guess, subject, identifier)
        # While this one waited for the row, others that began later may have counted.
        now = max(self._now, counted_at) if counted_at <= self._now + OVERTAKEN else self._now
        wait = tally.wait(now)
        if wait == 0:
            tally = counted(tally, now)
            after = {"failures": tally.failures, "blocked_until": tally.blocked_until, "counted_at": now}
            await self._connection.execute(update(_guess).where(_this(portal, guess, subject)).values(after))
        return wait

    async def tally(self, portal: str, guess: Guess, subject: bytes) -> Tally:
        query = select(_guess.c.failures, _guess.c.blocked_until).where(_this(portal, guess, subject))
        row = (await self._connection.execute(query)).one_or_none()
        return Tally() if row is None else Tally(*row)

    async def add(self, portal: str, guess: Guess, subject: bytes, *, identifier: bytes | None = None) -> int:
        first = self._first(portal, guess, subject, identifier, failures=1)
        statement = first.on_conflict_do_update(
            index_elements=list(_guess.primary_key),
            set_={"failures": _guess.c.failures + 1, "counted_at": self._now, "identifier": _known_or(identifier)},
        ).returning(_guess.c.failures)
        return int((await self._connection.execute(statement)).scalar_one())

    async def reset(self, portal: str, guess: Guess, subject: bytes) -> None:
        await self._connection.execute(delete(_guess).where(_this(portal, guess, subject)))

    async def forgive(self, portal: str, identifier: bytes) -> int:
        named = select(_guess).where(_guess.c.portal == portal, _guess.c.identifier == identifier)
        return (await self._connection.execute(forgetting(named))).rowcount

    async def purge(self, *, counted_before: Instant, limit: int) -> int:
        old = select(_guess).where(_guess.c.counted_at < counted_before).order_by(_guess.c.counted_at).limit(limit)
        return (await self._connection.execute(delete(_guess).where(among(_guess, old)))).rowcount

    async def _locked(
        self, portal: str, guess: Guess, subject: bytes, identifier: bytes | None
    ) -> tuple[Tally, Instant]:
        """The tally and when it was last counted; the row is made if missing, and locked until the end."""
        statement = self._first(portal, guess, subject, identifier, failures=0).on_conflict_do_update(
            index_elements=list(_guess.primary_key), set_={"identifier": _known_or(identifier)}
        )
        columns = (_guess.c.failures, _guess.c.blocked_until, _guess.c.counted_at)
        failures, blocked_until, counted_at = (await self._connection.execute(statement.returning(*columns))).one()
        return Tally(failures, blocked_until), counted_at

    def _first(self, portal: str, guess: Guess, subject: bytes, identifier: bytes | None, *, failures: int) -> Insert:
        return insert(_guess).values(
            portal=portal,
            guess=guess,
            subject=subject,
            failures=failures,
            blocked_until=0,
            counted_at=self._now,
            identifier=identifier,
        )


def _known_or(identifier: bytes | None) -> ColumnElement[bytes | None]:
    """What a row was counted under, which stays; else what it is counted under now."""
    return func.coalesce(_guess.c.identifier, bindparam("named", identifier, LargeBinary))


def _this(portal: str, guess: Guess, subject: bytes) -> ColumnElement[bool]:
    return and_(_guess.c.portal == portal, _guess.c.guess == guess, _guess.c.subject == subject)


def taking(statement: Insert) -> Upsert:
    """`limits.admitted` over the row that is there; the new row says what it would be were there none.

    A limit is a bucket as deep as all its requests take to be earned back; `left` is what is not spoken for.
    """
    there, new = _limit.c, statement.excluded
    zero: ColumnElement[int] = literal_column("0", BigInteger)
    ahead = there.tat - new.taken_at
    left = case((ahead <= zero, new.depth), (ahead >= new.depth, zero), else_=new.depth - ahead)
    room = left // new.interval
    passed = case((room < new.wanted, room), else_=new.wanted)
    return statement.on_conflict_do_update(
        index_elements=[there.key],
        set_={
            "tat": new.taken_at + new.depth - left + passed * new.interval,
            "taken": passed,
            "wanted": new.wanted,
            "depth": new.depth,
            "interval": new.interval,
            "taken_at": new.taken_at,
        },
    ).returning(there.key, there.taken)


TAKEN_FROM = ("key", "tat", "taken", "wanted", "depth", "interval", "taken_at")
_TAKE = ManyRows(_limit, TAKEN_FROM, taking)


class SqlLimits:
    """`ports.store.Limits` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def take(self, costs: Sequence[Cost]) -> list[int]:
        if not costs:
            return []
        wanted: Counter[bytes] = Counter()
        limits: dict[bytes, Limit] = {}
        for cost in costs:
            wanted[cost.key] += cost.amount
            limits.setdefault(cost.key, cost.limit)
        # One order everywhere: transactions that take the same keys never wait for each other in a circle.
        rows = [self._row(key, limits[key], wanted[key]) for key in sorted(wanted)]
        taken = await _TAKE.insert(self._connection, rows)
        left: dict[bytes, int] = {row.key: row.taken for row in taken}
        passed = []
        for cost in costs:
            passed.append(max(0, min(cost.amount, left[cost.key])))
            left[cost.key] -= passed[-1]
        return passed

    async def purge(self) -> int:
        full = select(_limit).where(_limit.c.tat <= self._now)
        return (await self._connection.execute(delete(_limit).where(among(_limit, full)))).rowcount

    def _row(self, key: bytes, limit: Limit, wanted: int) -> tuple[bytes | int, ...]:
        taken, tat = admitted(None, self._now, limit, wanted)
        return (key, tat, taken, wanted, limit.tolerance + limit.interval, limit.interval, self._now)


def counting(statement: Insert) -> Upsert:
    """Requests that were turned away, added to those that were counted before."""
    return statement.on_conflict_do_update(
        index_elements=list(_turned_away.primary_key),
        set_={"requests": _turned_away.c.requests + statement.excluded.requests},
    )


COUNTED_BY = ("portal", "hour", "requests")
_COUNT = ManyRows(_turned_away, COUNTED_BY, counting)


async def count_turned_away(connection: AsyncConnection, now: Instant, portals: Iterable[str]) -> None:
    """Count requests that left no row, one for each time that a portal is named."""
    counts = sorted(Counter(portals).items())
    if counts:
        await _COUNT.insert(connection, [(portal, now // HOUR, count) for portal, count in counts])


async def turned_away(connection: AsyncConnection, portal: str, *, since: Instant) -> int:
    """How many requests of a portal left no row, in the hours that end after an instant."""
    query = select(func.coalesce(func.sum(_turned_away.c.requests), 0)).where(
        _turned_away.c.portal == portal, _turned_away.c.hour >= since // HOUR
    )
    return int(await connection.scalar(query) or 0)
