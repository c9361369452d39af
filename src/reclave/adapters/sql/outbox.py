"""The outbox and its deliveries."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from reclave.adapters.sql.bulk import ManyChanges, ManyRows, among, among_first
from reclave.adapters.sql.clock import OVERTAKEN
from reclave.adapters.sql.tables import delivery as _delivery
from reclave.adapters.sql.tables import outbox as _outbox
from reclave.domain.outbox import CUT_OFF, Deferred, Delivery, Message, MessageState, Refused, Sent, Template
from reclave.domain.time import DAY, Instant, Span
from reclave.ports.outbox import Attempt, Listed, Pace, Settled, Standing

_DOMAIN = [each for each in _outbox.columns if each.name not in {"state", "due_at", "was_due_at"}]
_ANSWERS: dict[str, type[Delivery]] = {"sent": Sent, "deferred": Deferred, "refused": Refused}
_NAMES = {answer: name for name, answer in _ANSWERS.items()}
_AS_GIVEN = ["portal", "id", "template", "language", "message_id", "reference", "sealed", "recipient"]
_as_given = attrgetter(*_AS_GIVEN)
_ADD = ManyRows(
    _outbox,
    [*_AS_GIVEN, "grants", "report", "needs_grant", "created_at", "attempts", "fence", "bulk", "state", "due_at"],
)
_BEGIN = ManyRows(_delivery, ["portal", "message", "number", "began_at"])
_CLAIMED = _outbox.c.state == literal_column(f"'{MessageState.SENDING}'")
_RELEASE = ManyChanges(_outbox, ["portal", "id", "fence"], ["state", "due_at"], [_CLAIMED])
_END = ManyChanges(_delivery, ["portal", "message", "number"], ["ended_at", "answer", "code", "text"])

_WAITING = (MessageState.QUEUED, MessageState.SENDING)
_OF_MESSAGE = and_(_delivery.c.portal == _outbox.c.portal, _delivery.c.message == _outbox.c.id)


class SqlOutbox:
    """`ports.store.Outbox` on SQL. A message that is claimed is due again when its lease ends."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def add(self, message: Message, *, not_before: Instant = 0) -> None:
        await self._add([message], MessageState.QUEUED, max(self._now, not_before))

    async def add_all(self, messages: Sequence[Message]) -> None:
        await self._add(messages, MessageState.QUEUED, self._now)

    async def add_claimed(self, messages: Sequence[Message], *, lease: Span) -> list[Message]:
        claimed = [replace(each, created_at=self._now, attempts=1, fence=1) for each in messages]
        await self._add(claimed, MessageState.SENDING, self._now + lease, claims=1)
        await self._begin(claimed)
        return claimed

    async def claim(self, *, limit: int, lease: Span) -> list[Message]:
        # Two statements, so that each reads its part of the index in order, however much bulk mail waits.
        claimed = await self._take(limit=limit, lease=lease, bulk=False)
        if len(claimed) < limit:
            claimed += await self._take(limit=limit - len(claimed), lease=lease, bulk=True)
        if claimed:
            await self._close_cut_off([message for message in claimed if message.attempts > 1])
            await self._begin(claimed)
        return claimed

    async def _begin(self, claimed: Sequence[Message]) -> None:
        began = [(message.portal, message.id, message.attempts, self._now) for message in claimed]
        await _BEGIN.insert(self._connection, began)

    async def _take(self, *, limit: int, lease: Span, bulk: bool) -> list[Message]:
        given = {
            "now": self._now,
            "until": self._now + lease,
            "furthest_queued": self._now + DAY + OVERTAKEN,
            "furthest_sending": self._now + lease + OVERTAKEN,
            "most": limit,
        }
        rows = list(await self._connection.execute(_TAKE[bulk], given))
        rows.sort(key=lambda row: (row.was_due_at, row.created_at))
        return [_message(row) for row in rows]

    async def settle(self, message: Message, answer: Delivery, *, retry_at: Instant | None = None) -> bool:
        return bool(await self.settle_all([Settled(message, answer, retry_at)]))

    async def cancel(self, message: Message) -> bool:
        return bool(await self.settle_all([Settled(message, None)]))

    async def settle_all(self, settled: Sequence[Settled]) -> list[Settled]:
        rows = [(each.message.portal, each.message.id, each.message.fence, *_next(each)) for each in settled]
        released = {id_ for _, id_, _ in await _RELEASE.change(self._connection, rows)}
        own = [each for each in settled if each.message.id in released]
        ended = [self._ended(each.message, each.answer) for each in own if each.answer is not None]
        if ended:
            await _END.change(self._connection, ended)
        return own

    async def mailed(self, portal: str, template: Template, recipient: bytes, *, since: Instant) -> bool:
        found = exists().where(
            _outbox.c.portal == portal,
            _outbox.c.recipient == recipient,
            _outbox.c.template == template,
            _outbox.c.created_at >= since,
        )
        return bool(await self._connection.scalar(select(found)))

    async def state(self, portal: str, message: bytes) -> str | None:
        query = select(_outbox.c.state).where(_this(portal, message))
        state: MessageState | None = await self._connection.scalar(query)
        return state

    async def attempts(self, portal: str, message: bytes) -> list[Attempt]:
        query = (
            select(_delivery)
            .where(_delivery.c.portal == portal, _delivery.c.message == message)
            .order_by(_delivery.c.number)
        )
        return [
            Attempt(row.number, row.began_at, row.answer and _ANSWERS[row.answer](row.code, row.text))
            for row in await self._connection.execute(query)
        ]

    async def next_due(self) -> Instant | None:
        # IS NOT NULL, or SQLite does not see that the partial index holds all of them.
        waiting = and_(_outbox.c.state == MessageState.QUEUED, _outbox.c.due_at.is_not(None))
        query = select(func.min(_outbox.c.due_at)).where(waiting)
        due: Instant | None = await self._connection.scalar(query)
        return due

    async def standing(self, *, failed_since: Instant) -> Standing:
        urgent = _outbox.c.bulk.is_(False)
        sent = select(_outbox.c.created_at).where(_outbox.c.state == MessageState.SENT, urgent)
        newest = await self._connection.scalar(sent.order_by(_outbox.c.created_at.desc()).limit(1))
        due = and_(urgent, self._tried_or_due())
        standing = and_(due, _outbox.c.created_at > (-1 if newest is None else newest))
        oldest = func.min(case((standing, _outbox.c.created_at)))
        unsent = select(func.count(), oldest).where(_outbox.c.due_at.is_not(None))
        lately = and_(_outbox.c.state == MessageState.FAILED, _outbox.c.created_at >= failed_since)
        failed = await self._connection.scalar(select(func.count()).select_from(_outbox).where(lately))
        count, since = (await self._connection.execute(unsent)).one()
        return Standing(count, since, int(failed or 0))

    async def pace(self, portal: str, *, since: Instant, limit: int) -> Pace:
        own = and_(_outbox.c.portal == portal, _outbox.c.bulk.is_(False))
        last = and_(_OF_MESSAGE, _delivery.c.number == _outbox.c.attempts)
        sent = select(_outbox.c.recipient, _outbox.c.created_at, _delivery.c.ended_at).join(_delivery, last)
        sent = sent.where(own, _outbox.c.state == MessageState.SENT, _outbox.c.created_at >= since)
        delivered = list(await self._connection.execute(sent.order_by(_outbox.c.created_at.desc()).limit(limit)))
        newest = delivered[0].created_at if delivered else since - 1
        unsent = select(_outbox.c.recipient, _outbox.c.created_at).where(own, _outbox.c.due_at.is_not(None))
        unsent = unsent.where(_outbox.c.created_at.between(newest + 1, self._now), self._tried_or_due())
        waiting = await self._connection.execute(unsent.order_by(_outbox.c.created_at).limit(limit))
        taken = {row.recipient: max(0, row.ended_at - row.created_at) for row in reversed(delivered)}
        held = {row.recipient: row.created_at for row in reversed(list(waiting))}
        return Pace(tuple(taken.values()), tuple(held.values()))

    async def purge(self, *, ended_before: Instant, limit: int, cancelled_before: Instant | None = None) -> int:
        old = _outbox.c.created_at < ended_before
        if cancelled_before is not None:
            cancelled = _outbox.c.state == MessageState.CANCELLED
            old = or_(and_(cancelled, _outbox.c.created_at < cancelled_before), and_(not_(cancelled), old))
        over = select(_outbox).where(old, _outbox.c.due_at.is_(None)).order_by(_outbox.c.created_at).limit(limit)
        return (await self._connection.execute(delete(_outbox).where(among(_outbox, over)))).rowcount

    async def listed(
        self,
        *,
        limit: int,
        portal: str | None = None,
        states: Collection[MessageState] = (),
        before: tuple[Instant, bytes] | None = None,
    ) -> list[Listed]:
        query = select(_outbox)
        if portal is not None:
            query = query.where(_outbox.c.portal == portal)
        if states:
            query = query.where(_outbox.c.state.in_(sorted(states)))
        if before is not None:
            query = query.where(tuple_(_outbox.c.created_at, _outbox.c.id) < before)
        return await self._listed(query.order_by(_outbox.c.created_at.desc(), _outbox.c.id.desc()).limit(limit))

    async def between(self, portal: str, lowest: bytes, highest: bytes, *, limit: int = 2) -> list[Listed]:
        query = select(_outbox).where(_outbox.c.portal == portal, _outbox.c.id.between(lowest, highest))
        return await self._listed(query.order_by(_outbox.c.id).limit(limit))

    async def to_recipient(self, portal: str, recipient: bytes, *, limit: int) -> list[Listed]:
        query = select(_outbox).where(_outbox.c.portal == portal, _outbox.c.recipient == recipient)
        return await self._listed(query.order_by(_outbox.c.created_at.desc(), _outbox.c.id.desc()).limit(limit))

    async def requeue(self, portal: str, message: bytes, message_id: str) -> bool:
        again = {"state": MessageState.QUEUED, "due_at": self._now, "created_at": self._now, "message_id": message_id}
        return await self._move(portal, message, MessageState.FAILED, **again)

    async def drop(self, portal: str, message: bytes) -> bool:
        return await self._move(portal, message, MessageState.QUEUED, state=MessageState.CANCELLED, due_at=None)

    async def reseal(self, portal: str, message: bytes, sealed: bytes) -> bool:
        unsent = and_(_this(portal, message), _outbox.c.due_at.is_not(None))
        return (await self._connection.execute(update(_outbox).where(unsent).values(sealed=sealed))).rowcount == 1

    async def erase(self, portal: str, message: bytes) -> bool:
        for state in (MessageState.QUEUED, MessageState.SENDING):
            await self._move(portal, message, state, state=MessageState.CANCELLED, due_at=None)
        statement = update(_outbox).where(_this(portal, message)).values(sealed=b"", recipient=b"")
        return (await self._connection.execute(statement)).rowcount == 1

    async def _listed(self, query: Select[Any]) -> list[Listed]:
        return [Listed(_message(row), row.state, row.due_at) for row in await self._connection.execute(query)]

    async def _move(self, portal: str, message: bytes, was: MessageState, **values: Any) -> bool:
        statement = update(_outbox).where(_this(portal, message), _outbox.c.state == was).values(**values)
        return (await self._connection.execute(statement)).rowcount == 1

    def _tried_or_due(self) -> ColumnElement[bool]:
        return or_(_outbox.c.attempts > 0, _outbox.c.due_at <= self._now)

    async def _close_cut_off(self, messages: list[Message]) -> None:
        """Record attempts as deferred whose process ended before it could say what the server answered."""
        if not messages:
            return
        statement = update(_delivery).where(
            tuple_(_delivery.c.portal, _delivery.c.message).in_([(each.portal, each.id) for each in messages]),
            _delivery.c.answer.is_(None),
        )
        said = {"answer": _NAMES[Deferred], "code": CUT_OFF.code, "text": CUT_OFF.text}
        await self._connection.execute(statement.values(ended_at=self._now, **said))

    async def _add(self, messages: Sequence[Message], state: MessageState, due_at: Instant, *, claims: int = 0) -> None:
        """Write new messages that were claimed so many times."""
        rows = []
        for message in messages:
            grants = ",".join(grant.hex() for grant in message.grants)
            own = (grants, message.report, message.needs_grant, self._now, claims, claims, message.bulk)
            rows.append((*_as_given(message), *own, state, due_at))
        await _ADD.insert(self._connection, rows)

    def _ended(self, message: Message, answer: Delivery) -> tuple[Any, ...]:
        said = (_NAMES[type(answer)], answer.code, answer.text)
        return (message.portal, message.id, message.attempts, self._now, *said)


