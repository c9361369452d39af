import asyncio
from contextlib import suppress

import pytest

from reclave.domain.audit import Event
from reclave.domain.grants import Purpose
from reclave.domain.outbox import LEASE, Template
from reclave.domain.throttle import Guess, Tally
from reclave.domain.time import HOUR
from reclave.ports.store import Store, Transaction
from tests.contracts.rows import (
    ACCOUNT,
    PORTAL,
    a_case,
    a_cost,
    a_grant,
    a_message,
    a_nit,
    a_request,
    a_session,
    an_account,
    an_entry,
    new_id,
    now,
)
from tests.stores import Clock, OpenAnother


class Stopped(Exception):
    """What a test raises within a transaction."""


async def write_everywhere(tx: Transaction, subject: bytes) -> None:
    await tx.accounts.add(an_account(), [a_nit()])
    await tx.grants.issue(a_grant(tx.now))
    await tx.outbox.add(a_message(recipient=subject))
    await tx.sessions.add(a_session(tx.now))
    await tx.sessions.recognise(PORTAL, subject, ACCOUNT)
    await tx.guesses.count(PORTAL, Guess.PASSWORD, subject)
    await tx.limits.take([a_cost(subject, count=1)])
    await tx.audit.add(an_entry())
    await tx.cases.open(a_case())


async def found_everywhere(tx: Transaction, subject: bytes) -> list[bool]:
    return [
        await tx.accounts.get(PORTAL, ACCOUNT) is not None,
        await tx.accounts.by_identifier(PORTAL, "nit", "9001234561") is not None,
        bool(await tx.grants.recent(PORTAL, ACCOUNT, list(Purpose))),
        await tx.outbox.mailed(PORTAL, Template.TEMPORARY_PASSWORD, subject, since=0),
        await tx.outbox.next_due() is not None,
        bool(await tx.sessions.of_account(PORTAL, ACCOUNT)),
        await tx.sessions.recognised(PORTAL, subject, ACCOUNT),
        await tx.guesses.tally(PORTAL, Guess.PASSWORD, subject) != Tally(),
        bool(await tx.audit.of_account(PORTAL, ACCOUNT, list(Event), limit=1)),
        bool(await tx.audit.read(after=0, limit=1)),
        bool(await tx.cases.of_account(PORTAL, ACCOUNT)),
    ]


@pytest.mark.req("S1")
async def test_what_is_rehearsed_is_seen_there_and_undone_and_the_rest_of_the_transaction_stays(store: Store) -> None:
    subject = new_id()
    async with store.transaction() as tx:
        await tx.cases.open(a_case(account="before"))
        async with tx.rehearsal() as rehearsed:
            await write_everywhere(rehearsed, subject)
            assert all(await found_everywhere(rehearsed, subject))
        with suppress(Stopped):
            async with tx.rehearsal() as rehearsed:
                await rehearsed.cases.open(a_case())
                raise Stopped
        await tx.cases.open(a_case(account="after"))
    async with store.reading() as tx:
        assert not any(await found_everywhere(tx, subject))
        assert await tx.cases.of_account(PORTAL, "before")
        assert await tx.cases.of_account(PORTAL, "after")


async def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    subject = new_id(32)

    async def fail_after_writing() -> None:
        async with store.transaction() as tx:
            await write_everywhere(tx, subject)
            assert all(await found_everywhere(tx, subject))
            raise Stopped

    with pytest.raises(Stopped):
        await fail_after_writing()
    async with store.transaction() as tx:
        assert not any(await found_everywhere(tx, subject))
        assert await tx.limits.take([a_cost(subject, count=1)]) == [1]


async def test_a_transaction_that_ends_is_there_for_everybody(store: Store, open_another: OpenAnother) -> None:
    subject = new_id(32)
    async with store.transaction() as tx:
        await write_everywhere(tx, subject)
    for each in (store, await open_another()):
        async with each.reading() as tx:
            assert all(await found_everywhere(tx, subject))


