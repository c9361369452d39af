import asyncio
from dataclasses import replace

import pytest

from reclave.domain.grants import LIVE, Grant, Purpose, State
from reclave.domain.time import CLOCK_SKEW, DAY, HOUR, MINUTE, SECOND
from reclave.ports.store import Store
from tests.contracts.rows import ACCOUNT, ELSEWHERE, PORTAL, a_grant, new_id, now
from tests.stores import Clock, OpenAnother

PURPOSES = frozenset(Purpose)


async def issued(store: Store, grant: Grant) -> Grant:
    async with store.transaction() as tx:
        assert await tx.grants.issue(grant)
    return grant


async def ended(store: Store, grant: Grant, state: State = State.REPLACED) -> Grant:
    await issued(store, grant)
    async with store.transaction() as tx:
        if state is State.CONSUMED:
            assert await tx.grants.consume(grant.portal, grant.id, credential_version=1)
        else:
            assert await tx.grants.end(grant.portal, grant.id, state)
    return await stored(store, grant)


async def stored(store: Store, grant: Grant) -> Grant:
    async with store.reading() as tx:
        found = await tx.grants.get(grant.portal, grant.id)
    assert found is not None
    return found


async def test_a_grant_comes_back_as_it_was_issued(store: Store) -> None:
    at = await now(store)
    grant = a_grant(at, requested_at=at - SECOND, tries=2, context=b"waiting handle", sealed=b"values")
    await issued(store, grant)
    assert await stored(store, grant) == grant
    async with store.reading() as tx:
        assert await tx.grants.get(PORTAL, new_id()) is None


@pytest.mark.req("S10", "I2")
async def test_an_account_has_one_live_grant_for_a_purpose(store: Store) -> None:
    at = await now(store)
    first = await issued(store, a_grant(at))
    async with store.transaction() as tx:
        assert not await tx.grants.issue(a_grant(at))
        assert await tx.grants.issue(a_grant(at, purpose=Purpose.REPORT))
        assert await tx.grants.issue(a_grant(at, account="account-2"))
        assert await tx.grants.issue(a_grant(at, portal=ELSEWHERE))
        assert await tx.grants.recent(PORTAL, ACCOUNT, [Purpose.SET_PASSWORD]) == [first]


@pytest.mark.req("I2")
async def test_a_grant_that_is_being_applied_is_live_and_cannot_be_consumed(store: Store) -> None:
    at = await now(store)
    applying = await issued(store, a_grant(at, state=State.APPLYING))
    async with store.transaction() as tx:
        assert not await tx.grants.issue(a_grant(at))
        assert await tx.grants.consume(PORTAL, applying.id, credential_version=1) is None
    assert await stored(store, applying) == applying


@pytest.mark.req("S10", "I2")
async def test_of_fifty_concurrent_issues_one_wins(store: Store, open_another: OpenAnother) -> None:
    at = await now(store)
    stores = [store, await open_another()]

    async def issue(number: int) -> bool:
        async with stores[number % 2].transaction() as tx:
            return await tx.grants.issue(a_grant(at))

    assert sum(await asyncio.gather(*map(issue, range(50)))) == 1
    async with store.reading() as tx:
        assert len(await tx.grants.recent(PORTAL, ACCOUNT, PURPOSES, limit=100)) == 1


@pytest.mark.req("I2")
async def test_of_fifty_concurrent_issues_over_a_lapsed_grant_one_wins(store: Store, clock: Clock) -> None:
    lapsed = await issued(store, a_grant(await now(store)))
    clock.move(HOUR)
    at = await now(store)

    async def issue() -> bool:
        async with store.transaction() as tx:
            return await tx.grants.issue(a_grant(at))

    assert sum(await asyncio.gather(*(issue() for _ in range(50)))) == 1
    assert (await stored(store, lapsed)).state is State.EXPIRED