def _taking(*, bulk: bool) -> ReturningUpdate[Any]:
    """Claims what is due, bulk mail or other; written once, because writing it costs more than running it."""
    now = bindparam("now", type_=BigInteger)
    passed = {state: (_outbox.c.due_at <= now, _outbox.c.due_at > bindparam(f"furthest_{state}")) for state in _WAITING}
    of_kind = _outbox.c.bulk.is_(bulk)
    parts = [and_(of_kind, _outbox.c.state == state, due) for state, dues in passed.items() for due in dues]
    again = {name: _outbox.c[name] + 1 for name in ("attempts", "fence")}
    return (
        update(_outbox)
        .where(among_first(_outbox, parts, ["due_at", "created_at"], bindparam("most", type_=Integer)))
        .values(state=MessageState.SENDING, was_due_at=_outbox.c.due_at, due_at=bindparam("until"), **again)
        .returning(_outbox.c.was_due_at, *_DOMAIN)
    )


_TAKE = {bulk: _taking(bulk=bulk) for bulk in (False, True)}


def _next(settled: Settled) -> tuple[MessageState, Instant | None]:
    """The state of a message, and when it is due."""
    match settled.answer:
        case None:
            return MessageState.CANCELLED, None
        case Sent():
            return MessageState.SENT, None
        case Deferred() if settled.retry_at is not None:
            return MessageState.QUEUED, settled.retry_at
        case _:
            return MessageState.FAILED, None


def _this(portal: str, message: bytes) -> ColumnElement[bool]:
    return and_(_outbox.c.portal == portal, _outbox.c.id == message)


def _message(row: Row[Any]) -> Message:
    return Message(**{each.name: getattr(row, each.name) for each in _DOMAIN})
