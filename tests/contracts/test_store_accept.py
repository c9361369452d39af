import asyncio

import pytest

from reclave.domain.intake import Admission
from reclave.domain.time import DAY, HOUR, MINUTE
from reclave.ports.store import Store
from tests.contracts.rows import ELSEWHERE, PORTAL, a_cooldown, a_cost, a_request, new_id, now
from tests.stores import Clock, OpenAnother


async def waiting(store: Store) -> int:
    async with store.reading() as tx:
        return (await tx.intakes.waiting())[0]


@pytest.mark.req("I5")
async def test_what_was_accepted_is_there_for_another_process(store: Store, open_another: OpenAnother) -> None:
    request = a_request()
    before = await now(store)
    assert await store.accept(request) is Admission.ACCEPTED
    async with (await open_another()).reading() as tx:
        intake = await tx.intakes.get(PORTAL, request.id)
        assert intake is not None
        assert before <= intake.accepted_at <= tx.now
        assert (intake.outcome, intake.fence) == (None, 0)
        assert intake.sealed_fields == request.sealed_fields


@pytest.mark.req("I5")
async def test_sixty_four_concurrent_requests_are_all_accepted_and_durable(
    store: Store, open_another: OpenAnother
) -> None:
    portal_wide = a_cost(count=100)
    requests = [a_request(costs=(a_cost(), portal_wide)) for _ in range(64)]
    answers = await asyncio.gather(*map(store.accept, requests))
    assert set(answers) == {Admission.ACCEPTED}
    async with (await open_another()).transaction() as tx:
        claimed = await tx.intakes.claim(limit=100, lease=MINUTE)
    assert {intake.id for intake in claimed} == {request.id for request in requests}


@pytest.mark.req("S4")
async def test_within_the_cooldown_a_request_leaves_no_row(store: Store, clock: Clock) -> None:
    cooldown = a_cooldown()
    assert await store.accept(a_request(cooldown=cooldown)) is Admission.ACCEPTED
    clock.move(MINUTE)
    cooling = a_request(cooldown=cooldown)
    assert await store.accept(cooling) is Admission.COOLING
    async with store.reading() as tx:
        assert await tx.intakes.get(PORTAL, cooling.id) is None
    assert await waiting(store) == 1
    clock.move(MINUTE)
    assert await store.accept(a_request(cooldown=cooldown)) is Admission.ACCEPTED


