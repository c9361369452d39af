import asyncio

import pytest

from reclave.domain.throttle import FREE_TRIES, Guess, Tally
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND, Span
from reclave.ports.store import Store
from tests.contracts.rows import ELSEWHERE, PORTAL, new_id
from tests.stores import Clock, OpenAnother


async def guess(store: Store, subject: bytes, kind: Guess = Guess.PASSWORD, portal: str = PORTAL) -> Span:
    async with store.transaction() as tx:
        return await tx.guesses.count(portal, kind, subject)


async def tally(store: Store, subject: bytes, kind: Guess = Guess.PASSWORD, portal: str = PORTAL) -> Tally:
    async with store.reading() as tx:
        return await tx.guesses.tally(portal, kind, subject)


async def spend_free_tries(store: Store, subject: bytes) -> None:
    assert [await guess(store, subject) for _ in range(FREE_TRIES)] == [0] * FREE_TRIES


@pytest.mark.req("I6", "S23", "S26")
async def test_of_a_hundred_concurrent_guesses_ten_are_free_and_the_rest_wait(
    store: Store, open_another: OpenAnother
) -> None:
    stores, subject = [store, await open_another()], new_id(32)
    waits = await asyncio.gather(*(guess(stores[number % 2], subject) for number in range(100)))
    assert waits.count(0) == FREE_TRIES
    assert all(0 < wait <= 30 * SECOND for wait in waits if wait)
    assert (await tally(store, subject)).failures == FREE_TRIES


@pytest.mark.req("I6", "S26")
async def test_a_subject_that_nobody_guessed_has_no_failures(store: Store) -> None:
    assert await tally(store, new_id(32)) == Tally()


