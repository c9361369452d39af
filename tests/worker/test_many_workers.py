"""Workers beside each other: what one gives back another takes, and one at a time keeps house."""

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from reclave.domain.time import DAY, MINUTE
from reclave.pages.mail import Post
from reclave.ports.store import Store
from reclave.worker import loop
from reclave.worker.housekeeping import keep_house_alone, leave_house
from reclave.worker.loop import Stage, Worker
from reclave.worker.resolver import resolve_some
from reclave.worker.sender import AT_ONCE, Sender
from tests.contracts.rows import a_request
from tests.worker.post_office import ONE, HeldMailer, asked, queue_letters, state_of, waiting_intakes, worker_with
from tests.worker.test_loop import running
from tests.world import World


class HeardBell:
    """A bell that tells when it rang."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    def ring(self) -> None:
        self.rung.set()


@pytest.mark.req("I5")
async def test_a_stop_hands_back_what_was_only_claimed(world: World, store: Store) -> None:
    for number in range(3):
        await world.person().ask(f"persona{number}@empresa.example")
        world.wait(1)
    broken = a_request()
    sealed = world.services.vault.seal("intake", b"no JSON", broken.id)
    await store.accept(replace(broken, sealed_fields=sealed))
    going_on = iter([True, False])
    await resolve_some(world.services, lambda: next(going_on))
    async with store.transaction() as tx:
        left = await tx.intakes.claim(limit=10, lease=DAY)
    assert [intake.fence for intake in left] == [2, 2, 2]


@pytest.mark.req("I5")
async def test_mail_that_no_server_takes_keeps_no_worker_from_stopping(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "FINISH_SECONDS", 0.05)
    message = await asked(world)
    mailer = HeldMailer()
    mailer.hold(ONE)
    with capture_logs() as logs:
        async with running(worker_with(world, mailer)):
            await mailer.until(begun=1)
    assert [line["messages"] for line in logs if line["event"] == "sending_cut_off"] == [1]
    assert await state_of(store, message) == "sending"


@pytest.mark.req("I5")
async def test_a_worker_whose_room_is_full_of_mail_that_no_server_takes_stops_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "FINISH_SECONDS", 0.05)
    mailer = HeldMailer()
    for address in await queue_letters(world, AT_ONCE + 1):
        mailer.hold(address)
    with capture_logs() as logs:
        async with running(worker_with(world, mailer)):
            await mailer.until(begun=AT_ONCE)
    assert [line["messages"] for line in logs if line["event"] == "sending_cut_off"] == [AT_ONCE]


async def test_a_worker_of_one_stage_leaves_the_other_to_others_and_wakes_them(world: World) -> None:
    bell, mailer = HeardBell(), HeldMailer()
    services = replace(world.services, bell=bell)

    def worker(stage: Stage) -> Worker:
        return Worker(services, Sender(services, mailer, Post(services, "https://localhost:8000")), stage)

    await world.person().ask(ONE)
    async with running(worker(Stage.RESOLVE)):
        await bell.rung.wait()
    assert mailer.begun == []
    async with running(worker(Stage.SEND)):
        await mailer.until(taken=1)


@pytest.mark.parametrize("killed", [False, True])
async def test_one_worker_keeps_house_until_it_stops_or_is_silent_for_some_minutes(
    world: World, store: Store, killed: bool
) -> None:
    await world.person().ask(ONE)
    world.wait(DAY - MINUTE)
    await keep_house_alone(world.services, b"first")
    world.wait(2 * MINUTE)
    await keep_house_alone(world.services, b"second")
    assert len(await waiting_intakes(store)) == 1
    if killed:
        world.wait(2 * MINUTE)
    else:
        await leave_house(world.services, b"first")
    await keep_house_alone(world.services, b"second")
    assert await waiting_intakes(store) == []
