"""The worker's stages: woken at once, none held up by another's fault, and what is under way is finished."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from reclave.domain.errors import StoreAway
from reclave.domain.intake import Outcome
from reclave.domain.time import DAY
from reclave.ports.store import Store, Transaction
from reclave.worker import loop, sender
from reclave.worker.loop import Worker
from reclave.worker.resolver import resolve_some
from reclave.worker.sender import Sender
from tests.contracts.rows import a_request
from tests.worker.post_office import NOBODY, ONE, TWO, HeldMailer, asked, queue_letters, state_of, worker_with
from tests.world import World

PATIENCE = 60.0


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[asyncio.Event]:
    """The worker at work; it is stopped after the block, and waited for."""
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        async with asyncio.timeout(PATIENCE):
            yield stop
            stop.set()
            await task
    finally:
        task.cancel()


class FailingStore:
    """A store whose database is away for a number of transactions."""

    def __init__(self, store: Store, failures: int, fault: Exception | None = None) -> None:
        self._store = store
        self._fault = fault or OSError("the database is away")
        self.failures = failures
        self.failed = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if self.failures:
            self.failures -= 1
            self.failed.set()
            raise self._fault
        async with self._store.transaction() as tx:
            yield tx


def counted_looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each look for mail that begins from now on."""
    looks: list[int] = []
    look = Sender.send_some

    async def counted(self: Sender) -> int:
        looks.append(len(looks))
        return await look(self)

    monkeypatch.setattr(Sender, "send_some", counted)
    return looks


@pytest.fixture
def only_the_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stage looks by itself: what is not told of does not happen in this test's time."""
    monkeypatch.setattr(loop, "POLL_SECONDS", 3600.0)


@pytest.mark.usefixtures("only_the_bell")
async def test_a_ring_is_enough_to_resolve_and_send_without_waiting_for_the_next_look(world: World) -> None:
    mailer = HeldMailer()
    async with running(worker := worker_with(world, mailer)):
        for count, address in enumerate((ONE, TWO), start=1):
            await world.person().ask(address)
            worker.wake()
            await mailer.until(taken=count)
    assert mailer.taken == [ONE, TWO]


@pytest.mark.usefixtures("only_the_bell")
async def test_mail_that_was_handed_over_is_not_looked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_LOOK_SECONDS", 3600.0)
    looks, mailer = counted_looks(monkeypatch), HeldMailer()
    await world.person().ask(ONE)
    async with running(worker := worker_with(world, mailer)):
        await mailer.until(taken=1)
        before = len(looks)
        await world.person().ask(TWO)
        worker.wake()
        await mailer.until(taken=2)
        assert len(looks) == before


@pytest.mark.usefixtures("only_the_bell")
async def test_mail_that_pages_queue_is_found_however_many_requests_are_handed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "_LOOK_SECONDS", 0.0)
    mailer = HeldMailer()
    async with running(worker := worker_with(world, mailer)):
        for count, address in ((2, ONE), (4, TWO)):
            await queue_letters(world, 1)
            await world.person().ask(address)
            worker.wake()
            await mailer.until(taken=count)


@pytest.mark.usefixtures("only_the_bell")
async def test_a_ring_for_mail_alone_is_enough(world: World) -> None:
    mailer = HeldMailer()
    async with running(worker := worker_with(world, mailer)):
        await queue_letters(world, 1)
        worker.wake()
        await mailer.until(taken=1)


async def test_without_a_ring_the_worker_looks_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.05)
    mailer = HeldMailer()
    async with running(worker_with(world, mailer)):
        await world.person().ask(ONE)
        await mailer.until(taken=1)


@pytest.mark.req("I5")
async def test_a_stop_finishes_what_is_under_way_and_begins_nothing_new(world: World, store: Store) -> None:
    message = await asked(world)
    mailer = HeldMailer()
    answer = mailer.hold(ONE)
    async with running(worker_with(world, mailer)) as stop:
        await mailer.until(begun=1)
        stop.set()
        await queue_letters(world, 3)
        asyncio.get_running_loop().call_later(0.3, answer.set)
    assert mailer.taken == [ONE]
    assert await state_of(store, message) == "sent"


@pytest.mark.req("I5")
async def test_a_database_that_is_away_for_a_moment_is_logged_and_all_is_done_afterwards(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.05)
    await world.person().ask(ONE)
    mailer = HeldMailer()
    failing = FailingStore(store, failures=12)
    with capture_logs() as logs:
        async with running(worker_with(world, mailer, failing)):
            await mailer.until(taken=1)
    failed = [line for line in logs if line["event"] == "stage_failed"]
    assert {line["stage"] for line in failed} == {"resolve", "send", "keep_house"}
    assert failing.failures == 0
    assert {line["log_level"] for line in failed} == {"error"}


async def test_a_database_that_is_away_is_not_told_of_by_every_stage_again(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.05)
    await asked(world)
    mailer = HeldMailer()
    failing = FailingStore(store, failures=12, fault=StoreAway("the server is gone"))
    with capture_logs() as logs:
        async with running(worker_with(world, mailer, failing)):
            await mailer.until(taken=1)
    assert failing.failures == 0
    assert [line["event"] for line in logs if line["log_level"] in {"warning", "error"}] == []


@pytest.mark.req("I5")
async def test_a_fault_in_resolving_stops_neither_sending_nor_housekeeping(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()

    async def resolve(*given: Any) -> int:
        try:
            return await resolve_some(*given)
        finally:
            tried.set()

    monkeypatch.setattr(loop, "resolve_some", resolve)
    old, broken = a_request(), a_request()
    for request in (old, broken):
        sealed = world.services.vault.seal("intake", b"no JSON", request.id)
        await store.accept(replace(request, sealed_fields=sealed))
        world.wait(2 * DAY)
    world.wait(-2 * DAY)
    addresses = await queue_letters(world, 3)
    mailer = HeldMailer()
    with capture_logs() as logs:
        async with running(worker_with(world, mailer)):
            await mailer.until(taken=3)
            await tried.wait()
    assert sorted(mailer.taken) == addresses
    assert "resolve" in {line.get("stage") for line in logs}
    async with store.reading() as tx:
        left = [await tx.intakes.get(request.portal, request.id) for request in (old, broken)]
    assert [intake and intake.outcome for intake in left] == [Outcome.STALE, None]


async def test_running_until_idle_does_all_that_is_due_and_counts_it(world: World) -> None:
    for address in (ONE, TWO, NOBODY):
        await world.person().ask(address)
    assert await world.work() == 6
    assert await world.work() == 0
    assert {recipient for mail in world.maildrop.messages() for recipient in mail.recipients} == {ONE, TWO}
