"""Shares of portal-wide limits: what a process has taken from a limit's row ahead of time, to spend by itself.

All requests of a portal meet at the row of such a limit, which each batch keeps locked until its commit is on disk. So
a process that is busy takes a share: as much as it spends in a tenth of a second, at most a hundredth of the limit.
What is in a share lapses as fast as the limit earns it back. That keeps the limit exact: in any span of time no more
pass than the limit's count and what it earns meanwhile, for a share that was taken earlier has lapsed for as long
(docs/adr/0014-many-processes-on-one-postgresql.md).
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.time import SECOND, Instant, Span

AHEAD: Span = SECOND // 10
"""For how long a share is to last."""
PARTS = 100
"""A share is this part of a limit at most."""
SMALLEST = 10
"""A smaller share is not worth what lapses of it."""
DRY: Span = SECOND // 20
"""For how long a limit that had nothing left is not asked again."""

Take = Callable[[Sequence[Cost]], Awaitable[list[int]]]


@dataclass(frozen=True, slots=True)
class Share:
    """A share: what was not spent of it, when it was taken, what was spent since, whether the limit had no more."""

    unspent: int = 0
    taken_at: Instant = 0
    spent: int = 0
    dry: bool = False

    def left(self, now: Instant, limit: Limit) -> int:
        """What has not lapsed either. A clock that jumped back ends a share."""
        since = now - self.taken_at
        return max(0, self.unspent + -since // limit.interval) if since >= 0 else 0

    def to_take(self, now: Instant, limit: Limit, wanted: int) -> int:
        """What to take from the limit's row so that so many may pass: nothing, or more than is needed just now."""
        since, short = max(1, now - self.taken_at), wanted - self.left(now, limit)
        if short <= 0 or (self.dry and since < min(DRY, limit.interval)):
            return 0
        ahead = min(self.spent * AHEAD // since, limit.count // PARTS)
        return short + (ahead if ahead >= SMALLEST else 0)

    def after(self, now: Instant, limit: Limit, wanted: int, asked: int, taken: int) -> tuple[int, "Share"]:
        """How many of those wanted pass once `taken` of those `asked` of the row were had; the share that remains."""
        left = self.left(now, limit) + taken
        passed = min(wanted, left)
        if asked:
            return passed, Share(left - passed, now, passed, dry=taken < asked)
        return passed, replace(self, unspent=self.unspent - passed, spent=self.spent + passed)


class Shares:
    """The shares of one process, whose batches follow each other.

    Between `take` and `committed` a share belongs to the batch: with a batch that fails it is lost, never spent twice.
    """

    def __init__(self) -> None:
        self._held: dict[bytes, Share] = {}
        self._of_batch: dict[bytes, Share] = {}

    async def take(self, take: Take, now: Instant, costs: Sequence[Cost]) -> list[int]:
        """`ports.records.Limits.take`, with portal-wide costs paid out of shares as far as they last."""
        limits = {cost.key: cost.limit for cost in costs if cost.limit.scope is Scope.PORTAL}
        wanted: Counter[bytes] = Counter()
        for cost in costs:
            wanted[cost.key] += cost.amount
        before = {key: self._held.pop(key, Share()) for key in limits}
        asked = {key: before[key].to_take(now, limit, wanted[key]) for key, limit in limits.items()}
        leases = [Cost(key, limits[key], amount) for key, amount in asked.items() if amount]
        taken = await take([*(cost for cost in costs if cost.key not in limits), *leases])
        had = dict(zip((cost.key for cost in leases), taken[len(taken) - len(leases) :], strict=True))
        self._of_batch, budget = {}, {}
        for key, limit in limits.items():
            budget[key], self._of_batch[key] = before[key].after(now, limit, wanted[key], asked[key], had.get(key, 0))
        others = iter(taken)
        return [_paid(budget, cost) if cost.key in limits else next(others) for cost in costs]

    def committed(self) -> None:
        """Keep the shares of the batch that was taken for last."""
        self._held |= self._of_batch
        self._of_batch = {}


def _paid(budget: dict[bytes, int], cost: Cost) -> int:
    paid = min(cost.amount, budget[cost.key])
    budget[cost.key] -= paid
    return paid
