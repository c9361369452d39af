"""The outbox: messages to send, what became of each, and what an operator does with them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from reclave.domain.outbox import Delivery, Message, MessageState, Template
from reclave.domain.time import Instant, Span


@dataclass(frozen=True, slots=True)
class Attempt:
    """One recorded delivery: its number, when it began and the server's answer (None while under way)."""

    number: int
    began_at: Instant
    answer: Delivery | None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a claimed message: the server's answer, or None where there was nothing left to say.

    A message that is deferred is tried again at `retry_at`, where there is one.
    """

    message: Message
    answer: Delivery | None
    retry_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A message as an operator sees it: its state, and when it is due (None once it has ended)."""

    message: Message
    state: MessageState
    due_at: Instant | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the outbox stands: how many messages have not ended, since when mail stands still, how many have failed.

    `oldest` is when the oldest message was queued that is due or was tried, and that was queued after every message
    that has been sent; None where there is none. One recipient's server that defers is overtaken by other mail and
    counts no longer; a worker or mail server that is gone is not. Bulk mail, which may wait, is left out of it.
    """

    unsent: int
    oldest: Instant | None
    failed: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a portal's mail goes, bulk mail left out; each recipient stands there once.

    `taken` is how long a delivered message took from its queueing to the server's yes (microseconds), the newest of
    each recipient. `held` is since when a message waits that nothing has overtaken, the oldest of each recipient.
    """

    taken: tuple[Span, ...]
    held: tuple[Instant, ...]


class Outbox(Protocol):
    """Messages to send."""

    async def add(self, message: Message, *, not_before: Instant = 0) -> None:
        """Queue a message (`created_at` is set to now)."""

    async def add_all(self, messages: Sequence[Message]) -> None:
        """Queue messages (one at least), each as `add` does."""

    async def add_claimed(self, messages: Sequence[Message], *, lease: Span) -> list[Message]:
        """Queue messages (one at least) and claim them at once, as `add_all` and `claim` would; the claimed ones."""

    async def claim(self, *, limit: int, lease: Span) -> list[Message]:
        """Claim due messages for `lease` microseconds, and record an attempt for each.

        The oldest due come first, bulk mail after all others. Due: queued with a next attempt not after now, or
        sending with an ended lease; an instant further ahead than DAY (next attempt) or `lease` (lease) comes from a
        clock that jumped back, and has passed. Each claim raises `attempts` and `fence`; other workers' claims are
        skipped.
        """

    async def settle(self, message: Message, answer: Delivery, *, retry_at: Instant | None = None) -> bool:
        """Record the server's answer for a claim whose fence still is this one's.

        Sent → sent. Deferred with `retry_at` → queued again, without → failed. Refused → failed.
        """

    async def cancel(self, message: Message) -> bool:
        """Cancel a claimed message whose fence still is this one's: there is nothing left to say."""

    async def settle_all(self, settled: Sequence[Settled]) -> list[Settled]:
        """Settle or cancel claims of different messages (one at least); those whose fence still was this one's."""

    async def mailed(self, portal: str, template: Template, recipient: bytes, *, since: Instant) -> bool:
        """Whether a message of this template was queued for this recipient (a keyed digest) since an instant."""

    async def state(self, portal: str, message: bytes) -> str | None:
        """The message's state."""

    async def attempts(self, portal: str, message: bytes) -> list[Attempt]:
        """The message's deliveries, first to last."""

    async def next_due(self) -> Instant | None:
        """When the next queued message is due."""

    async def standing(self, *, failed_since: Instant) -> Standing:
        """How the outbox stands; `failed` are those created since an instant."""

    async def pace(self, portal: str, *, since: Instant, limit: int) -> Pace:
        """How fast a portal's mail goes: by its newest `limit` messages queued since an instant and delivered, and by
        the oldest `limit` that wait and were queued since and after every one of those."""

    async def purge(self, *, ended_before: Instant, limit: int, cancelled_before: Instant | None = None) -> int:
        """Delete sent, failed and cancelled messages created before an instant, with their attempts; how many.

        `cancelled_before`, where given, holds for cancelled ones.
        """

    async def listed(
        self,
        *,
        limit: int,
        portal: str | None = None,
        states: Collection[MessageState] = (),
        before: tuple[Instant, bytes] | None = None,
    ) -> list[Listed]:
        """Messages in these states (all, where none is named), newest first; ties by id, highest first.

        `before` is the `created_at` and id of the last one of the page before.
        """

    async def between(self, portal: str, lowest: bytes, highest: bytes, *, limit: int = 2) -> list[Listed]:
        """Messages of a portal whose id is one of the two or lies between them, by id."""

    async def to_recipient(self, portal: str, recipient: bytes, *, limit: int) -> list[Listed]:
        """The newest messages to a recipient (a keyed digest), newest first."""

    async def requeue(self, portal: str, message: bytes, message_id: str) -> bool:
        """Queue a failed message again as if it were new, under another Message-ID; whether it was a failed one.

        `created_at` is set to now, so that it has the time of a new message until the sender gives up.
        """

    async def drop(self, portal: str, message: bytes) -> bool:
        """Cancel a message that waits for its turn; whether it did."""

    async def reseal(self, portal: str, message: bytes, sealed: bytes) -> bool:
        """Write what a message says, sealed anew; whether it has not ended."""

    async def erase(self, portal: str, message: bytes) -> bool:
        """Cancel a message that has not ended, and empty what any says: its sealed content, and whom it went to."""