async def test_a_refused_issue_does_not_spoil_its_transaction(store: Store) -> None:
    at = await now(store)
    first = await issued(store, a_grant(at))
    async with store.transaction() as tx:
        assert not await tx.grants.issue(a_grant(at))
        assert await tx.grants.end(PORTAL, first.id, State.REPLACED)
        second = a_grant(at)
        assert await tx.grants.issue(second)
    assert (await stored(store, first)).state is State.REPLACED
    assert await stored(store, second) == second


async def test_a_lapsed_grant_is_marked_and_gives_way_to_a_new_one(store: Store) -> None:
    async with store.transaction() as tx:
        lapsed = a_grant(tx.now - HOUR)
        await tx.grants.issue(lapsed)
        new = a_grant(tx.now)
        assert await tx.grants.issue(new)
        there = await tx.grants.get(PORTAL, lapsed.id)
        assert there is not None
        assert there.ended_at is not None
        assert there.ended_at <= tx.now
        assert there == replace(lapsed, state=State.EXPIRED, ended_at=there.ended_at)
        assert await tx.grants.recent(PORTAL, ACCOUNT, PURPOSES) == [new, there]


@pytest.mark.req("I8")
async def test_a_grant_from_a_future_that_the_clock_has_left_is_dead_and_gives_way(store: Store, clock: Clock) -> None:
    grant = await issued(store, a_grant(await now(store), expires_at=await now(store) + DAY))
    clock.move(-HOUR)
    async with store.transaction() as tx:
        assert await tx.grants.consume(PORTAL, grant.id, credential_version=1) is None
        assert not await tx.grants.answer(PORTAL, grant.id, requested_at=tx.now, expires_at=tx.now + HOUR)
        assert not await tx.grants.opened(PORTAL, grant.id)
        assert not await tx.grants.keep(PORTAL, grant.id, b"values")
        assert await tx.grants.issue(a_grant(tx.now))
    assert (await stored(store, grant)).state is State.EXPIRED


@pytest.mark.req("I8")
async def test_a_grant_outlives_a_small_correction_of_the_clock(store: Store, clock: Clock) -> None:
    grant = await issued(store, a_grant(await now(store)))
    clock.move(-CLOCK_SKEW + MINUTE)
    async with store.transaction() as tx:
        assert not await tx.grants.issue(a_grant(tx.now))
        assert await tx.grants.consume(PORTAL, grant.id, credential_version=1) is not None


async def test_recent_grants_are_live_first_then_newest_first(store: Store) -> None:
    at = await now(store)
    older, oldest, old = [await ended(store, a_grant(at - hours * HOUR)) for hours in (2, 3, 1)]
    live = await issued(store, a_grant(at - 4 * HOUR, expires_at=at + HOUR))
    report = await issued(store, a_grant(at, purpose=Purpose.REPORT))
    await issued(store, a_grant(at, account="account-2"))
    await issued(store, a_grant(at, portal=ELSEWHERE))
    async with store.transaction() as tx:
        assert await tx.grants.recent(PORTAL, ACCOUNT, [Purpose.SET_PASSWORD], lock=True) == [
            live,
            old,
            older,
            oldest,
        ]
        assert await tx.grants.recent(PORTAL, ACCOUNT, {Purpose.SET_PASSWORD, Purpose.REPORT}, limit=3) == [
            report,
            live,
            old,
        ]
        assert await tx.grants.recent(PORTAL, ACCOUNT, []) == []


async def test_a_live_grant_records_that_it_answers_another_request(store: Store) -> None:
    at = await now(store)
    grant = await issued(store, a_grant(at))
    async with store.transaction() as tx:
        assert await tx.grants.answer(PORTAL, grant.id, requested_at=at + MINUTE, expires_at=at + 2 * HOUR)
    assert await stored(store, grant) == replace(grant, requested_at=at + MINUTE, expires_at=at + 2 * HOUR)


