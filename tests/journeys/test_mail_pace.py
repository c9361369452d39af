"""What waiting pages may say of a portal's mail, over every store."""

from dataclasses import replace

import pytest

from reclave.domain.outbox import CROWD, LEASE, Sent
from reclave.domain.time import HOUR, MINUTE, Span
from reclave.journeys.mail_pace import PATIENCE, Expected
from tests.contracts.rows import a_message, a_request, new_id
from tests.world import World

PORTAL = "pagos"


async def expected(world: World) -> Expected:
    await world.services.mail_pace.refresh(world.services.store, [PORTAL])
    return world.services.mail_pace.of(PORTAL)


async def queued(world: World, recipients: int) -> None:
    async with world.services.store.transaction() as tx:
        for _ in range(recipients):
            await tx.outbox.add(replace(a_message(), recipient=new_id(32)))


async def sent(world: World, *, after: Span) -> None:
    world.wait(after)
    async with world.services.store.transaction() as tx:
        for claim in await tx.outbox.claim(limit=100, lease=LEASE):
            await tx.outbox.settle(claim, Sent(250, "ok"))


@pytest.mark.req("S1")
async def test_the_figure_is_there_once_a_crowd_had_its_mail(world: World) -> None:
    assert await expected(world) == Expected(None, slow=False)
    await queued(world, CROWD - 1)
    await sent(world, after=3 * MINUTE)
    assert await expected(world) == Expected(None, slow=False)
    await queued(world, 1)
    await sent(world, after=3 * MINUTE)
    assert await expected(world) == Expected(5 * MINUTE, slow=False)
    assert world.services.mail_pace.of("aduana") == Expected(None, slow=False)


@pytest.mark.req("S2")
async def test_mail_is_slow_when_a_crowd_waits_longer_and_never_for_one_person(world: World) -> None:
    await queued(world, CROWD - 1)
    world.wait(12 * HOUR)
    assert not (await expected(world)).slow
    await queued(world, 1)
    assert not (await expected(world)).slow
    world.wait(PATIENCE + MINUTE)
    assert (await expected(world)).slow
    await sent(world, after=0)
    assert not (await expected(world)).slow


@pytest.mark.req("S1")
async def test_a_request_that_nobody_works_on_makes_mail_slow_whoever_it_is_for(world: World) -> None:
    await world.services.store.accept(a_request(portal=PORTAL))
    assert not (await expected(world)).slow
    world.wait(PATIENCE + MINUTE)
    assert (await expected(world)).slow
