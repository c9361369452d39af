import asyncio
from dataclasses import replace

import pytest

from reclave.domain.outbox import CUT_OFF, LEASE, Deferred, Delivery, Message, Refused, Sent, Template
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND, Instant
from reclave.ports.outbox import Attempt
from reclave.ports.store import Store
from tests.contracts.rows import ELSEWHERE, PORTAL, a_message, new_id, now
from tests.stores import Clock, OpenAnother

SENT = Sent(250, "2.0.0 Ok: queued as 4F1")
DEFERRED = Deferred(451, "4.7.1 Greylisted")
REFUSED = Refused(550, "5.1.1 No such user")


async def queued(store: Store, message: Message | None = None, *, not_before: Instant = 0) -> Message:
    message = message or a_message()
    async with store.transaction() as tx:
        await tx.outbox.add(message, not_before=not_before)
    return message


async def claimed(store: Store, limit: int = 10) -> list[Message]:
    async with store.transaction() as tx:
        return await tx.outbox.claim(limit=limit, lease=LEASE)


async def settled(store: Store, claim: Message, answer: Delivery, retry_at: Instant | None = None) -> bool:
    async with store.transaction() as tx:
        return await tx.outbox.settle(claim, answer, retry_at=retry_at)


async def state(store: Store, message: Message) -> str | None:
    async with store.reading() as tx:
        return await tx.outbox.state(message.portal, message.id)


async def attempts(store: Store, message: Message) -> list[Attempt]:
    async with store.reading() as tx:
        return await tx.outbox.attempts(message.portal, message.id)


async def test_a_claim_holds_the_message_as_it_was_queued(store: Store) -> None:
    full = await queued(store, a_message(grants=tuple(new_id() for _ in range(50)), report=new_id(), needs_grant=True))
    (claim,) = await claimed(store)
    assert claim == replace(full, created_at=claim.created_at, attempts=1, fence=1)
    assert await now(store) - MINUTE <= claim.created_at <= await now(store)
    bare = await queued(store, a_message(grants=(), report=None))
    (claim,) = await claimed(store)
    assert claim == replace(bare, created_at=claim.created_at, attempts=1, fence=1)


async def test_a_message_that_is_claimed_as_it_is_written_is_its_writers_until_the_lease_ends(
    store: Store, clock: Clock
) -> None:
    new = [a_message(grants=(new_id(),)), a_message()]
    async with store.transaction() as tx:
        own = await tx.outbox.add_claimed(new, lease=LEASE)
        assert own == [replace(each, created_at=tx.now, attempts=1, fence=1) for each in new]
    assert await claimed(store) == []
    assert await settled(store, own[0], SENT)
    clock.move(LEASE + SECOND)
    (again,) = await claimed(store)
    assert again == replace(own[1], attempts=2, fence=2)
    assert not await settled(store, own[1], SENT)
    assert [each.answer for each in await attempts(store, own[1])] == [CUT_OFF, None]


async def test_messages_are_claimed_oldest_due_first_and_up_to_the_limit(store: Store, clock: Clock) -> None:
    later = await queued(store, not_before=await now(store) + 3 * SECOND)
    first = await queued(store)
    clock.move(SECOND)
    second = await queued(store)
    clock.move(MINUTE)
    last = await queued(store)
    assert [claim.id for claim in await claimed(store, 3)] == [first.id, second.id, later.id]
    assert [claim.id for claim in await claimed(store, 3)] == [last.id]
    assert await claimed(store, 3) == []


async def test_a_message_waits_until_it_is_due(store: Store, clock: Clock) -> None:
    async with store.reading() as tx:
        assert await tx.outbox.next_due() is None
    due = await now(store) + HOUR
    await queued(store, not_before=due + HOUR)
    message = await queued(store, not_before=due)
    assert await claimed(store) == []
    async with store.reading() as tx:
        assert await tx.outbox.next_due() == due
    clock.move(HOUR)
    assert [claim.id for claim in await claimed(store)] == [message.id]


@pytest.mark.req("I5")
async def test_concurrent_senders_claim_each_message_once(store: Store, open_another: OpenAnother) -> None:
    messages = [await queued(store) for _ in range(40)]
    stores = [store, await open_another()]

    async def send(number: int) -> list[bytes]:
        done: list[bytes] = []
        while batch := await claimed(stores[number % 2], 3):
            done += [claim.id for claim in batch]
        return done

    done = [message for sender in await asyncio.gather(*map(send, range(8))) for message in sender]
    assert len(done) == len(set(done))
    rest = [claim.id for claim in await claimed(store, 40)]  # what a sender left because another held it just then
    assert sorted(done + rest) == sorted(message.id for message in messages)


