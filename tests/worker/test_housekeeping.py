"""What time alone brings about: erasure (S50), purges, due changes of address; a fault stops one step only."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from reclave.domain.audit import Event
from reclave.domain.intake import Outcome
from reclave.domain.secrets import digest_of
from reclave.domain.throttle import Guess
from reclave.domain.time import DAY, HOUR, MINUTE, Span
from reclave.ports.store import Store, Transaction
from reclave.worker import housekeeping
from reclave.worker.housekeeping import KEPT, keep_house
from tests.contracts.rows import a_grant, a_message, a_request, a_session
from tests.stores import OpenAnother
from tests.worker.post_office import NOBODY, ONE, asked, now, state_of, trail, waiting_intakes
from tests.world import DEMO_PASSWORD, World, code_in, nit, opened_page

NEW = "finanzas@andina.example"
Look = Callable[[Transaction], Awaitable[object]]


async def seen(store: Store, look: Look) -> bool:
    async with store.reading() as tx:
        return bool(await look(tx))


async def kept_for(world: World, span: Span, look: Look) -> bool:
    """Whether housekeeping leaves a row alone a minute before a span has passed, and deletes it a minute after."""
    world.wait(span - MINUTE)
    await keep_house(world.services)
    there = await seen(world.services.store, look)
    world.wait(2 * MINUTE)
    await keep_house(world.services)
    return there and not await seen(world.services.store, look)


@pytest.mark.req("S50")
async def test_the_fields_of_a_request_that_nobody_resolved_are_erased_after_a_day(world: World, store: Store) -> None:
    await world.person().ask(ONE)
    (intake,) = await waiting_intakes(store)
    world.wait(DAY - MINUTE)
    await keep_house(world.services)
    (still,) = await waiting_intakes(store)
    assert still.sealed_fields
    world.wait(2 * MINUTE)
    await keep_house(world.services)
    async with store.reading() as tx:
        erased = await tx.intakes.get("pagos", intake.id)
    assert erased is not None
    assert (erased.outcome, erased.sealed_fields) == (Outcome.STALE, None)
    assert await world.work() == 0
    assert world.maildrop.messages() == []


@pytest.mark.req("S50")
async def test_resolved_requests_are_kept_for_thirty_days(world: World, store: Store) -> None:
    await world.person().ask(NOBODY)
    (intake,) = await waiting_intakes(store)
    await world.work()
    assert await kept_for(world, 30 * DAY, lambda tx: tx.intakes.get("pagos", intake.id))


@pytest.mark.req("S50")
async def test_messages_and_their_deliveries_are_kept_for_ninety_days(world: World, store: Store) -> None:
    message = await asked(world)
    await world.work()
    assert await kept_for(world, 90 * DAY, lambda tx: tx.outbox.attempts("pagos", message.id))
    assert await state_of(store, message) is None


@pytest.mark.req("S50")
async def test_a_message_that_was_never_to_be_sent_is_kept_for_a_day(world: World, store: Store) -> None:
    message = await asked(world, NOBODY)
    await world.work()
    assert await state_of(store, message) == "cancelled"
    assert await kept_for(world, DAY, lambda tx: tx.outbox.state("pagos", message.id))


@pytest.mark.req("S50")
async def test_what_counts_guesses_is_kept_for_ninety_days(world: World) -> None:
    await world.person().sign_in(nit(0), "no es la de esta cuenta")
    subject = world.services.vault.digest("guess", "pagos", nit(0))

    async def failures(tx: Transaction) -> int:
        return (await tx.guesses.tally("pagos", Guess.PASSWORD, subject)).failures

    assert await kept_for(world, 90 * DAY, failures)


@pytest.mark.req("S50")
async def test_grants_are_kept_for_ninety_days_after_their_end(world: World) -> None:
    message = await asked(world)
    world.wait(HOUR + MINUTE)
    await keep_house(world.services)
    assert await kept_for(world, 90 * DAY, lambda tx: tx.grants.get("pagos", message.grants[0]))


@pytest.mark.req("S50")
async def test_sessions_are_kept_for_thirty_one_days_and_devices_for_four_hundred(world: World) -> None:
    person = world.person()
    await person.sign_in(nit(0), DEMO_PASSWORD)
    account = await world.account(nit(0))
    device = a_session(0).digest
    async with world.services.store.transaction() as tx:
        await tx.sessions.recognise("pagos", device, account.id)
    assert await kept_for(world, 31 * DAY, lambda tx: tx.sessions.of_account("pagos", account.id))
    assert await kept_for(world, 369 * DAY - MINUTE, lambda tx: tx.sessions.recognised("pagos", device, account.id))


async def test_what_still_lives_is_never_deleted(world: World, store: Store) -> None:
    start = await now(store)
    queued = a_message()
    live = a_grant(start, expires_at=start + 500 * DAY)
    session = a_session(start + 200 * DAY, digest=digest_of(b"live"))
    async with store.transaction() as tx:
        await tx.outbox.add(queued, not_before=start + 400 * DAY)
        assert await tx.grants.issue(live)
        await tx.sessions.add(session)
    world.wait(200 * DAY)
    await keep_house(world.services)
    async with store.reading() as tx:
        assert await tx.grants.get("pagos", live.id) == live
        assert await tx.sessions.get("pagos", session.digest) == session
    assert await state_of(store, queued) == "queued"


async def test_a_round_that_left_work_says_so_and_the_next_ones_do_it(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_CHUNK", 5)
    requests = [a_request() for _ in range(12)]
    for request in requests:
        await store.accept(request)
    world.wait(KEPT["intakes"] + MINUTE)
    rounds = 1
    while await keep_house(world.services):
        rounds += 1
    assert rounds == 3
    async with store.reading() as tx:
        assert [request for request in requests if await tx.intakes.get("pagos", request.id)] == []


async def test_a_step_that_fails_keeps_no_other_from_being_done(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_services: object) -> bool:
        raise OSError("the database is away")

    monkeypatch.setattr(housekeeping, "_apply_due_addresses", fails)
    await world.person().sign_in(nit(0), DEMO_PASSWORD)
    await world.person().ask(ONE)
    (intake,) = await waiting_intakes(store)
    world.wait(2 * DAY)
    with pytest.raises(ExceptionGroup) as raised:
        await keep_house(world.services)
    (fault,) = raised.value.exceptions
    assert isinstance(fault, OSError)
    async with store.reading() as tx:
        erased = await tx.intakes.get("pagos", intake.id)
        assert erased is not None
        assert erased.sealed_fields is None
        assert await tx.audit.last_batch() is not None


@pytest.mark.req("S35", "I2")
async def test_a_due_address_counts_once_though_two_workers_keep_house_at_once(
    world: World, store: Store, open_another: OpenAnother
) -> None:
    person = world.person()
    await person.sign_in(nit(0), DEMO_PASSWORD)
    await person.post("/pagos/cuenta/correo", {"current": DEMO_PASSWORD, "email": NEW})
    await world.work()
    confirmed = await person.post("/pagos/cuenta/correo/codigo", {"code": code_in(world.mails(NEW)[0])})
    assert opened_page(confirmed) == "/pagos/cuenta?notice=address_proposed"
    await world.work()
    before = await world.account(nit(0))
    world.wait(DAY - MINUTE)
    await keep_house(world.services)
    assert await world.account(nit(0)) == before
    world.wait(2 * MINUTE)
    other = replace(world.services, store=await open_another())
    await asyncio.gather(keep_house(world.services), keep_house(other))
    after = await world.account(nit(0))
    assert (after.address, after.next_address) == (NEW, None)
    assert after.credential_version == before.credential_version + 1
    assert len(await trail(store, Event.ADDRESS_CHANGED)) == 1
    await world.work()
    assert len(world.mails(NEW)) == 2
    assert opened_page(await person.get("/pagos/cuenta")) == "/pagos/?notice=session_ended"
