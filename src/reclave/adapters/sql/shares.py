"""Shares of portal-wide limits: what a process has taken from a limit's row ahead of time, to spend by itself.

All requests of a portal meet at the row of such a limit, which each batch keeps locked until its commit is on disk. So
a process that is busy takes a share: as much as it spends in a tenth of a second, at most a hundredth of the limit.
What is in a share lapses as fast as the limit earns it back. That keeps the limit exact: in any span of time no more
pass than the limit's count and what it earns meanwhile, for a share that was taken earlier has lapsed for as long
(docs/adr/0014-many-processes-on-one-postgresql.md).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
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

    def after(self, now: Instant, limit: Limit, wanted: int, asked: int, taken: int) -> "Share":
        """The share that remains of those wanted, once `taken` of those `asked` of the row were had."""
        left = self.left(now, limit) + taken
        passed = min(wanted, left)
        if asked:
            return Share(left - passed, now, passed, dry=taken < asked)
        return replace(self, unspent=self.unspent - passed, spent=self.spent + passed)


@dataclass(slots=True)
class Budget:
    """What the portal-wide costs of one batch are paid out of: a share's `left`, and of what is `asked` of the row
    what is `had` once the batch is written."""

    share: Share
    limit: Limit
    wanted: int
    left: int
    asked: int
    had: int = 0


class Shares:
    """The shares of one process, whose batches follow each other.

    Between `plan` and `settle` a share belongs to the batch: with a batch that fails it is lost, never spent twice.
    """

    def __init__(self) -> None:
        self._held: dict[bytes, Share] = {}

    def plan(self, now: Instant, costs: Sequence[Cost]) -> dict[bytes, Budget]:
        """The budget of each portal-wide limit among a batch's costs, by key."""
        limits = {cost.key: cost.limit for cost in costs if cost.limit.scope is Scope.PORTAL}
        wanted: Counter[bytes] = Counter()
        for cost in costs:
            if cost.key in limits:
                wanted[cost.key] += cost.amount
        budgets = {}
        for key, limit in limits.items():
            share = self._held.pop(key, Share())
            left, asked = share.left(now, limit), share.to_take(now, limit, wanted[key])
            budgets[key] = Budget(share, limit, wanted[key], left, asked)
        return budgets

    def settle(self, now: Instant, budgets: Mapping[bytes, Budget]) -> None:
        """Keep what is left of the budgets of a batch that was written; `now` is that of its plan."""
        for key, each in budgets.items():
            self._held[key] = each.share.after(now, each.limit, each.wanted, each.asked, each.had)
