"""What a worker resolves it sends itself, without claiming it anew."""

import asyncio
from typing import Any

import pytest

from reclave.domain.outbox import Message
from reclave.ports.store import Store
from reclave.worker import resolver
from reclave.worker.answers import answer_all
from reclave.worker.resolver import resolve_some
from reclave.worker.sender import AT_ONCE, Sender
from tests.worker.post_office import NOBODY, ONE, TWO, HeldMailer, waiting_messages, worker_with
from tests.worker.test_loop import running
from tests.world import World


@pytest.fixture
def sender(world: World) -> Sender:
    return worker_with(world, HeldMailer())._sender


async def ask_for(world: World, *addresses: str) -> None:
    for address in addresses:
        await world.person().ask(address)


@pytest.mark.req("I5")
async def test_what_a_worker_resolves_it_sends_without_claiming_it_anew(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def claim_nothing(_sender: Sender) -> int:
        return 0

    monkeypatch.setattr(Sender, "send_some", claim_nothing)
    mailer = HeldMailer()
    await ask_for(world, ONE, NOBODY, TWO)
    async with running(worker_with(world, mailer)):
        await mailer.until(taken=2)
    assert sorted(mailer.taken) == sorted([ONE, TWO])
    world.wait(3600 * 10**6)
    assert await waiting_messages(store) == []


async def test_what_there_is_no_place_for_waits_in_the_outbox(world: World, store: Store) -> None:
    class OnePlace:
        taken: tuple[Message, ...] = ()

        def reserve(self, _most: int) -> int:
            return 1

        def take_over(self, claimed: Any, reserved: int) -> None:
            assert reserved == 1
            self.taken = tuple(claimed)

    sender = OnePlace()
    await ask_for(world, ONE, NOBODY, TWO)
    assert await resolve_some(world.services, sender=sender) == 3
    assert [each.attempts for each in sender.taken] == [1]
    waiting = await waiting_messages(store)
    assert len(waiting) == 2
    assert sender.taken[0].id not in {each.id for each in waiting}


async def test_places_are_kept_for_what_is_being_resolved_and_given_back(sender: Sender) -> None:
    assert sender.reserve(64) == AT_ONCE
    assert sender.reserve(1) == 0
    sender.take_over((), AT_ONCE)
    assert sender.may_find_some()
    assert sender.reserve(5) == 5
    sender.claim_no_more()
    sender.take_over((), 5)
    assert sender.reserve(1) == 0


async def test_a_batch_that_fails_hands_nothing_over(
    world: World, store: Store, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail_together(services: Any, tx: Any, intakes: Any, **given: Any) -> Any:
        answered = await answer_all(services, tx, intakes, **given)
        if given:
            raise OSError("the database is away")
        return answered

    monkeypatch.setattr(resolver, "answer_all", fail_together)
    await ask_for(world, ONE)
    assert await resolve_some(world.services, sender=sender) == 1
    assert len(await waiting_messages(store)) == 1
    assert sender.may_find_some()
    assert sender.reserve(64) == AT_ONCE


async def test_nothing_is_handed_over_while_older_messages_wait_for_room(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = asyncio.Event()

    async def until_there_is_room(_sender: Sender) -> None:
        await room.wait()

    monkeypatch.setattr(Sender, "_make_room", until_there_is_room)
    claiming = asyncio.create_task(sender.send_some())
    await asyncio.sleep(0)
    assert sender.reserve(1) == 0
    room.set()
    assert await claiming == 0
    assert sender.reserve(1) == 1
