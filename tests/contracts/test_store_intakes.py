import asyncio
from dataclasses import replace

import pytest

from reclave.domain.intake import Admission, Intake, Outcome, Request
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND
from reclave.ports.store import Store
from tests.contracts.rows import ELSEWHERE, PORTAL, a_request, new_id, now
from tests.stores import Clock, OpenAnother

LEASE = 3 * MINUTE


async def accepted(store: Store, request: Request | None = None) -> Request:
    request = request or a_request()
    assert await store.accept(request) is Admission.ACCEPTED
    return request


async def claimed(store: Store, limit: int = 10) -> list[Intake]:
    async with store.transaction() as tx:
        return await tx.intakes.claim(limit=limit, lease=LEASE)


async def resolve(store: Store, intake: Intake, outcome: Outcome = Outcome.SENT) -> bool:
    async with store.transaction() as tx:
        return await tx.intakes.resolve(intake, outcome)


async def stored(store: Store, portal: str, intake: bytes) -> Intake | None:
    async with store.reading() as tx:
        return await tx.intakes.get(portal, intake)


async def test_an_intake_is_claimed_oldest_first_and_up_to_the_limit(store: Store, clock: Clock) -> None:
    requests = []
    for _ in range(5):
        requests.append(await accepted(store))
        clock.move(SECOND)
    assert [intake.id for intake in await claimed(store, 3)] == [request.id for request in requests[:3]]
    assert [intake.id for intake in await claimed(store, 3)] == [request.id for request in requests[3:]]
    assert await claimed(store, 3) == []


async def test_a_claim_holds_what_was_asked(store: Store) -> None:
    request = await accepted(store)
    (intake,) = await claimed(store)
    assert intake == Intake(
        portal=PORTAL,
        id=request.id,
        journey=request.journey,
        sealed_fields=request.sealed_fields,
        identifier=request.identifier,
        client=request.client,
        language=request.language,
        waiting=request.waiting,
        reference=request.reference,
        accepted_at=intake.accepted_at,
        fence=1,
    )


@pytest.mark.req("I5")
async def test_concurrent_workers_claim_each_intake_once(store: Store, open_another: OpenAnother) -> None:
    requests = [await accepted(store) for _ in range(40)]
    stores = [store, await open_another()]

    async def work(number: int) -> list[bytes]:
        done: list[bytes] = []
        while batch := await claimed(stores[number % 2], 3):
            done += [intake.id for intake in batch]
        return done

    done = [intake for worker in await asyncio.gather(*map(work, range(8))) for intake in worker]
    assert len(done) == len(set(done))
    rest = [intake.id for intake in await claimed(store, 40)]  # what a worker left because another held it just then
    assert sorted(done + rest) == sorted(request.id for request in requests)


@pytest.mark.req("I5")
async def test_a_claim_comes_back_after_its_lease_and_the_stale_fence_resolves_nothing(
    store: Store, clock: Clock
) -> None:
    await accepted(store)
    (stale,) = await claimed(store)
    clock.move(LEASE - MINUTE)
    assert await claimed(store) == []
    clock.move(MINUTE)
    (again,) = await claimed(store)
    assert again == replace(stale, fence=2)
    assert not await resolve(store, stale)
    assert await stored(store, PORTAL, again.id) == again
    assert await resolve(store, again)


@pytest.mark.req("I5")
async def test_a_claim_that_was_given_back_is_free_at_once_and_only_its_own(store: Store, clock: Clock) -> None:
    for _ in range(3):
        await accepted(store)
        clock.move(SECOND)
    [stale, *_] = await claimed(store)
    clock.move(LEASE)
    [again, resolved, kept] = await claimed(store)
    assert await resolve(store, resolved)
    async with store.transaction() as tx:
        assert await tx.intakes.release([]) == 0
        assert await tx.intakes.release([stale, resolved]) == 0
        assert await tx.intakes.release([again, resolved]) == 1
    assert await claimed(store) == [replace(again, fence=3)]
    assert await stored(store, PORTAL, kept.id) == kept


@pytest.mark.req("I5")
async def test_a_worker_that_is_late_but_alone_still_resolves(store: Store, clock: Clock) -> None:
    await accepted(store)
    (intake,) = await claimed(store)
    clock.move(DAY)
    assert await resolve(store, intake)


@pytest.mark.req("I8")
@pytest.mark.parametrize("jump", [-HOUR, DAY], ids=["an hour back", "a day forward"])
async def test_a_lease_ends_when_the_clock_jumps_past_it(store: Store, clock: Clock, jump: int) -> None:
    await accepted(store)
    (held,) = await claimed(store)
    clock.move(jump)
    (again,) = await claimed(store)
    assert (again.id, again.fence) == (held.id, 2)
    assert await claimed(store) == []
    assert not await resolve(store, held)
    assert await resolve(store, again)


@pytest.mark.req("I8")
async def test_what_was_accepted_before_the_clock_jumped_back_is_claimed(store: Store, clock: Clock) -> None:
    request = await accepted(store)
    clock.move(-HOUR)
    assert [intake.id for intake in await claimed(store)] == [request.id]