async def test_fifty_concurrent_answers_under_a_lock_lose_none(store: Store, open_another: OpenAnother) -> None:
    grant = await issued(store, a_grant(await now(store)))
    stores = [store, await open_another()]

    async def answer(number: int) -> bool:
        async with stores[number % 2].transaction() as tx:
            (last,) = await tx.grants.recent(PORTAL, ACCOUNT, [Purpose.SET_PASSWORD], lock=True)
            newer = last.requested_at + 1
            return await tx.grants.answer(PORTAL, last.id, requested_at=newer, expires_at=last.expires_at)

    assert all(await asyncio.gather(*map(answer, range(50))))
    assert await stored(store, grant) == replace(grant, requested_at=grant.requested_at + 50)


@pytest.mark.req("I3")
async def test_the_first_opening_is_recorded_and_permits_nothing(store: Store) -> None:
    grant = await issued(store, a_grant(await now(store)))
    async with store.transaction() as tx:
        opened_at = tx.now
        assert await tx.grants.opened(PORTAL, grant.id)
    async with store.transaction() as tx:
        assert not await tx.grants.opened(PORTAL, grant.id)
        assert not await tx.grants.opened(PORTAL, grant.id, expires_at=tx.now + DAY)
    assert await stored(store, grant) == replace(grant, opened_at=opened_at)


async def test_the_first_opening_may_set_the_expiry(store: Store) -> None:
    grant = await issued(store, a_grant(await now(store)))
    async with store.transaction() as tx:
        opened_at = tx.now
        assert await tx.grants.opened(PORTAL, grant.id, expires_at=tx.now + DAY)
    assert await stored(store, grant) == replace(grant, opened_at=opened_at, expires_at=opened_at + DAY)


async def test_a_live_grant_keeps_sealed_values_until_it_is_consumed(store: Store) -> None:
    grant = await issued(store, a_grant(await now(store)))
    async with store.transaction() as tx:
        assert await tx.grants.keep(PORTAL, grant.id, b"first")
        assert await tx.grants.keep(PORTAL, grant.id, b"second")
    async with store.transaction() as tx:
        consumed = await tx.grants.consume(PORTAL, grant.id, credential_version=1)
    assert consumed is not None
    assert consumed.sealed == b"second"
    assert await stored(store, grant) == replace(consumed, sealed=None)


@pytest.mark.req("S50")
@pytest.mark.parametrize("state", [State.REPLACED, State.REVOKED, State.EXPIRED])
async def test_sealed_values_go_with_the_grant_that_they_waited_for(store: Store, state: State) -> None:
    at = await now(store)
    ending = await issued(store, a_grant(at, sealed=b"values"))
    lapsing = await issued(store, a_grant(at, sealed=b"values", purpose=Purpose.REPORT, expires_at=at))
    async with store.transaction() as tx:
        assert await tx.grants.end_all(PORTAL, ACCOUNT, state, purposes=[Purpose.SET_PASSWORD]) == 1
        assert await tx.grants.issue(a_grant(at, purpose=Purpose.REPORT))
    assert (await stored(store, ending)).sealed is None
    assert (await stored(store, lapsing)).sealed is None


@pytest.mark.req("I2")
@pytest.mark.parametrize("state", sorted(set(State) - LIVE))
async def test_nothing_brings_an_ended_grant_back(store: Store, state: State) -> None:
    at = await now(store)
    grant = await ended(store, a_grant(at), state)
    async with store.transaction() as tx:
        assert not await tx.grants.answer(PORTAL, grant.id, requested_at=at, expires_at=at + HOUR)
        assert not await tx.grants.opened(PORTAL, grant.id, expires_at=at + DAY)
        assert not await tx.grants.keep(PORTAL, grant.id, b"values")
        assert not await tx.grants.end(PORTAL, grant.id, State.REVOKED)
        assert await tx.grants.end_all(PORTAL, ACCOUNT, State.REVOKED) == 0
        assert await tx.grants.consume(PORTAL, grant.id, credential_version=1) is None
    assert await stored(store, grant) == grant