@pytest.mark.req("I5")
async def test_a_claim_comes_back_after_its_lease_and_the_stale_fence_settles_nothing(
    store: Store, clock: Clock
) -> None:
    message = await queued(store)
    (stale,) = await claimed(store)
    clock.move(LEASE - MINUTE)
    assert await claimed(store) == []
    clock.move(MINUTE)
    (again,) = await claimed(store)
    assert again == replace(stale, attempts=2, fence=2)
    assert not await settled(store, stale, SENT)
    async with store.transaction() as tx:
        assert not await tx.outbox.cancel(stale)
    assert await state(store, message) == "sending"
    assert await settled(store, again, SENT)
    assert await state(store, message) == "sent"
    first, second = await attempts(store, message)
    assert (first.number, first.answer) == (1, CUT_OFF)
    assert (second.number, second.answer) == (2, SENT)


@pytest.mark.req("I5")
async def test_a_sender_that_is_late_but_alone_still_settles(store: Store, clock: Clock) -> None:
    message = await queued(store)
    (claim,) = await claimed(store)
    clock.move(DAY)
    assert await settled(store, claim, SENT)
    assert await state(store, message) == "sent"


@pytest.mark.parametrize(("answer", "ends_as"), [(SENT, "sent"), (REFUSED, "failed"), (DEFERRED, "failed")], ids=str)
async def test_an_answer_without_another_try_ends_the_message(
    store: Store, clock: Clock, answer: Delivery, ends_as: str
) -> None:
    message = await queued(store)
    (claim,) = await claimed(store)
    assert await settled(store, claim, answer)
    assert await state(store, message) == ends_as
    assert not await settled(store, claim, SENT)
    clock.move(2 * DAY)
    assert await claimed(store) == []
    assert [attempt.answer for attempt in await attempts(store, message)] == [answer]


async def test_a_deferred_message_is_tried_again_when_it_was_said(store: Store, clock: Clock) -> None:
    message = await queued(store)
    (claim,) = await claimed(store)
    retry_at = await now(store) + 10 * MINUTE
    assert await settled(store, claim, DEFERRED, retry_at)
    assert await state(store, message) == "queued"
    async with store.reading() as tx:
        assert await tx.outbox.next_due() == retry_at
    assert await claimed(store) == []
    clock.move(10 * MINUTE)
    (again,) = await claimed(store)
    assert again == replace(claim, attempts=2, fence=2)


@pytest.mark.parametrize("answer", [SENT, REFUSED], ids=["sent", "refused"])
async def test_another_try_is_made_of_deferred_messages_only(store: Store, answer: Delivery) -> None:
    message = await queued(store)
    (claim,) = await claimed(store)
    assert await settled(store, claim, answer, await now(store))
    assert await state(store, message) in {"sent", "failed"}
    assert await claimed(store) == []


async def test_an_input_or_output_error_is_recorded_without_a_code(store: Store) -> None:
    message = await queued(store)
    (claim,) = await claimed(store)
    assert await attempts(store, message) == [Attempt(1, (await attempts(store, message))[0].began_at, None)]
    failure = Deferred(None, "connection refused")
    assert await settled(store, claim, failure, await now(store))
    assert [attempt.answer for attempt in await attempts(store, message)] == [failure]


@pytest.mark.req("I8")
@pytest.mark.parametrize("jump", [-HOUR, DAY], ids=["an hour back", "a day forward"])
async def test_a_lease_ends_when_the_clock_jumps_past_it(store: Store, clock: Clock, jump: int) -> None:
    await queued(store)
    (held,) = await claimed(store)
    clock.move(jump)
    (again,) = await claimed(store)
    assert (again.id, again.fence) == (held.id, 2)
    assert await claimed(store) == []
    assert not await settled(store, held, SENT)
    assert await settled(store, again, SENT)


@pytest.mark.req("I8")
async def test_a_next_attempt_is_not_lost_when_the_clock_jumps_back(store: Store, clock: Clock) -> None:
    message = await queued(store)
    clock.move(-HOUR)
    assert await claimed(store) == []
    clock.move(HOUR)
    assert [claim.id for claim in await claimed(store)] == [message.id]


@pytest.mark.req("I8")
async def test_a_next_attempt_further_ahead_than_any_has_passed(store: Store, clock: Clock) -> None:
    message = await queued(store)
    clock.move(-2 * DAY)
    assert [claim.id for claim in await claimed(store)] == [message.id]


async def test_a_cancelled_message_has_ended(store: Store, clock: Clock) -> None:
    message = await queued(store)
    (claim,) = await claimed(store)
    async with store.transaction() as tx:
        assert await tx.outbox.cancel(claim)
        assert not await tx.outbox.cancel(claim)
        assert not await tx.outbox.settle(claim, SENT)
    assert await state(store, message) == "cancelled"
    clock.move(2 * DAY)
    assert await claimed(store) == []


