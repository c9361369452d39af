"""How fast mail goes: what was delivered lately, and what waits with nothing overtaking it."""

from dataclasses import replace
from typing import Any

from reclave.domain.outbox import LEASE, Deferred, Message, Refused, Sent
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND, Instant, Span
from reclave.ports.outbox import Pace
from reclave.ports.store import Store
from tests.contracts.rows import ELSEWHERE, PORTAL, a_message, new_id
from tests.stores import Clock

ROUND = 10 * SECOND
"""Over SQL the clock runs between two statements: spans are compared to the tenth second."""


async def pace(store: Store, *, limit: int = 100) -> Pace:
    async with store.reading() as tx:
        read = await tx.outbox.pace(PORTAL, since=tx.now - DAY, limit=limit)
        ages = sorted(tx.now - since for since in read.held)
    return Pace(
        tuple(sorted(taken // ROUND * ROUND for taken in read.taken)), tuple(age // ROUND * ROUND for age in ages)
    )


async def queued(store: Store, *, not_before: Instant = 0, **given: Any) -> Message:
    message = replace(a_message(recipient=new_id(32)), **given)
    async with store.transaction() as tx:
        await tx.outbox.add(message, not_before=not_before)
    return message


async def answered(store: Store, clock: Clock, answer: Sent | Deferred | Refused, *, after: Span) -> None:
    clock.move(after)
    async with store.transaction() as tx:
        for claim in await tx.outbox.claim(limit=10, lease=LEASE):
            retry = tx.now + HOUR if isinstance(answer, Deferred) else None
            await tx.outbox.settle(claim, answer, retry_at=retry)


async def test_what_was_delivered_took_from_its_queueing_to_the_servers_yes(store: Store, clock: Clock) -> None:
    assert await pace(store) == Pace((), ())
    await queued(store)
    await answered(store, clock, Sent(250, "ok"), after=MINUTE)
    await queued(store)
    await answered(store, clock, Deferred(451, "later"), after=MINUTE)
    await answered(store, clock, Sent(250, "ok"), after=2 * HOUR)
    await queued(store)
    await answered(store, clock, Refused(550, "no such user"), after=MINUTE)
    assert await pace(store) == Pace((MINUTE, 2 * HOUR + MINUTE), ())
    clock.move(DAY)
    assert await pace(store) == Pace((), ())


async def test_each_recipient_counts_once_by_its_newest_delivery(store: Store, clock: Clock) -> None:
    recipient = new_id(32)
    for wait in (MINUTE, 5 * MINUTE, 2 * MINUTE):
        await queued(store, recipient=recipient)
        await answered(store, clock, Sent(250, "ok"), after=wait)
    assert await pace(store) == Pace((2 * MINUTE,), ())


async def test_another_portals_mail_and_bulk_mail_say_nothing(store: Store, clock: Clock) -> None:
    await queued(store, portal=ELSEWHERE)
    await queued(store, bulk=True)
    await answered(store, clock, Sent(250, "ok"), after=MINUTE)
    await queued(store, portal=ELSEWHERE)
    await queued(store, bulk=True)
    assert await pace(store) == Pace((), ())


async def test_what_waits_is_held_until_newer_mail_overtakes_it(store: Store, clock: Clock) -> None:
    recipient = new_id(32)
    await queued(store, recipient=recipient)
    clock.move(MINUTE)
    await queued(store, recipient=recipient)
    await queued(store)
    async with store.reading() as tx:
        later = tx.now + HOUR
    await queued(store, not_before=later)
    await answered(store, clock, Deferred(451, "later"), after=MINUTE)
    assert await pace(store) == Pace((), (MINUTE, 2 * MINUTE))
    assert await pace(store, limit=1) == Pace((), (2 * MINUTE,))
    await queued(store)
    await answered(store, clock, Sent(250, "ok"), after=MINUTE)
    assert await pace(store) == Pace((MINUTE,), ())