async def test_at_its_expiry_a_grant_permits_nothing_more(store: Store) -> None:
    async with store.transaction() as tx:
        grant = a_grant(tx.now - HOUR, expires_at=tx.now)
        await tx.grants.issue(grant)
        assert not await tx.grants.answer(PORTAL, grant.id, requested_at=tx.now, expires_at=tx.now + HOUR)
        assert not await tx.grants.opened(PORTAL, grant.id, expires_at=tx.now + HOUR)
        assert not await tx.grants.keep(PORTAL, grant.id, b"values")
        assert await tx.grants.consume(PORTAL, grant.id, credential_version=1) is None
        assert await tx.grants.get(PORTAL, grant.id) == grant


async def test_what_does_not_exist_can_neither_be_used_nor_ended(store: Store) -> None:
    async with store.transaction() as tx:
        assert not await tx.grants.answer(PORTAL, new_id(), requested_at=tx.now, expires_at=tx.now)
        assert not await tx.grants.opened(PORTAL, new_id())
        assert not await tx.grants.keep(PORTAL, new_id(), b"values")
        assert not await tx.grants.end(PORTAL, new_id(), State.REVOKED)
        assert await tx.grants.consume(PORTAL, new_id(), credential_version=1) is None


@pytest.mark.req("I6", "S13")
async def test_concurrent_tries_are_counted_each_with_its_own_number(store: Store) -> None:
    grant = await issued(store, a_grant(await now(store)))

    async def guess() -> int:
        async with store.transaction() as tx:
            return await tx.grants.count_try(PORTAL, grant.id)

    assert sorted(await asyncio.gather(*(guess() for _ in range(20)))) == list(range(1, 21))
    assert (await stored(store, grant)).tries == 20


@pytest.mark.req("S10", "I2")
async def test_of_a_hundred_concurrent_redemptions_one_wins(store: Store, open_another: OpenAnother) -> None:
    grant = await issued(store, a_grant(await now(store)))
    stores = [store, await open_another()]

    async def redeem(number: int) -> Grant | None:
        async with stores[number % 2].transaction() as tx:
            return await tx.grants.consume(PORTAL, grant.id, credential_version=1)

    (winner,) = [won for won in await asyncio.gather(*map(redeem, range(100))) if won]
    assert winner == replace(grant, state=State.CONSUMED, ended_at=winner.ended_at)
    assert winner.ended_at is not None
    assert await stored(store, grant) == winner


@pytest.mark.req("S10")
async def test_a_grant_of_another_credential_version_is_not_consumed(store: Store) -> None:
    grant = await issued(store, a_grant(await now(store), credential_version=2))
    async with store.transaction() as tx:
        assert await tx.grants.consume(PORTAL, grant.id, credential_version=1) is None
        assert await tx.grants.consume(PORTAL, grant.id, credential_version=3) is None
    assert await stored(store, grant) == grant
    async with store.transaction() as tx:
        assert await tx.grants.consume(PORTAL, grant.id, credential_version=2) is not None


@pytest.mark.req("S11")
async def test_the_same_grant_id_in_another_portal_is_another_grant(store: Store) -> None:
    at = await now(store)
    here = await issued(store, a_grant(at))
    there = await issued(store, replace(here, portal=ELSEWHERE))
    async with store.transaction() as tx:
        assert await tx.grants.consume(PORTAL, here.id, credential_version=1) is not None
        assert await tx.grants.consume("compras", here.id, credential_version=1) is None
        assert await tx.grants.end_all("compras", ACCOUNT, State.REVOKED) == 0
        assert await tx.grants.count_try(PORTAL, here.id) == 1
    assert await stored(store, there) == there