@pytest.mark.req("S50")
async def test_resolving_erases_the_fields_and_happens_once(store: Store) -> None:
    await accepted(store)
    (intake,) = await claimed(store)
    assert await resolve(store, intake, Outcome.COALESCED)
    assert not await resolve(store, intake, Outcome.SENT)
    there = await stored(store, PORTAL, intake.id)
    assert there == replace(intake, outcome=Outcome.COALESCED, sealed_fields=None)
    assert await claimed(store) == []


@pytest.mark.req("I5")
async def test_an_intake_whose_resolution_rolls_back_is_still_there(store: Store, clock: Clock) -> None:
    await accepted(store)
    (intake,) = await claimed(store)

    async def fail_after_resolving() -> None:
        async with store.transaction() as tx:
            assert await tx.intakes.resolve(intake, Outcome.SENT)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await fail_after_resolving()
    assert await stored(store, PORTAL, intake.id) == intake
    clock.move(LEASE)
    assert [again.id for again in await claimed(store)] == [intake.id]


@pytest.mark.req("S50")
async def test_fields_are_erased_when_nobody_resolved_them_in_time(store: Store, clock: Clock) -> None:
    await accepted(store)
    resolved = (await claimed(store))[0]
    await resolve(store, resolved)
    held = await accepted(store)
    (claim,) = await claimed(store)
    clock.move(SECOND)
    young = await accepted(store)
    young_at = (await claimed(store))[0].accepted_at
    async with store.transaction() as tx:
        assert await tx.intakes.erase(accepted_before=young_at) == 1
        assert await tx.intakes.erase(accepted_before=young_at) == 0
    there = await stored(store, PORTAL, held.id)
    assert there is not None
    assert (there.outcome, there.sealed_fields) == (Outcome.STALE, None)
    assert not await resolve(store, claim)
    there = await stored(store, PORTAL, young.id)
    assert there is not None
    assert (there.outcome, there.sealed_fields) == (None, young.sealed_fields)
    there = await stored(store, PORTAL, resolved.id)
    assert there is not None
    assert there.outcome is Outcome.SENT


@pytest.mark.req("S50")
async def test_the_purge_deletes_resolved_intakes_and_no_others(store: Store, clock: Clock) -> None:
    for _ in range(3):
        await accepted(store)
    for intake in await claimed(store):
        await resolve(store, intake)
    unresolved = await accepted(store)
    clock.move(DAY)
    await accepted(store)
    async with store.transaction() as tx:
        assert await tx.intakes.purge(accepted_before=tx.now - 2 * DAY, limit=9) == 0
        assert await tx.intakes.purge(accepted_before=tx.now - HOUR, limit=2) == 2
        assert await tx.intakes.purge(accepted_before=tx.now - HOUR, limit=2) == 1
        assert await tx.intakes.purge(accepted_before=tx.now - HOUR, limit=2) == 0
        assert await tx.intakes.get(PORTAL, unresolved.id) is not None


async def test_waiting_says_how_many_are_unresolved_and_since_when(store: Store, clock: Clock) -> None:
    async with store.reading() as tx:
        assert await tx.intakes.waiting() == (0, None)
    await accepted(store)
    clock.move(MINUTE)
    await accepted(store)
    first, second = await claimed(store)
    async with store.reading() as tx:
        assert await tx.intakes.waiting() == (2, first.accepted_at)
    await resolve(store, first, Outcome.NO_MATCH)
    async with store.reading() as tx:
        assert await tx.intakes.waiting() == (1, second.accepted_at)


@pytest.mark.req("S11")
async def test_the_same_intake_id_in_another_portal_is_another_intake(store: Store) -> None:
    here = await accepted(store)
    await accepted(store, a_request(portal=ELSEWHERE, id=here.id, journey="reset_link"))
    assert {(intake.portal, intake.journey) for intake in await claimed(store)} == {
        (PORTAL, "temporary_password"),
        (ELSEWHERE, "reset_link"),
    }
    there = await stored(store, PORTAL, here.id)
    assert there is not None
    assert await resolve(store, there)
    other = await stored(store, ELSEWHERE, here.id)
    assert other is not None
    assert other.outcome is None
    assert await stored(store, "compras", here.id) is None


async def test_an_unknown_intake_is_neither_found_nor_resolved(store: Store) -> None:
    await accepted(store)
    (intake,) = await claimed(store)
    assert await stored(store, PORTAL, new_id()) is None
    assert not await resolve(store, replace(intake, id=new_id()))
    assert await now(store) >= intake.accepted_at


@pytest.mark.statement("B2")
async def test_an_intake_is_found_by_its_waiting_handle_and_keeps_the_grants_that_answered_it(store: Store) -> None:
    request = a_request()
    await store.accept(request)
    async with store.reading() as tx:
        there = await tx.intakes.by_waiting(PORTAL, request.waiting)
        assert there is not None
        assert (there.id, there.grants) == (request.id, ())
        assert await tx.intakes.by_waiting(ELSEWHERE, request.waiting) is None
        assert await tx.intakes.by_waiting(PORTAL, new_id(32)) is None
    (intake,) = await claimed(store)
    grants = (new_id(), new_id())
    async with store.transaction() as tx:
        assert await tx.intakes.resolve(intake, Outcome.SENT, grants)
    async with store.reading() as tx:
        there = await tx.intakes.by_waiting(PORTAL, request.waiting)
    assert there is not None
    assert there.grants == grants
