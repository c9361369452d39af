"""How the outbox stands: mail that stands still is told from one recipient's server that defers."""

from dataclasses import replace

import pytest

from reclave.domain.outbox import LEASE, Deferred, Message, Refused, Sent
from reclave.domain.time import DAY, HOUR, MINUTE, Instant
from reclave.ports.outbox import Standing
from reclave.ports.store import Store
from tests.contracts.rows import a_message, now
from tests.stores import Clock


async def standing(store: Store) -> Standing:
    async with store.reading() as tx:
        return await tx.outbox.standing(failed_since=tx.now - DAY)


async def queued(store: Store, *, bulk: bool = False, not_before: Instant = 0) -> Message:
    message = replace(a_message(), bulk=bulk)
    async with store.transaction() as tx:
        await tx.outbox.add(message, not_before=not_before)
    return message


async def settled(store: Store, answer: Sent | Deferred | Refused) -> None:
    async with store.transaction() as tx:
        for claim in await tx.outbox.claim(limit=10, lease=LEASE):
            retry = tx.now + HOUR if isinstance(answer, Deferred) else None
            await tx.outbox.settle(claim, answer, retry_at=retry)


@pytest.mark.req("S2")
async def test_mail_stands_still_since_the_oldest_that_nothing_has_overtaken(store: Store, clock: Clock) -> None:
    assert await standing(store) == Standing(0, None, 0)
    await queued(store, bulk=True)
    await queued(store, not_before=await now(store) + HOUR)
    assert await standing(store) == Standing(2, None, 0)
    began = await now(store)
    clock.move(MINUTE)
    await queued(store)
    clock.move(MINUTE)
    await queued(store)
    found = await standing(store)
    assert found.unsent == 4
    assert found.oldest is not None
    assert began + MINUTE <= found.oldest < began + 2 * MINUTE


async def test_a_recipient_that_defers_is_overtaken_by_mail_that_is_sent(store: Store, clock: Clock) -> None:
    await queued(store)
    await settled(store, Deferred(451, "4.7.1 Greylisted"))
    assert (await standing(store)).oldest is not None
    clock.move(MINUTE)
    await queued(store)
    await settled(store, Sent(250, "2.0.0 Ok"))
    assert await standing(store) == Standing(1, None, 0)


async def test_failed_messages_are_counted_while_they_are_young(store: Store, clock: Clock) -> None:
    await queued(store)
    await settled(store, Refused(550, "5.1.1 No such user"))
    assert await standing(store) == Standing(0, None, 1)
    clock.move(DAY + HOUR)
    assert await standing(store) == Standing(0, None, 0)