@pytest.mark.req("S23")
async def test_while_a_wait_lasts_nothing_is_counted_and_then_the_waits_rise(store: Store, clock: Clock) -> None:
    subject = new_id(32)
    await spend_free_tries(store, subject)
    for wait in (30 * SECOND, MINUTE, 2 * MINUTE):
        before = await tally(store, subject)
        clock.move(wait // 2)
        assert 0 < await guess(store, subject) <= wait // 2
        assert await tally(store, subject) == before
        clock.move(wait // 2)
        assert await guess(store, subject) == 0
        assert (await tally(store, subject)).failures == before.failures + 1


@pytest.mark.req("I8")
async def test_a_wait_does_not_outlast_a_jump_of_the_clock(store: Store, clock: Clock) -> None:
    subject = new_id(32)
    await spend_free_tries(store, subject)
    clock.move(-HOUR)
    assert await guess(store, subject) == 0
    assert 0 < await guess(store, subject) <= MINUTE
    assert (await tally(store, subject)).failures == FREE_TRIES + 1
    clock.move(DAY)
    assert await guess(store, subject) == 0
    assert (await tally(store, subject)).failures == FREE_TRIES + 2


async def test_a_reset_forgets_the_failures_and_the_wait(store: Store) -> None:
    subject = new_id(32)
    await spend_free_tries(store, subject)
    assert await guess(store, subject) > 0
    async with store.transaction() as tx:
        await tx.guesses.reset(PORTAL, Guess.PASSWORD, subject)
        await tx.guesses.reset(PORTAL, Guess.PASSWORD, new_id(32))
    assert await tally(store, subject) == Tally()
    await spend_free_tries(store, subject)


@pytest.mark.req("I6", "S11")
async def test_kinds_subjects_and_portals_are_counted_apart(store: Store) -> None:
    subject = new_id(32)
    await spend_free_tries(store, subject)
    assert await guess(store, subject) > 0
    assert await guess(store, subject, Guess.TEMPORARY_PASSWORD) == 0
    assert await guess(store, new_id(32)) == 0
    assert await guess(store, subject, portal=ELSEWHERE) == 0
    async with store.transaction() as tx:
        await tx.guesses.reset(PORTAL, Guess.PASSWORD, subject)
    assert (await tally(store, subject, Guess.TEMPORARY_PASSWORD)).failures == 1
    assert (await tally(store, subject, portal=ELSEWHERE)).failures == 1


@pytest.mark.req("I6")
async def test_a_subject_that_never_waits_is_counted_without_end(store: Store) -> None:
    subject = new_id(32)

    async def add() -> int:
        async with store.transaction() as tx:
            return await tx.guesses.add(PORTAL, Guess.PASSWORD, subject)

    assert sorted(await asyncio.gather(*(add() for _ in range(30)))) == list(range(1, 31))
    async with store.reading() as tx:
        counted = await tx.guesses.tally(PORTAL, Guess.PASSWORD, subject)
        assert counted.failures == 30
        assert counted.wait(tx.now) == 0


@pytest.mark.req("I6")
async def test_a_guess_is_counted_for_other_processes_once_its_transaction_ends(
    store: Store, open_another: OpenAnother
) -> None:
    subject = new_id(32)
    await guess(store, subject)
    assert (await tally(await open_another(), subject)).failures == 1


@pytest.mark.req("S50")
async def test_subjects_that_nobody_guesses_at_any_more_are_forgotten(store: Store, clock: Clock) -> None:
    old, young = new_id(32), new_id(32)
    async with store.transaction() as tx:
        await tx.guesses.count(PORTAL, Guess.PASSWORD, old)
        await tx.guesses.add(PORTAL, Guess.TEMPORARY_PASSWORD, old)
    clock.move(2 * DAY)
    async with store.transaction() as tx:
        await tx.guesses.count(PORTAL, Guess.PASSWORD, young)
        assert await tx.guesses.purge(counted_before=tx.now - DAY, limit=1) == 1
        assert await tx.guesses.purge(counted_before=tx.now - DAY, limit=9) == 1
        assert await tx.guesses.tally(PORTAL, Guess.PASSWORD, old) == Tally()
        assert (await tx.guesses.tally(PORTAL, Guess.PASSWORD, young)).failures == 1


@pytest.mark.req("S23")
async def test_an_identifier_is_forgiven_whoever_guessed_at_it_and_however(store: Store) -> None:
    identifier, other = new_id(32), new_id(32)
    near, far, elsewhere = new_id(32), new_id(32), new_id(32)
    async with store.transaction() as tx:
        await tx.guesses.count(PORTAL, Guess.PASSWORD, near, identifier=identifier)
        await tx.guesses.count(PORTAL, Guess.TEMPORARY_PASSWORD, far, identifier=identifier)
        await tx.guesses.add(PORTAL, Guess.PASSWORD, identifier, identifier=identifier)
        await tx.guesses.add(PORTAL, Guess.PASSWORD, identifier, identifier=identifier)
        await tx.guesses.add(PORTAL, Guess.PASSWORD, other, identifier=other)
        await tx.guesses.count(ELSEWHERE, Guess.PASSWORD, elsewhere, identifier=identifier)
        assert await tx.guesses.forgive(PORTAL, identifier) == 3
        assert await tx.guesses.forgive(PORTAL, identifier) == 0
    assert await tally(store, near) == await tally(store, far, Guess.TEMPORARY_PASSWORD) == Tally()
    assert await tally(store, identifier) == Tally()
    assert (await tally(store, other)).failures == 1
    assert (await tally(store, elsewhere, portal=ELSEWHERE)).failures == 1


async def test_a_subject_takes_the_identifier_of_its_next_guess_where_it_had_none(store: Store) -> None:
    counted, added, identifier = new_id(32), new_id(32), new_id(32)
    for named in (None, identifier, new_id(32)):
        async with store.transaction() as tx:
            await tx.guesses.count(PORTAL, Guess.PASSWORD, counted, identifier=named)
            await tx.guesses.add(PORTAL, Guess.PASSWORD, added, identifier=named)
    async with store.transaction() as tx:
        assert await tx.guesses.forgive(PORTAL, identifier) == 2