@pytest.mark.req("I1")
async def test_asking_within_the_cooldown_does_not_prolong_it(store: Store, clock: Clock) -> None:
    cooldown = a_cooldown()
    await store.accept(a_request(cooldown=cooldown))
    for _ in range(3):
        clock.move(MINUTE // 2)
        assert await store.accept(a_request(cooldown=cooldown)) is Admission.COOLING
    clock.move(MINUTE // 2)
    assert await store.accept(a_request(cooldown=cooldown)) is Admission.ACCEPTED


@pytest.mark.req("S4")
async def test_over_one_of_its_limits_a_request_leaves_no_row(store: Store, clock: Clock) -> None:
    limit = a_cost(count=2)
    answers = [await store.accept(a_request(costs=(a_cost(), limit))) for _ in range(3)]
    assert answers == [Admission.ACCEPTED, Admission.ACCEPTED, Admission.OVER_LIMIT]
    assert await waiting(store) == 2
    clock.move(HOUR // 2)
    assert await store.accept(a_request(costs=(limit,))) is Admission.ACCEPTED
    assert await store.accept(a_request(costs=(limit,))) is Admission.OVER_LIMIT


@pytest.mark.req("S4")
async def test_the_costs_are_taken_whatever_the_cooldown_says(store: Store) -> None:
    cooldown, limit = a_cooldown(), a_cost(count=3)
    answers = [await store.accept(a_request(cooldown=cooldown, costs=(limit,))) for _ in range(4)]
    assert answers == [Admission.ACCEPTED, Admission.COOLING, Admission.COOLING, Admission.OVER_LIMIT]


async def test_a_request_without_limits_obeys_its_cooldown(store: Store) -> None:
    cooldown = a_cooldown()
    assert await store.accept(a_request(cooldown=cooldown, costs=())) is Admission.ACCEPTED
    assert await store.accept(a_request(cooldown=cooldown, costs=())) is Admission.COOLING


@pytest.mark.req("S4")
async def test_of_concurrent_requests_no_more_than_the_limit_are_accepted(store: Store) -> None:
    limit = a_cost(count=5)
    requests = [a_request(costs=(a_cost(), limit)) for _ in range(40)]
    answers = await asyncio.gather(*map(store.accept, requests))
    assert answers.count(Admission.ACCEPTED) == 5
    assert answers.count(Admission.OVER_LIMIT) == 35
    assert await waiting(store) == 5


@pytest.mark.req("S4")
async def test_of_concurrent_requests_for_one_identifier_one_is_accepted(
    store: Store, open_another: OpenAnother
) -> None:
    cooldown, stores = a_cooldown(), [store, await open_another()]
    requests = [a_request(cooldown=cooldown) for _ in range(40)]
    answers = await asyncio.gather(*(stores[n % 2].accept(request) for n, request in enumerate(requests)))
    assert answers.count(Admission.ACCEPTED) == 1
    assert answers.count(Admission.COOLING) == 39
    assert await waiting(store) == 1


async def test_what_was_turned_away_is_counted_by_portal_and_hour(store: Store, clock: Clock) -> None:
    # From the middle of an hour, so that it does not end during the test.
    clock.move(-(await now(store) % HOUR) + HOUR // 2)
    start = await now(store)
    cooldown, limit = a_cooldown(), a_cost(count=1)
    await asyncio.gather(*(store.accept(a_request(cooldown=cooldown)) for _ in range(4)))
    await asyncio.gather(*(store.accept(a_request(costs=(limit,))) for _ in range(3)))
    await store.accept(a_request(portal=ELSEWHERE, cooldown=cooldown))
    assert await store.turned_away(PORTAL, since=start) == 5
    assert await store.turned_away(ELSEWHERE, since=start) == 1
    assert await store.turned_away("compras", since=start) == 0
    clock.move(2 * HOUR)
    later = await now(store)
    assert await store.turned_away(PORTAL, since=later) == 0
    await store.accept(a_request(cooldown=cooldown))
    assert await store.accept(a_request(cooldown=cooldown)) is Admission.COOLING
    assert await store.turned_away(PORTAL, since=later) == 1
    assert await store.turned_away(PORTAL, since=start) == 6


@pytest.mark.req("I5")
async def test_a_request_that_cannot_be_written_does_not_take_its_neighbours_along(store: Store) -> None:
    there = a_request()
    await store.accept(there)
    requests = [a_request() for _ in range(15)]
    poisoned = a_request(id=there.id, reference="ZZZZ-ZZZZ")
    answers = await asyncio.gather(*map(store.accept, [*requests[:7], poisoned, *requests[7:]]), return_exceptions=True)
    assert isinstance(answers.pop(7), Exception)
    assert set(answers) == {Admission.ACCEPTED}
    async with store.transaction() as tx:
        claimed = await tx.intakes.claim(limit=50, lease=MINUTE)
    assert {intake.id for intake in claimed} == {request.id for request in [there, *requests]}
    assert {intake.reference for intake in claimed} == {there.reference}


@pytest.mark.req("I5")
async def test_a_caller_that_goes_away_does_not_take_its_neighbours_along(store: Store) -> None:
    requests = [a_request() for _ in range(12)]
    asked = [asyncio.create_task(store.accept(request)) for request in requests]
    await asyncio.sleep(0)  # each has taken its first step
    for task in asked[::4]:
        task.cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    staying = [answer for number, answer in enumerate(answers) if number % 4]
    assert staying == [Admission.ACCEPTED] * 9
    async with store.reading() as tx:
        there = [await tx.intakes.get(PORTAL, request.id) for request in requests]
    assert all(there[number] for number in range(12) if number % 4)


@pytest.mark.req("I8")
async def test_limits_and_cooldown_outlive_a_jump_of_the_clock(store: Store, clock: Clock) -> None:
    cooldown, limit = a_cooldown(), a_cost(count=2)
    await store.accept(a_request(cooldown=cooldown, costs=(limit,)))
    clock.move(-HOUR)
    assert await store.accept(a_request(cooldown=cooldown, costs=())) is Admission.COOLING
    clock.move(2 * MINUTE)
    assert await store.accept(a_request(cooldown=cooldown, costs=())) is Admission.ACCEPTED
    clock.move(DAY)
    assert await store.accept(a_request(cooldown=cooldown, costs=(limit,))) is Admission.ACCEPTED


@pytest.mark.req("I5")
async def test_closing_finishes_what_is_queued(store: Store, open_another: OpenAnother) -> None:
    request = a_request()
    asked = asyncio.create_task(store.accept(request))
    await asyncio.sleep(0)  # the task's first step: from here on the request is the store's
    await store.close()
    assert await asked is Admission.ACCEPTED
    async with (await open_another()).reading() as tx:
        assert await tx.intakes.get(PORTAL, request.id) is not None
        assert await tx.intakes.get(PORTAL, new_id()) is None