async def test_a_reader_neither_waits_for_a_writer_nor_sees_what_is_not_committed(store: Store) -> None:
    subject = new_id(32)
    async with store.transaction() as writing:
        await write_everywhere(writing, subject)
        async with asyncio.timeout(10), store.reading() as tx:
            assert not any(await found_everywhere(tx, subject))
    async with store.reading() as tx:
        assert all(await found_everywhere(tx, subject))


async def test_a_cancelled_transaction_leaves_nothing_and_holds_nobody_up(store: Store) -> None:
    subject, written = new_id(32), asyncio.Event()

    async def write() -> None:
        async with store.transaction() as tx:
            await write_everywhere(tx, subject)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10), store.transaction() as tx:
        assert not any(await found_everywhere(tx, subject))


async def test_a_waiting_transaction_that_is_cancelled_holds_nobody_up(store: Store) -> None:
    async def change() -> None:
        async with store.transaction() as tx:
            await tx.accounts.get(PORTAL, ACCOUNT, lock=True)
            await tx.accounts.change(an_account(credential_version=9), was=1)

    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [])
    async with store.transaction() as tx:
        await tx.accounts.get(PORTAL, ACCOUNT, lock=True)
        waiting = asyncio.create_task(change())
        await asyncio.wait([waiting], timeout=0.2)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with asyncio.timeout(10), store.transaction() as tx:
        assert await tx.accounts.get(PORTAL, ACCOUNT, lock=True) == an_account()


async def test_many_failures_use_nothing_up(store: Store) -> None:
    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.accounts.add(an_account(), [])
            raise Stopped

    answers = await asyncio.gather(*(fail() for _ in range(60)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {Stopped}
    async with store.transaction() as tx:
        assert await tx.accounts.add(an_account(), [])


async def test_a_transaction_within_another_is_refused_before_it_can_wait_for_itself(store: Store) -> None:
    async def nested() -> None:
        async with store.transaction(), store.transaction():
            pass

    async def accepting() -> None:
        async with store.transaction():
            await store.accept(a_request())

    for attempt in (nested, accepting):
        with pytest.raises(RuntimeError):
            await attempt()
    async with store.transaction() as tx:
        assert await tx.intakes.waiting() == (0, None)


async def test_what_is_written_through_a_reading_transaction_is_refused(store: Store) -> None:
    async def write() -> None:
        async with store.reading() as tx:
            await tx.accounts.add(an_account(), [a_nit()])

    (answer,) = await asyncio.gather(write(), return_exceptions=True)
    assert isinstance(answer, Exception)
    async with store.reading() as tx:
        assert await tx.accounts.get(PORTAL, ACCOUNT) is None


@pytest.mark.req("I8")
async def test_now_is_the_databases_clock_and_stands_still_within_a_transaction(
    store: Store, open_another: OpenAnother, clock: Clock
) -> None:
    async with store.transaction() as tx:
        at = tx.now
        clock.move(HOUR)
        await tx.accounts.get(PORTAL, ACCOUNT)
        assert tx.now == at
    for each in (store, await open_another()):
        assert at + HOUR <= await now(each) < at + 2 * HOUR
    clock.move(-2 * HOUR)
    assert at - HOUR <= await now(store) < at


@pytest.mark.req("I5")
async def test_an_accepted_request_and_its_resolution_survive_the_store_that_took_it(
    store: Store, open_another: OpenAnother
) -> None:
    request, message = a_request(), a_message()
    await store.accept(request)
    async with store.transaction() as tx:
        await tx.outbox.add(message)
    await store.close()
    another = await open_another()
    async with another.transaction() as tx:
        assert [intake.id for intake in await tx.intakes.claim(limit=9, lease=LEASE)] == [request.id]
        assert [claim.id for claim in await tx.outbox.claim(limit=9, lease=LEASE)] == [message.id]