@pytest.mark.parametrize("state", [State.REPLACED, State.REVOKED, State.EXPIRED])
async def test_a_live_grant_ends_once(store: Store, state: State) -> None:
    grant = await issued(store, a_grant(await now(store)))
    async with store.transaction() as tx:
        ended_at = tx.now
        assert await tx.grants.end(PORTAL, grant.id, state)
        assert not await tx.grants.end(PORTAL, grant.id, State.REVOKED)
    assert await stored(store, grant) == replace(grant, state=state, ended_at=ended_at)


@pytest.mark.req("S10")
async def test_all_live_grants_of_an_account_end_at_once(store: Store) -> None:
    at = await now(store)
    mine = [await issued(store, a_grant(at, purpose=purpose)) for purpose in (Purpose.REPORT, Purpose.ACTIVATE)]
    applying = await issued(store, a_grant(at, state=State.APPLYING))
    others = [
        await issued(store, a_grant(at, account="account-2")),
        await issued(store, a_grant(at, portal=ELSEWHERE)),
    ]
    async with store.transaction() as tx:
        assert await tx.grants.end_all(PORTAL, ACCOUNT, State.REVOKED, purposes=[]) == 0
        assert await tx.grants.end_all(PORTAL, ACCOUNT, State.REVOKED, purposes=[Purpose.REPORT]) == 1
        assert await tx.grants.end_all(PORTAL, ACCOUNT, State.REVOKED) == 2
        assert await tx.grants.end_all(PORTAL, ACCOUNT, State.REVOKED) == 0
    assert {(await stored(store, grant)).state for grant in [*mine, applying]} == {State.REVOKED}
    assert [await stored(store, grant) for grant in others] == others


@pytest.mark.req("S50")
async def test_the_purge_marks_lapsed_grants_and_deletes_those_that_ended_long_ago(store: Store, clock: Clock) -> None:
    at = await now(store)
    lapsing = await issued(store, a_grant(at, account="lapsing"))
    living = await issued(store, a_grant(at, account="living", expires_at=at + 30 * DAY))
    ended = [await issued(store, a_grant(at, account=f"ended-{number}")) for number in range(3)]
    async with store.transaction() as tx:
        for grant in ended:
            await tx.grants.end(PORTAL, grant.id, State.REVOKED)
        assert await tx.grants.purge(ended_before=tx.now, limit=10) == 0
    clock.move(2 * HOUR)
    async with store.transaction() as tx:
        assert await tx.grants.purge(ended_before=at - DAY, limit=10) == 0
    assert (await stored(store, lapsing)).state is State.EXPIRED
    clock.move(DAY)
    async with store.transaction() as tx:
        assert await tx.grants.purge(ended_before=tx.now - HOUR, limit=3) == 3
        assert await tx.grants.purge(ended_before=tx.now - HOUR, limit=3) == 1
        assert await tx.grants.purge(ended_before=tx.now - HOUR, limit=3) == 0
        assert await tx.grants.get(PORTAL, living.id) == living
        assert await tx.grants.get(PORTAL, lapsing.id) is None


@pytest.mark.req("S1")
async def test_each_grant_asked_for_comes_in_its_place_and_nobodys_in_place_of_one_that_is_not_there(
    store: Store,
) -> None:
    at = await now(store)
    one = a_grant(at, context=b"asked", sealed=b"sealed")
    other, elsewhere = a_grant(at, account="account-2"), a_grant(at, portal=ELSEWHERE)
    async with store.transaction() as tx:
        for grant in (one, other, elsewhere):
            assert await tx.grants.issue(grant)
    nobodys = a_grant(0, id=bytes(16), account="")
    async with store.reading() as tx:
        asked = [other.id, bytes(16), elsewhere.id, one.id, other.id]
        assert await tx.grants.get_alike(nobodys, asked) == [other, nobodys, nobodys, one, other]
        assert await tx.grants.get_alike(nobodys, [bytes(16)] * 3) == [nobodys] * 3
