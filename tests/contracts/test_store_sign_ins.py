"""Sign-ins do in one step what the other ports do in several."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from reclave.domain.accounts import Account, Status
from reclave.domain.audit import Event
from reclave.domain.grants import Purpose, State
from reclave.domain.throttle import FREE_TRIES, Guess, Tally
from reclave.domain.time import MINUTE, SECOND
from reclave.ports.sign_ins import COMPARED, Attempt, Opening, Tried
from reclave.ports.store import Store
from tests.contracts.rows import (
    ACCOUNT,
    ELSEWHERE,
    PORTAL,
    a_cost,
    a_grant,
    a_nit,
    a_session,
    an_account,
    an_entry,
    new_id,
    now,
)
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


def an_attempt(**given: Any) -> Attempt:
    """A try at the password of whom `a_nit` names, from a place and at an account of its own."""
    return Attempt(
        **{
            "portal": PORTAL,
            "field": "nit",
            "identifier": a_nit().value,
            "device": new_id(32),
            "recognised": new_id(32),
            "stranger": new_id(32),
            "everyone": new_id(32),
            "spray": a_cost(),
            **given,
        }
    )


def an_opening(account: Account, **given: Any) -> Opening:
    """A session to be opened for an account as it is given."""
    return Opening(
        **{
            "account": account,
            "session": a_session(0, account=account.id, credential_version=0),
            "entry": an_entry(event=Event.SIGN_IN_SUCCEEDED, account=account.id),
            "device": new_id(32),
            "subject": new_id(32),
            "everyone": new_id(32),
            **given,
        }
    )


async def with_account(store: Store) -> Account:
    """The account that `a_nit` names."""
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [a_nit()])
    return an_account()


@pytest.mark.req("I6", "S26")
async def test_a_try_meets_the_account_and_what_is_known_of_it_and_is_counted(store: Store) -> None:
    account, at = await with_account(store), await now(store)
    attempt = an_attempt()
    async with store.transaction() as tx:
        await tx.password_schemes.count(PORTAL, "native", 2)
        for purpose in (Purpose.SET_PASSWORD, Purpose.ACTIVATE):
            assert await tx.grants.issue(a_grant(at, purpose=purpose, context=b"shared", sealed=b"waits"))
    met = await store.try_password(attempt)
    assert (met.account, met.tried) == (account, Tried(0, 1))
    async with store.reading() as tx:
        assert met.standing == await tx.sign_ins.standing(PORTAL, ACCOUNT, attempt.device)
    assert len(met.standing.grants) == 2
    assert await failures(store, attempt.stranger, attempt.recognised, attempt.everyone) == [1, 0, 1]
    assert (await store.try_password(replace(attempt, stranger=new_id(32)))).tried == Tried(0, 2)


@pytest.mark.req("I6", "S26")
async def test_a_try_at_nobody_meets_nobody_and_is_counted_alike(store: Store) -> None:
    await with_account(store)
    for attempt in (an_attempt(identifier="9007777777"), an_attempt(field="user"), an_attempt(portal=ELSEWHERE)):
        met = await store.try_password(attempt)
        assert (met.account, met.standing.recognised, met.standing.grants) == (None, False, [])
        assert met.tried == Tried(0, 1)
        async with store.reading() as tx:
            for subject in (attempt.stranger, attempt.everyone):
                assert (await tx.guesses.tally(attempt.portal, Guess.PASSWORD, subject)).failures == 1


@pytest.mark.req("S23", "S24")
async def test_a_device_that_the_account_knows_has_tries_of_its_own_and_takes_from_no_limit(store: Store) -> None:
    await with_account(store)
    attempt = an_attempt(spray=a_cost(count=1))
    async with store.transaction() as tx:
        await tx.sessions.recognise(PORTAL, attempt.device, ACCOUNT)
    for tries in (1, 2, 3):
        met = await store.try_password(attempt)
        assert met.standing.recognised
        assert met.tried == Tried(0, tries)
    assert await failures(store, attempt.stranger, attempt.recognised, attempt.everyone) == [0, 3, 3]
    elsewhere = replace(attempt, identifier="9007777777", everyone=new_id(32))
    assert (await store.try_password(elsewhere)).tried == Tried(0, 1)


@pytest.mark.req("I6", "S24")
async def test_a_try_that_its_clients_limit_does_not_let_pass_is_not_counted(store: Store, clock: Clock) -> None:
    account = await with_account(store)
    attempt = an_attempt(spray=a_cost(count=2))
    tried = [(await store.try_password(attempt)).tried for _ in range(3)]
    assert tried == [Tried(0, 1), Tried(0, 2), None]
    assert (await store.try_password(replace(attempt, identifier="9007777777"))).tried is None
    met = await store.try_password(attempt)
    assert (met.account, met.tried) == (account, None)
    assert await failures(store, attempt.stranger, attempt.everyone) == [2, 2]
    clock.move(31 * MINUTE)
    assert (await store.try_password(attempt)).tried == Tried(0, 3)


@pytest.mark.req("I6", "S23")
async def test_the_tries_of_a_place_come_to_wait_and_those_that_wait_count_for_nobody(
    store: Store, clock: Clock
) -> None:
    attempt = an_attempt()
    for tries in range(1, FREE_TRIES + 1):
        assert (await store.try_password(attempt)).tried == Tried(0, tries)
    waiting = (await store.try_password(attempt)).tried
    assert waiting is not None
    assert 0 < waiting.wait <= 30 * SECOND
    assert await failures(store, attempt.stranger, attempt.everyone) == [FREE_TRIES, FREE_TRIES]
    clock.move(31 * SECOND)
    assert (await store.try_password(attempt)).tried == Tried(0, FREE_TRIES + 1)


@pytest.mark.req("S24")
async def test_a_try_takes_once_from_its_clients_limit_however_often_it_failed_before(store: Store) -> None:
    attempt = an_attempt(spray=a_cost(count=FREE_TRIES + 2))
    for _ in range(FREE_TRIES + 2):
        assert (await store.try_password(attempt)).tried is not None
    assert (await store.try_password(attempt)).tried is None


@pytest.mark.req("I6", "S23")
async def test_of_forty_tries_at_once_ten_pass_and_everyones_count_is_right(
    store: Store, open_another: OpenAnother
) -> None:
    stores, attempt = [store, await open_another()], an_attempt()
    met = await asyncio.gather(*(stores[number % 2].try_password(attempt) for number in range(40)))
    passed = [each.tried.failures for each in met if each.tried is not None and not each.tried.wait]
    assert sorted(passed) == list(range(1, FREE_TRIES + 1))
    assert await failures(store, attempt.stranger, attempt.everyone) == [FREE_TRIES, FREE_TRIES]


async def test_an_opened_session_is_remembered_recorded_and_forgets_the_tries(store: Store, clock: Clock) -> None:
    account = await with_account(store)
    attempt = an_attempt()
    for _ in range(2):  # the device is known the second time
        clock.move(SECOND)
        await store.try_password(attempt)
        opening = an_opening(account, device=attempt.device, subject=attempt.stranger, everyone=attempt.everyone)
        session = await store.open_session(opening)
        assert session is not None
        assert session == replace(
            opening.session, credential_version=1, started_at=session.started_at, last_seen_at=session.started_at
        )
        async with store.reading() as tx:
            assert abs(tx.now - session.started_at) < SECOND
            assert await tx.sessions.get(PORTAL, session.digest) == session
            assert await tx.sessions.recognised(PORTAL, attempt.device, ACCOUNT)
            recorded = await tx.audit.of_account(PORTAL, ACCOUNT, [Event.SIGN_IN_SUCCEEDED], limit=1)
        assert recorded == [replace(opening.entry, at=session.started_at)]
        assert await failures(store, attempt.stranger, attempt.everyone) == [0, 0]
    async with store.reading() as tx:
        assert len(await tx.audit.entries(limit=9)) == 2


@pytest.mark.req("I2", "S10")
@pytest.mark.parametrize(
    "changed",
    [
        {"password_hash": "$argon2id$another", "credential_version": 2},
        {"password_blocked": True},
        {"status": Status.DISABLED},
        {"password_hash": None},
    ],
    ids=str,
)
async def test_no_session_opens_for_an_account_that_has_changed_since(store: Store, changed: dict[str, Any]) -> None:
    account = await with_account(store)
    async with store.transaction() as tx:
        assert await tx.accounts.change(replace(account, **changed), was=1)
    attempt = an_attempt()
    await store.try_password(attempt)
    opening = an_opening(account, device=attempt.device, subject=attempt.stranger, everyone=attempt.everyone)
    assert await store.open_session(opening) is None
    assert await store.open_session(an_opening(an_account("nobody"))) is None
    async with store.reading() as tx:
        assert await tx.sessions.of_account(PORTAL, ACCOUNT) == []
        assert not await tx.sessions.recognised(PORTAL, attempt.device, ACCOUNT)
        assert await tx.audit.of_account(PORTAL, ACCOUNT, [Event.SIGN_IN_SUCCEEDED], limit=9) == []
    assert await failures(store, attempt.stranger, attempt.everyone) == [1, 1]


async def test_a_session_opens_for_an_account_of_which_all_but_the_password_has_changed(store: Store) -> None:
    account = await with_account(store)
    async with store.transaction() as tx:
        changed = replace(account, language="en", credential_version=2)
        assert await tx.accounts.change(changed, was=1)
    session = await store.open_session(an_opening(account))
    assert session is not None
    assert session.credential_version == 2
    async with store.reading() as tx:
        assert await tx.sessions.of_account(PORTAL, ACCOUNT) == [session]


async def test_an_entry_is_recorded_at_once_with_the_stores_clock(store: Store, clock: Clock) -> None:
    clock.move(MINUTE)
    entry = an_entry(account=None, detail={"device": "Firefox"})
    await store.record(entry)
    async with store.reading() as tx:
        [(_, recorded)] = await tx.audit.entries(limit=9)
        assert recorded == replace(entry, at=recorded.at)
        assert abs(tx.now - recorded.at) < SECOND


async def test_trying_and_opening_at_once_wait_for_each_other_in_no_circle(
    store: Store, open_another: OpenAnother
) -> None:
    account, stores = await with_account(store), [store, await open_another()]
    attempt = an_attempt()

    async def recovered(which: Store) -> None:
        async with which.transaction() as tx:
            await tx.guesses.forgive(PORTAL, attempt.everyone)

    for _ in range(5):
        opening = [
            an_opening(account, subject=attempt.stranger, everyone=attempt.everyone, device=attempt.device)
            for _ in range(4)
        ]
        await asyncio.gather(
            *(stores[number % 2].try_password(attempt) for number in range(4)),
            *(stores[number % 2].open_session(one) for number, one in enumerate(opening)),
            *(recovered(each) for each in stores),
        )
