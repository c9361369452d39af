"""Sign-ins do in one step what the other ports do in several."""

import asyncio

import pytest

from reclave.domain.grants import Purpose, State
from reclave.domain.throttle import FREE_TRIES, Guess, Tally
from reclave.domain.time import MINUTE, SECOND
from reclave.ports.sign_ins import COMPARED, Tried
from reclave.ports.store import Store
from tests.contracts.rows import ACCOUNT, ELSEWHERE, PORTAL, a_grant, a_session, new_id, now
from tests.stores import Clock, OpenAnother


async def count(store: Store, subject: bytes, everyone: bytes) -> Tried:
    async with store.transaction() as tx:
        return await tx.sign_ins.count(PORTAL, subject, everyone)


async def failures(store: Store, *subjects: bytes) -> list[int]:
    async with store.reading() as tx:
        return [(await tx.guesses.tally(PORTAL, Guess.PASSWORD, each)).failures for each in subjects]


async def test_of_nobody_nothing_is_known_but_the_portals_schemes(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.password_schemes.count(PORTAL, "pbkdf2_sha256:20000:32", 3)
        await tx.password_schemes.count(PORTAL, "native", 2)
        await tx.password_schemes.count(PORTAL, "sha1", 0)
        await tx.password_schemes.count(ELSEWHERE, "bcrypt:12", 1)
    async with store.reading() as tx:
        known = await tx.sign_ins.standing(PORTAL, "nobody", new_id(32))
        assert (known.recognised, known.grants) == (False, [])
        assert known.schemes == await tx.password_schemes.every(PORTAL) == {"pbkdf2_sha256:20000:32": 3, "native": 2}
        assert (await tx.sign_ins.standing("compras", "nobody", new_id(32))).schemes == {}


async def test_what_is_known_of_an_account_is_what_each_port_says(store: Store) -> None:
    at, device = await now(store), new_id(32)
    purposes = [Purpose.SET_PASSWORD] * 6 + [Purpose.ACTIVATE, Purpose.REPORT]
    async with store.transaction() as tx:
        await tx.sessions.recognise(PORTAL, device, ACCOUNT)
        for age, purpose in enumerate(purposes):
            grant = a_grant(at - age * SECOND, purpose=purpose)
            assert await tx.grants.issue(grant)
            if age:
                await tx.grants.end(PORTAL, grant.id, State.REVOKED)
            else:
                await tx.grants.end(PORTAL, grant.id, State.REPLACED)
        assert await tx.grants.issue(a_grant(at - MINUTE, purpose=Purpose.ACTIVATE, context=b"shared"))
    async with store.reading() as tx:
        known = await tx.sign_ins.standing(PORTAL, ACCOUNT, device)
        opened = {Purpose.SET_PASSWORD, Purpose.ACTIVATE}
        assert known.recognised
        assert known.grants == await tx.grants.recent(PORTAL, ACCOUNT, opened, limit=COMPARED)
        assert len(known.grants) == COMPARED
        assert known.grants[0].context == b"shared"
        assert not (await tx.sign_ins.standing(PORTAL, ACCOUNT, new_id(32))).recognised
        assert not (await tx.sign_ins.standing(PORTAL, "account-2", device)).recognised


@pytest.mark.req("I6", "S23")
@pytest.mark.parametrize("higher", [False, True])
async def test_a_try_counts_for_its_subject_and_for_everyone(store: Store, higher: bool) -> None:
    subject, everyone = sorted((new_id(32), new_id(32)), reverse=higher)
    assert [await count(store, subject, everyone) for _ in range(2)] == [Tried(0, 1), Tried(0, 2)]
    assert await count(store, new_id(32), everyone) == Tried(0, 3)
    assert await failures(store, subject, everyone) == [2, 3]


@pytest.mark.req("I6", "S23")
async def test_a_subject_that_waits_counts_for_nobody_and_the_waits_are_those_of_guesses(
    store: Store, clock: Clock
) -> None:
    subject, other, everyone = new_id(32), new_id(32), new_id(32)
    for tries in range(1, FREE_TRIES + 1):
        assert await count(store, subject, everyone) == Tried(0, tries)
        async with store.transaction() as tx:
            assert await tx.guesses.count(PORTAL, Guess.PASSWORD, other) == 0
    clock.move(SECOND)
    tried = await count(store, subject, everyone)
    assert tried.failures == 0
    assert 0 < tried.wait <= 29 * SECOND
    assert await failures(store, subject, everyone) == [FREE_TRIES, FREE_TRIES]
    clock.move(30 * SECOND)
    assert await count(store, subject, everyone) == Tried(0, FREE_TRIES + 1)
    assert 0 < (await count(store, subject, everyone)).wait <= MINUTE


@pytest.mark.req("I6", "S23")
async def test_of_fifty_tries_at_once_ten_count_and_everyones_count_is_right(
    store: Store, open_another: OpenAnother
) -> None:
    stores, subject, everyone = [store, await open_another()], new_id(32), new_id(32)
    tried = await asyncio.gather(*(count(stores[number % 2], subject, everyone) for number in range(50)))
    assert sorted(one.failures for one in tried if not one.wait) == list(range(1, FREE_TRIES + 1))
    assert await failures(store, subject, everyone) == [FREE_TRIES, FREE_TRIES]


async def test_tries_are_forgiven_by_what_they_were_at(store: Store) -> None:
    subject, everyone = new_id(32), new_id(32)
    await count(store, subject, everyone)
    async with store.transaction() as tx:
        assert await tx.guesses.forgive(PORTAL, everyone) == 2
    assert await failures(store, subject, everyone) == [0, 0]


async def test_opening_writes_the_session_remembers_the_device_and_forgets_the_tries(
    store: Store, clock: Clock
) -> None:
    subject, stranger, everyone, device = (new_id(32) for _ in range(4))
    await count(store, subject, everyone)
    await count(store, stranger, everyone)
    for _ in range(2):  # the device is known the second time
        clock.move(SECOND)
        session = a_session(await now(store))
        async with store.transaction() as tx:
            await tx.sign_ins.open(session, device, subject, everyone)
        async with store.reading() as tx:
            assert await tx.sessions.get(PORTAL, session.digest) == session
            assert await tx.sessions.recognised(PORTAL, device, ACCOUNT)
            assert await tx.guesses.tally(PORTAL, Guess.PASSWORD, subject) == Tally()
        assert await failures(store, subject, stranger, everyone) == [0, 1, 0]


async def test_opening_and_counting_at_once_wait_for_each_other_in_no_circle(
    store: Store, open_another: OpenAnother
) -> None:
    stores, subject, everyone = [store, await open_another()], new_id(32), new_id(32)
    at = await now(store)

    async def opened(which: Store) -> None:
        async with which.transaction() as tx:
            await tx.sign_ins.open(a_session(at), new_id(32), subject, everyone)

    for _ in range(5):
        counting = [count(stores[number % 2], subject, everyone) for number in range(4)]
        await asyncio.gather(*counting, *(opened(stores[number % 2]) for number in range(4)))
