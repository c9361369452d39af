"""Portal-wide limits in shares: however processes spend them, never more passes than one bucket would let pass."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.adapters.sql import shares
from reclave.adapters.sql.shares import AHEAD, PARTS, Shares
from reclave.domain.limits import Cost, Limit, Scope, admitted
from reclave.domain.time import HOUR, MINUTE, SECOND, Instant, Span

START: Instant = 1_800_000_000 * SECOND
KEY = b"portal"


@dataclass
class Row:
    """The limits' rows in the database."""

    tats: dict[bytes, Instant] = field(default_factory=dict)
    now: Instant = START
    asked: list[int] = field(default_factory=list)

    def take(self, key: bytes, limit: Limit, amount: int) -> int:
        self.asked.append(amount)
        passed, self.tats[key] = admitted(self.tats.get(key), self.now, limit, amount)
        return passed


limits = st.sampled_from(
    [Limit(3, SECOND, Scope.PORTAL), Limit(20, SECOND, Scope.PORTAL), Limit(50, HOUR, Scope.PORTAL)]
)
spans = st.sampled_from([0, 1, 900, 10_000, 40_000, AHEAD, SECOND, MINUTE, -SECOND])
steps = st.lists(
    st.tuples(st.integers(0, 2), spans, st.sampled_from([1, 2, 3, 5, 40]), st.sampled_from([True, True, True, False])),
    max_size=60,
)


def spend(own: Shares, row: Row, limit: Limit, amount: int, *, commits: bool = True) -> int:
    """Ask for so many single requests in one batch; how many pass."""
    budgets = own.plan(row.now, [Cost(KEY, limit)] * amount)
    budget = budgets[KEY]
    if budget.asked:
        budget.had = row.take(KEY, limit, budget.asked)
    if commits:
        own.settle(row.now, budgets)
    return min(amount, budget.left + budget.had)


@pytest.mark.req("S4")
@given(limit=limits, steps=steps)
def test_processes_together_never_pass_more_than_one_bucket_would(
    limit: Limit, steps: list[tuple[int, Span, int, bool]]
) -> None:
    processes, row = [Shares() for _ in range(3)], Row()
    bucket: Instant | None = None
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(shares, "PARTS", 2)  # shares so large that a mistake shows
    for which, span, amount, commits in steps:
        row.now += max(0, span) if limit.period == HOUR else span
        before = dict(row.tats)
        passed = spend(processes[which], row, limit, amount, commits=commits)
        if not commits:
            row.tats = before
            continue
        if span >= 0:
            allowed, bucket = admitted(bucket, row.now, limit, passed)
            assert passed == allowed
        else:
            bucket = None
    monkeypatch.undo()


@pytest.mark.req("S4")
def test_a_share_lapses_while_the_limit_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "PARTS", 2)
    own, other, row, limit = Shares(), Shares(), Row(), Limit(20, SECOND, Scope.PORTAL)
    for _ in range(2):
        assert spend(own, row, limit, 5) == 5
        row.now += 1_000
    assert row.asked == [5, 15]
    assert spend(other, row, limit, 40) == 0
    row.now += 2 * SECOND
    assert spend(other, row, limit, 40) == 20
    assert spend(own, row, limit, 40) == 0


def test_who_asks_now_and_then_takes_what_is_needed_and_no_more() -> None:
    own, row, limit = Shares(), Row(), Limit(500, HOUR, Scope.PORTAL)
    for _ in range(20):
        assert spend(own, row, limit, 1) == 1
        row.now += SECOND
    assert row.asked == [1] * 20


def test_who_is_busy_asks_the_row_a_few_times_a_second_and_takes_a_small_part_at_once() -> None:
    own, row, limit = Shares(), Row(), Limit(1_000_000, HOUR, Scope.PORTAL)
    for _ in range(400):
        assert spend(own, row, limit, 10) == 10
        row.now += 5_000
    assert len(row.asked) < 50
    assert max(row.asked) <= limit.count // PARTS


def test_a_limit_that_is_used_up_is_not_asked_again_by_every_batch() -> None:
    own, row, limit = Shares(), Row(), Limit(5, HOUR, Scope.PORTAL)
    assert [spend(own, row, limit, 5), spend(own, row, limit, 5)] == [5, 0]
    asked = len(row.asked)
    for _ in range(5):
        row.now += 5_000
        assert spend(own, row, limit, 1) == 0
    assert len(row.asked) == asked


def test_a_share_is_lost_with_the_batch_that_failed() -> None:
    own, row, limit = Shares(), Row(), Limit(1_000_000, HOUR, Scope.PORTAL)
    for _ in range(3):
        spend(own, row, limit, 100)
        row.now += 1_000
    spend(own, row, limit, 1, commits=False)
    asked = len(row.asked)
    spend(own, row, limit, 1)
    assert row.asked[asked:] == [1]


def test_costs_of_other_scopes_are_no_business_of_shares() -> None:
    limit = Limit(3, HOUR, Scope.PORTAL)
    costs = [Cost(b"a", Limit(2, HOUR, Scope.CLIENT), 2), Cost(KEY, limit), Cost(b"b", limit, 5), Cost(KEY, limit)]
    assert {key: budget.wanted for key, budget in Shares().plan(START, costs).items()} == {KEY: 2, b"b": 5}
