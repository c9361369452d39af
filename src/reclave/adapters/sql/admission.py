"""Admission on PostgreSQL: the limits and the intakes of a whole batch in one statement, which is its own transaction.

One round trip instead of five: what a batch costs hardly depends on how many requests it has
(docs/adr/0018-admission-is-one-statement.md). What it decides is what `intakes.admit` decides, statement by statement.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    CompoundSelect,
    Integer,
    LargeBinary,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    extract,
    func,
    insert,
    literal_column,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import TypeEngine

from reclave.adapters.sql.clock import ClockOffset, machine_now
from reclave.adapters.sql.columns import PSYCOPG
from reclave.adapters.sql.counter_tables import rate_limit as _limit
from reclave.adapters.sql.counter_tables import turned_away as _turned_away
from reclave.adapters.sql.counters import COUNTED_BY, TAKEN_FROM, counting, taking
from reclave.adapters.sql.kept import KeptConnection
from reclave.adapters.sql.shares import Budget, Shares
from reclave.adapters.sql.tables import intake as _intake
from reclave.domain.intake import Admission, Request
from reclave.domain.limits import Cost, Limit
from reclave.domain.time import HOUR, Span

OF_REQUEST = (
    "portal",
    "id",
    "journey",
    "sealed_fields",
    "identifier",
    "client",
    "language",
    "waiting",
    "reference",
)
_LOCK_TIMEOUT = "3s"
_NO_REQUEST = -1
_OF_INTAKE = [*OF_REQUEST, "accepted_at", "fence", "claimed_until"]


class AdmissionAtOnce:
    """Admits batch after batch over one connection, and pays portal-wide costs out of shares."""

    def __init__(self, connection: KeptConnection, clock_offset: ClockOffset) -> None:
        self._connection = connection
        self._offset = clock_offset
        self._shares = Shares()

    async def admit(self, requests: Sequence[Request]) -> list[Admission]:
        """As `intakes.admit`; committed when this returns. Raises as `KeptConnection.run` does."""
        now = machine_now() + self._offset()
        batch = Batch(requests, self._shares.plan(now, costs_of(requests)), self._offset())
        answers = batch.answers(await self._connection.run(statement(), batch.parameters()))
        self._shares.settle(now, batch.budgets)
        return answers

    async def close(self) -> None:
        """Give the connection back."""
        await self._connection.close()


def costs_of(requests: Sequence[Request]) -> list[Cost]:
    """What the requests take, the earlier ones first, a request's cooldown last."""
    return [cost for request in requests for cost in (*request.costs, request.cooldown)]


class Batch:
    """Requests on their way into the database, the earlier ones first.

    Args:
        budgets: what portal-wide costs are paid out of, by key; the other limits are read from the costs.
        offset: microseconds that are added to the database's clock.
    """

    def __init__(self, requests: Sequence[Request], budgets: Mapping[bytes, Budget], offset: Span) -> None:
        self.budgets = budgets
        self._requests = requests
        self._offset = offset

    def parameters(self) -> dict[str, str | int]:
        """What `statement` takes."""
        return {
            "offset": self._offset,
            "requests": _json({"n": n, **_row(request)} for n, request in enumerate(self._requests)),
            "costs": _json(self._costs()),
            "limits": _json(self._limits()),
        }

    def answers(self, rows: Iterable[Row[Any]]) -> list[Admission]:
        """What the statement's rows say, request by request; what was taken from shared limits goes to the budgets."""
        answers = [Admission.OVER_LIMIT] * len(self._requests)
        for n, within, cooled, key, taken in map(tuple, rows):
            if n == _NO_REQUEST:
                self.budgets[key or b""].had = taken
            elif within:
                answers[n] = Admission.ACCEPTED if cooled else Admission.COOLING
        return answers

    def _costs(self) -> Iterable[dict[str, Any]]:
        for n, request in enumerate(self._requests):
            for cost in request.costs:
                yield {"n": n, "key": _hex(cost.key), "amount": cost.amount, "cooldown": False}
            yield {"n": n, "key": _hex(request.cooldown.key), "amount": request.cooldown.amount, "cooldown": True}

    def _limits(self) -> Iterable[dict[str, Any]]:
        wanted: Counter[bytes] = Counter()
        limits: dict[bytes, Limit] = {}
        for cost in costs_of(self._requests):
            wanted[cost.key] += cost.amount
            limits.setdefault(cost.key, cost.limit)
        for key, limit in limits.items():
            budget = self.budgets.get(key)
            yield {
                "key": _hex(key),
                "wanted": wanted[key] if budget is None else budget.asked,
                "left": 0 if budget is None else budget.left,
                "depth": limit.tolerance + limit.interval,
                "interval": limit.interval,
                "shared": budget is not None,
            }


def _row(request: Request) -> dict[str, Any]:
    values = ((name, getattr(request, name)) for name in OF_REQUEST)
    return {name: _hex(value) if isinstance(value, bytes) else value for name, value in values}


