import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND, Instant, Span
from reclave.ports.store import Store
from tests.contracts.rows import a_cost, new_id
from tests.stores import Clock

LIMITS = [
    Limit(1, 2 * MINUTE, Scope.COOLDOWN),
    Limit(5, HOUR, Scope.IDENTIFIER),
    Limit(7, MINUTE, Scope.CLIENT),
    Limit(6_000, HOUR, Scope.PORTAL),
]

Step = list[tuple[int, int]] | Span | None
"""Take (limit, amount) pairs in one call; or move the clock; or purge."""

steps = st.lists(
    st.one_of(
        st.lists(st.tuples(st.integers(0, len(LIMITS) - 1), st.integers(1, 9)), min_size=1, max_size=6),
        st.sampled_from([SECOND, 9 * SECOND, MINUTE, 12 * MINUTE, HOUR, DAY, -MINUTE, -HOUR, -DAY]),
        st.none(),
    ),
    max_size=12,
)


@dataclass(slots=True)
class Buckets:
    """Limits the plain way: a bucket holds the time of `count` requests and fills by itself."""

    credit: dict[bytes, Span] = field(default_factory=dict)
    at: dict[bytes, Instant] = field(default_factory=dict)

    def take(self, cost: Cost, now: Instant) -> int:
        one = cost.limit.period // cost.limit.count
        full = one * cost.limit.count
        there = self.credit.get(cost.key, full) + now - self.at.get(cost.key, now)
        credit = min(full, max(0, there))
        passed = min(cost.amount, credit // one)
        self.credit[cost.key], self.at[cost.key] = credit - passed * one, now
        return passed

    def purge(self, costs: dict[bytes, Limit], now: Instant) -> int:
        full = [
            key
            for key, credit in self.credit.items()
            if credit + now - self.at[key] >= costs[key].period // costs[key].count * costs[key].count
        ]
        for key in full:
            del self.credit[key], self.at[key]
        return len(full)


@pytest.mark.req("S4", "I8")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
async def test_limits_admit_exactly_what_a_plain_bucket_admits(store: Store, clock: Clock, steps: list[Step]) -> None:
    clock.move(2 * DAY)  # the last example's limits are full again
    async with store.transaction() as tx:
        await tx.limits.purge()
    keys = [new_id(32) for _ in LIMITS]
    limits = dict(zip(keys, LIMITS, strict=True))
    plain = Buckets()
    for step in steps:
        if isinstance(step, int):
            clock.move(step)
            continue
        async with store.transaction() as tx:
            if step is None:
                assert await tx.limits.purge() == plain.purge(limits, tx.now)
            else:
                costs = [Cost(keys[which], LIMITS[which], amount) for which, amount in step]
                assert await tx.limits.take(costs) == [plain.take(cost, tx.now) for cost in costs]


@pytest.mark.req("S4")
async def test_concurrent_requests_never_pass_beyond_the_limit(store: Store) -> None:
    limit = a_cost(count=10)

    async def take() -> list[int]:
        async with store.transaction() as tx:
            return await tx.limits.take([limit])

    assert sum(passed for (passed,) in await asyncio.gather(*(take() for _ in range(60)))) == 10


async def test_keys_taken_in_opposite_orders_do_not_block_each_other(store: Store) -> None:
    costs = [a_cost(count=100), a_cost(count=100)]

    async def take(number: int) -> list[int]:
        async with store.transaction() as tx:
            return await tx.limits.take(costs if number % 2 else costs[::-1])

    assert await asyncio.gather(*map(take, range(40))) == [[1, 1]] * 40


@pytest.mark.req("S4")
async def test_a_limit_whose_interval_is_not_whole_admits_its_count_and_no_more(store: Store, clock: Clock) -> None:
    limit = Limit(1_500, SECOND, Scope.CLIENT)
    key = new_id(32)
    async with store.transaction() as tx:
        assert await tx.limits.take([Cost(key, limit, 2_000)]) == [1_500]
    clock.move(MINUTE)
    async with store.transaction() as tx:
        assert await tx.limits.take([Cost(key, limit, 2_000)]) == [1_500]


async def test_nothing_taken_is_nothing_passed(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.limits.take([]) == []


@pytest.mark.req("I8")
async def test_a_limit_recovers_within_its_period_after_the_clock_jumped_back(store: Store, clock: Clock) -> None:
    limit = a_cost(count=2, amount=2)

    async def take() -> list[int]:
        async with store.transaction() as tx:
            return await tx.limits.take([limit])

    assert await take() == [2]
    clock.move(-365 * DAY)
    assert await take() == [0]
    clock.move(HOUR)
    assert await take() == [2]
