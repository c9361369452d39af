"""The outbox."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from reclave.adapters.memory.tables import MessageRow, Tables
from reclave.domain.outbox import CUT_OFF, Deferred, Delivery, Message, MessageState, Sent, Template
from reclave.domain.time import DAY, Instant, Span
from reclave.ports.outbox import Attempt, Listed, Pace, Settled, Standing

_ENDED = frozenset({MessageState.SENT, MessageState.FAILED, MessageState.CANCELLED})


class MemoryOutbox:
    """`ports.store.Outbox` in memory."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._rows = tables.outbox
        self._now = now

    async def add(self, message: Message, *, not_before: Instant = 0) -> None:
        if (message.portal, message.id) in self._rows:
            raise ValueError("the portal has a message with this id")
        queued = replace(message, created_at=self._now, attempts=0, fence=0)
        self._put(MessageRow(queued, MessageState.QUEUED, max(self._now, not_before)))

    async def add_all(self, messages: Sequence[Message]) -> None:
        for message in messages:
            await self.add(message)

    async def add_claimed(self, messages: Sequence[Message], *, lease: Span) -> list[Message]:
        await self.add_all(messages)
        added = {(message.portal, message.id) for message in messages}
        return [self._begin(row, lease) for row in self._rows if (row.message.portal, row.message.id) in added]

    async def claim(self, *, limit: int, lease: Span) -> list[Message]:
        due = [row for row in self._rows if self._due(row, lease)]
        claimed = sorted(due, key=lambda row: (row.message.bulk, row.due_at, row.message.created_at))[:limit]
        return [self._begin(row, lease) for row in claimed]

    async def settle(self, message: Message, answer: Delivery, *, retry_at: Instant | None = None) -> bool:
        row = self._held(message)
        if row is None:
            return False
        *earlier, last = row.attempts
        state, due_at = MessageState.FAILED, row.due_at
        if isinstance(answer, Sent):
            state = MessageState.SENT
        elif isinstance(answer, Deferred) and retry_at is not None:
            state, due_at = MessageState.QUEUED, retry_at
        attempts = (*earlier, replace(last, answer=answer))
        self._put(replace(row, state=state, due_at=due_at, attempts=attempts, sent_at=self._now))
        return True

    async def cancel(self, message: Message) -> bool:
        row = self._held(message)
        if row is None:
            return False
        self._put(replace(row, state=MessageState.CANCELLED))
        return True

    async def settle_all(self, settled: Sequence[Settled]) -> list[Settled]:
        return [each for each in settled if await self._settled(each)]

    async def mailed(self, portal: str, template: Template, recipient: bytes, *, since: Instant) -> bool:
        wanted = (portal, template, recipient)
        return any(
            (there.portal, there.template, there.recipient) == wanted and there.created_at >= since
            for there in (row.message for row in self._rows)
        )

    async def state(self, portal: str, message: bytes) -> str | None:
        row = self._rows.get((portal, message))
        return None if row is None else row.state

    async def attempts(self, portal: str, message: bytes) -> list[Attempt]:
        row = self._rows.get((portal, message))
        return [] if row is None else list(row.attempts)

    async def next_due(self) -> Instant | None:
        return min((row.due_at for row in self._rows if row.state is MessageState.QUEUED), default=None)

    async def standing(self, *, failed_since: Instant) -> Standing:
        newest = max((row.message.created_at for row in self._rows if _urgent(row, MessageState.SENT)), default=-1)
        unsent = [row for row in self._rows if row.state not in _ENDED]
        due = [row for row in unsent if not row.message.bulk and self._tried_or_due(row)]
        queued = [row.message.created_at for row in due if row.message.created_at > newest]
        failed = [row for row in self._rows if row.state is MessageState.FAILED]
        lately = [row for row in failed if row.message.created_at >= failed_since]
        return Standing(len(unsent), min(queued, default=None), len(lately))

    async def pace(self, portal: str, *, since: Instant, limit: int) -> Pace:
        own = [row for row in self._rows if row.message.portal == portal and not row.message.bulk]
        lately = sorted((row for row in own if row.message.created_at >= since), key=_created_at)
        delivered = [row for row in lately if row.state is MessageState.SENT][-limit:]
        newest = delivered[-1].message.created_at if delivered else since - 1
        unsent = [row for row in lately if self._tried_or_due(row) and newest < row.message.created_at <= self._now]
        taken = {row.message.recipient: max(0, row.sent_at - row.message.created_at) for row in delivered}
        held = {row.message.recipient: row.message.created_at for row in reversed(unsent[:limit])}
        return Pace(tuple(taken.values()), tuple(held.values()))

    async def purge(self, *, ended_before: Instant, limit: int, cancelled_before: Instant | None = None) -> int:
        def is_old(row: MessageRow) -> bool:
            cancelled = row.state is MessageState.CANCELLED and cancelled_before is not None
            return row.message.created_at < (cancelled_before if cancelled and cancelled_before else ended_before)

        over = [row for row in self._rows if row.state in _ENDED and is_old(row)]
        for row in over[:limit]:
            self._rows.remove((row.message.portal, row.message.id))
        return len(over[:limit])

    async def listed(
        self,
        *,
        limit: int,
        portal: str | None = None,
        states: Collection[MessageState] = (),
        before: tuple[Instant, bytes] | None = None,
    ) -> list[Listed]:
        def wanted(row: MessageRow) -> bool:
            place = (row.message.created_at, row.message.id)
            here = portal in {None, row.message.portal} and (not states or row.state in states)
            return here and (before is None or place < before)

        return _newest(row for row in self._rows if wanted(row))[:limit]

    async def between(self, portal: str, lowest: bytes, highest: bytes, *, limit: int = 2) -> list[Listed]:
        own = (row for row in self._rows if row.message.portal == portal)
        found = [row for row in own if lowest <= row.message.id <= highest]
        return [_listed(row) for row in sorted(found, key=lambda row: row.message.id)[:limit]]

    async def to_recipient(self, portal: str, recipient: bytes, *, limit: int) -> list[Listed]:
        wanted = (portal, recipient)
        return _newest(row for row in self._rows if (row.message.portal, row.message.recipient) == wanted)[:limit]

    async def requeue(self, portal: str, message: bytes, message_id: str) -> bool:
        row = self._rows.get((portal, message))
        if row is None or row.state is not MessageState.FAILED:
            return False
        again = replace(row.message, message_id=message_id, created_at=self._now)
        self._put(replace(row, message=again, state=MessageState.QUEUED, due_at=self._now))
        return True

    async def drop(self, portal: str, message: bytes) -> bool:
        row = self._rows.get((portal, message))
        if row is None or row.state is not MessageState.QUEUED:
            return False
        self._put(replace(row, state=MessageState.CANCELLED))
        return True

    async def reseal(self, portal: str, message: bytes, sealed: bytes) -> bool:
        row = self._rows.get((portal, message))
        if row is None or row.state in _ENDED:
            return False
        self._put(replace(row, message=replace(row.message, sealed=sealed)))
        return True

    async def erase(self, portal: str, message: bytes) -> bool:
        row = self._rows.get((portal, message))
        if row is None:
            return False
        state = row.state if row.state in _ENDED else MessageState.CANCELLED
        self._put(replace(row, message=replace(row.message, sealed=b"", recipient=b""), state=state))
        return True

    async def _settled(self, one: Settled) -> bool:
        if one.answer is None:
            return await self.cancel(one.message)
        return await self.settle(one.message, one.answer, retry_at=one.retry_at)

    def _tried_or_due(self, row: MessageRow) -> bool:
        return row.state not in _ENDED and (row.message.attempts > 0 or row.due_at <= self._now)

    def _due(self, row: MessageRow, lease: Span) -> bool:
        if row.state in _ENDED:
            return False
        furthest = DAY if row.state is MessageState.QUEUED else lease
        return not self._now < row.due_at <= self._now + furthest

    def _begin(self, row: MessageRow, lease: Span) -> Message:
        message = replace(row.message, attempts=row.message.attempts + 1, fence=row.message.fence + 1)
        earlier = (replace(each, answer=each.answer or CUT_OFF) for each in row.attempts)
        attempts = (*earlier, Attempt(message.attempts, self._now, None))
        self._put(MessageRow(message, MessageState.SENDING, self._now + lease, attempts))
        return message

    def _held(self, message: Message) -> MessageRow | None:
        row = self._rows.get((message.portal, message.id))
        held = row is not None and row.state is MessageState.SENDING and row.message.fence == message.fence
        return row if held else None

    def _put(self, row: MessageRow) -> None:
        self._rows.put((row.message.portal, row.message.id), row)


def _created_at(row: MessageRow) -> Instant:
    return row.message.created_at


def _urgent(row: MessageRow, state: MessageState) -> bool:
    return row.state is state and not row.message.bulk


def _listed(row: MessageRow) -> Listed:
    return Listed(row.message, row.state, None if row.state in _ENDED else row.due_at)


def _newest(rows: Iterable[MessageRow]) -> list[Listed]:
    ordered = sorted(rows, key=lambda row: (row.message.created_at, row.message.id), reverse=True)
    return [_listed(row) for row in ordered]