def _json(rows: Iterable[dict[str, Any]]) -> str:
    return msgspec.json.encode(list(rows)).decode()


def _hex(value: bytes) -> str:
    return f"\\x{value.hex()}"


@cache
def statement() -> str:
    """The statement, as the driver takes it. Its rows are (request, within its limits, cooled down, key, taken)."""
    return str(_statement().compile(dialect=PSYCOPG))


def _statement() -> CompoundSelect[Any]:
    clock = clock_and_patience()
    requests = _given("requests", {"n": Integer(), **{name: _intake.c[name].type for name in OF_REQUEST}})
    costs = _given("costs", {"n": Integer(), "key": LargeBinary(), "amount": BigInteger(), "cooldown": Boolean()})
    counts = dict.fromkeys(("wanted", "left", "depth", "interval"), BigInteger())
    limits = _given("limits", {"key": LargeBinary(), **counts, "shared": Boolean()})
    taken = _taken(limits, clock)
    decided = _decided(costs, limits, taken)
    accepted = and_(decided.c.within, decided.c.cooled)
    asked = select(requests).join(decided, decided.c.n == requests.c.n)
    new = asked.where(accepted).order_by(requests.c.n).subquery("accepted")
    values = select(*(new.c[name] for name in OF_REQUEST), clock.c.now, literal_column("0"), literal_column("0"))
    written = insert(_intake).from_select(_OF_INTAKE, values, include_defaults=False).cte("written")
    away = asked.where(~accepted).subquery("away")
    hour = clock.c.now // literal_column(str(HOUR), BigInteger)
    turned = select(away.c.portal, hour, func.count()).group_by(away.c.portal, hour).order_by(away.c.portal)
    counted = counting(upsert(_turned_away).from_select(COUNTED_BY, turned, include_defaults=False)).cte("counted")
    shared = (
        select(literal_column(str(_NO_REQUEST)), null(), null(), taken.c.key, taken.c.taken)
        .join_from(taken, limits, limits.c.key == taken.c.key)
        .where(limits.c.shared)
    )
    answers = select(decided.c.n, decided.c.within, decided.c.cooled, null(), null())
    return union_all(answers, shared).add_cte(written, counted)


def clock_and_patience() -> CTE:
    """The database's clock, moved by `offset`, as `now`; and how long the statement waits for a lock."""
    now = cast(extract("epoch", func.clock_timestamp()) * literal_column("1000000"), BigInteger)
    # Read before the first row is locked, so that it bounds the wait for all of them.
    patience = func.set_config(literal_column("'lock_timeout'"), literal_column(f"'{_LOCK_TIMEOUT}'"), true())
    clock = select((now + cast(bindparam("offset"), BigInteger)).label("now"), patience.label("patience"))
    return clock.cte("clock").prefix_with("MATERIALIZED")


def _given(name: str, types: Mapping[str, TypeEngine[Any]]) -> CTE:
    columns = (column(each, Text() if of.python_type is str else of) for each, of in types.items())
    rows = func.json_to_recordset(cast(bindparam(name, type_=Text), JSON)).table_valued(*columns, name=f"{name}_rows")
    return select(rows.render_derived(with_types=True)).cte(name).prefix_with("MATERIALIZED")


def _taken(limits: CTE, clock: CTE) -> CTE:
    """What each key's row lets pass: all that is wanted of it, or what is left."""
    of = limits.c
    room = of.depth // of.interval
    fresh = case((of.wanted < room, of.wanted), else_=room)
    # One order everywhere: transactions that take the same keys never wait for each other in a circle.
    new: Select[Any] = (
        select(of.key, clock.c.now + fresh * of.interval, fresh, of.wanted, of.depth, of.interval, clock.c.now)
        .where(of.wanted > literal_column("0"), clock.c.patience.is_not(None))
        .order_by(of.key)
    )
    return taking(upsert(_limit).from_select(TAKEN_FROM, new, include_defaults=False)).cte("taken")


def _decided(costs: CTE, limits: CTE, taken: CTE) -> CTE:
    """Which requests are within their limits, and which of them have cooled down: the earlier ones are paid first."""
    of_key = limits.join(taken, taken.c.key == limits.c.key, isouter=True)
    so_far = func.sum(costs.c.amount).over(
        partition_by=costs.c.key, order_by=(costs.c.n, costs.c.cooldown), rows=(None, 0)
    )
    paid = (
        select(
            costs.c.n,
            costs.c.cooldown,
            (so_far <= limits.c.left + func.coalesce(taken.c.taken, literal_column("0"))).label("paid"),
        )
        .select_from(costs.join(of_key, limits.c.key == costs.c.key))
        .subquery("paid")
    )
    return (
        select(
            paid.c.n,
            func.coalesce(func.bool_and(paid.c.paid).filter(~paid.c.cooldown), true()).label("within"),
            func.bool_and(paid.c.paid).filter(paid.c.cooldown).label("cooled"),
        )
        .group_by(paid.c.n)
        .cte("decided")
    )