async def test_a_message_that_nobody_claimed_can_be_neither_settled_nor_cancelled(store: Store) -> None:
    message = await queued(store)
    async with store.transaction() as tx:
        assert not await tx.outbox.settle(message, SENT)
        assert not await tx.outbox.cancel(message)
        assert not await tx.outbox.cancel(a_message())
    assert await state(store, message) == "queued"
    assert await attempts(store, message) == []
    assert await state(store, a_message()) is None
    assert await attempts(store, a_message()) == []


@pytest.mark.req("I7")
async def test_it_knows_to_whom_a_template_was_mailed_since_when(store: Store, clock: Clock) -> None:
    message = await queued(store, a_message(template=Template.CONFIRM_ADDRESS))
    (claim,) = await claimed(store)
    clock.move(HOUR)

    async def mailed(portal: str, template: Template, recipient: bytes, since: Instant = claim.created_at) -> bool:
        async with store.reading() as tx:
            return await tx.outbox.mailed(portal, template, recipient, since=since)

    assert await mailed(PORTAL, Template.CONFIRM_ADDRESS, message.recipient)
    assert not await mailed(PORTAL, Template.CONFIRM_ADDRESS, message.recipient, claim.created_at + 1)
    assert not await mailed(PORTAL, Template.PASSWORD_CHANGED, message.recipient)
    assert not await mailed(PORTAL, Template.CONFIRM_ADDRESS, new_id(32))
    assert not await mailed(ELSEWHERE, Template.CONFIRM_ADDRESS, message.recipient)
    assert await settled(store, claim, REFUSED)
    assert await mailed(PORTAL, Template.CONFIRM_ADDRESS, message.recipient)


@pytest.mark.req("S11")
async def test_the_same_message_id_in_another_portal_is_another_message(store: Store) -> None:
    here = await queued(store)
    there = await queued(store, replace(here, portal=ELSEWHERE))
    for claim in await claimed(store):
        if claim.portal == PORTAL:
            assert await settled(store, claim, SENT)
    assert await state(store, here) == "sent"
    assert await state(store, there) == "sending"
    assert [attempt.answer for attempt in await attempts(store, there)] == [None]
    assert await state(store, replace(here, portal="compras")) is None


@pytest.mark.req("S50")
async def test_the_purge_deletes_ended_messages_with_their_attempts_and_no_others(store: Store, clock: Clock) -> None:
    ended = [await queued(store) for _ in range(4)]
    sent, refused, deferred, cancelled = await claimed(store)
    await settled(store, sent, SENT)
    await settled(store, refused, REFUSED)
    await settled(store, deferred, DEFERRED)
    async with store.transaction() as tx:
        await tx.outbox.cancel(cancelled)
    sending = await queued(store)
    await claimed(store)
    waiting = await queued(store)
    clock.move(DAY)
    async with store.transaction() as tx:
        assert await tx.outbox.purge(ended_before=tx.now - 2 * DAY, limit=9) == 0
        assert await tx.outbox.purge(ended_before=0, cancelled_before=tx.now - 2 * DAY, limit=9) == 0
        assert await tx.outbox.purge(ended_before=tx.now - HOUR, limit=3) == 3
        assert await tx.outbox.purge(ended_before=tx.now - HOUR, limit=3) == 1
        assert await tx.outbox.purge(ended_before=tx.now - HOUR, limit=3) == 0
    assert [await state(store, message) for message in ended] == [None] * 4
    assert [await attempts(store, message) for message in ended] == [[]] * 4
    assert (await state(store, sending), await state(store, waiting)) == ("sending", "queued")


@pytest.mark.req("S50")
async def test_cancelled_messages_can_be_forgotten_earlier_than_others(store: Store, clock: Clock) -> None:
    for _ in range(2):
        await queued(store)
    sent, cancelled = await claimed(store)
    await settled(store, sent, SENT)
    async with store.transaction() as tx:
        await tx.outbox.cancel(cancelled)
    clock.move(DAY)
    async with store.transaction() as tx:
        assert await tx.outbox.purge(ended_before=0, cancelled_before=tx.now - HOUR, limit=9) == 1
    assert await state(store, sent) == "sent"
    assert await state(store, cancelled) is None


async def test_bulk_mail_goes_when_nobody_waits(store: Store, clock: Clock) -> None:
    batch = [await queued(store, a_message(bulk=True)) for _ in range(3)]
    clock.move(SECOND)
    waited_for = await queued(store)
    first = await claimed(store, 2)
    assert [claim.id for claim in first] == [waited_for.id, batch[0].id]
    assert [claim.bulk for claim in first] == [False, True]
    assert {claim.id for claim in await claimed(store)} == {batch[1].id, batch[2].id}
