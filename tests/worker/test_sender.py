"""Sending: tried again, checked again, taken over; each mail once while leases hold (invariant 5)."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from reclave.demo.smtp_server import LoopbackSmtpServer
from reclave.domain.accounts import Status
from reclave.domain.audit import Event
from reclave.domain.outbox import CUT_OFF, GIVE_UP, LEASE, Deferred, Message, Refused, Sent, Template
from reclave.domain.time import HOUR, MINUTE, SECOND
from reclave.journeys.messages import Letter, queue
from reclave.pages.i18n import format_time
from reclave.ports.store import Store
from reclave.worker import sender
from reclave.worker.sender import AT_ONCE
from tests.adapters.scripted_smtp import ScriptedSmtpServer
from tests.stores import OpenAnother
from tests.worker.post_office import (
    DISABLED,
    NOBODY,
    ONE,
    PENDING,
    TWO,
    HeldMailer,
    Refusals,
    asked,
    attempts_at,
    move_to_next_due,
    now,
    queue_letters,
    send_once,
    state_of,
    trail,
    waiting_messages,
    worker_at,
    worker_with,
)
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, World, nit, opened_page, report_link, said, temporary_passwords

LATER = b"451 4.3.0 try again later"
TAKEN = b"250 2.0.0 queued"


@contextmanager
def port_without_server() -> Iterator[int]:
    """A port of this machine at which nobody listens, and that nobody else is given meanwhile."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        yield port


def arrived(world: World, message: Message) -> bool:
    """Whether a message has reached anybody."""
    return message.message_id in {mail.message_id for mail in world.maildrop.messages()}


@pytest.mark.req("I5")
async def test_a_451_is_tried_again_after_growing_waits_with_the_same_message_id_and_equal_bytes(
    world: World, store: Store
) -> None:
    message = await asked(world)
    waits = []
    async with (
        ScriptedSmtpServer({".": [LATER, LATER, LATER, TAKEN]}) as server,
        worker_at(world, server.port) as worker,
    ):
        for _ in range(3):
            before = await now(store)
            assert await send_once(worker) == 1
            async with store.reading() as tx:
                due = await tx.outbox.next_due()
                assert due is not None
                waits.append((due - tx.now, due - before))
            if len(waits) == 3:
                assert await send_once(worker) == 0
            await move_to_next_due(world)
        assert await send_once(worker) == 1
    for (least, most), usual in zip(waits, (5 * SECOND, 15 * SECOND, 45 * SECOND), strict=True):
        assert least <= usual * 1.2
        assert most >= usual * 0.8
    assert len(server.contents) == 4
    assert len(set(server.contents)) == 1
    assert server.contents[0].count(f"Message-ID: {message.message_id}\r\n".encode()) == 1
    assert await state_of(store, message) == "sent"


@pytest.mark.req("I5", "S43")
async def test_every_attempt_is_recorded_with_the_servers_answer(
    world: World, store: Store, refusals: Refusals
) -> None:
    refusals.answers[ONE] = ["451 4.7.1 greylisted", "421 4.3.2 shutting down"]
    message = await asked(world)
    began = []
    for _ in range(3):
        began.append(await now(store))
        assert await send_once(world.worker) == 1
        if len(began) < 3:
            await move_to_next_due(world)
    attempts = await attempts_at(store, message)
    assert [attempt.number for attempt in attempts] == [1, 2, 3]
    assert all(attempt.began_at >= earliest for attempt, earliest in zip(attempts, began, strict=True))
    (mail,) = world.mails(ONE)
    assert [attempt.answer for attempt in attempts] == [
        Deferred(451, "4.7.1 greylisted"),
        Deferred(421, "4.3.2 shutting down"),
        Sent(250, f"2.0.0 queued as {mail.id}"),
    ]
    (entry,) = await trail(store, Event.MESSAGE_SENT)
    assert (entry.reference, entry.detail["code"]) == (message.reference, "250")


@pytest.mark.req("I5", "S2")
async def test_a_dead_mail_server_defers_the_mail_and_it_arrives_once_the_server_is_back(
    world: World, store: Store
) -> None:
    with port_without_server() as port:
        server = LoopbackSmtpServer(world.maildrop, port=port)
        await server.start()
        async with worker_at(world, port) as worker:
            before = await asked(world)
            await worker.run_until_idle()
            await server.stop()
            message = await asked(world, TWO)
            await send_once(worker)
            assert await state_of(store, message) == "queued"
            assert [type(attempt.answer) for attempt in await attempts_at(store, message)] == [Deferred]
            await server.start()
            await move_to_next_due(world)
            await send_once(worker)
        await server.stop()
    assert arrived(world, before)
    assert arrived(world, message)
    assert len(world.maildrop.messages()) == 2


@pytest.mark.req("I5", "S43")
async def test_a_550_stops_at_once_and_is_recorded(world: World, store: Store, refusals: Refusals) -> None:
    refusals.answers[ONE] = ["550 5.1.1 no such user"]
    message = await asked(world)
    await world.work()
    assert await state_of(store, message) == "failed"
    world.wait(30 * MINUTE)
    assert await world.work() == 0
    assert [attempt.answer for attempt in await attempts_at(store, message)] == [Refused(550, "5.1.1 no such user")]
    (entry,) = await trail(store, Event.MESSAGE_FAILED)
    assert (entry.account, entry.reference) == ((await world.account(nit(0))).id, message.reference)
    assert entry.detail == {"template": "temporary_password", "answer": "5.1.1 no such user"}


@pytest.mark.req("I5", "S43")
async def test_a_mail_that_no_server_takes_for_a_day_has_failed(world: World, store: Store, refusals: Refusals) -> None:
    (address,) = await queue_letters(world, 1)
    refusals.answers[address] = ["451 4.7.1 later"] * 3
    (message,) = await waiting_messages(store)
    await send_once(world.worker)
    world.wait(GIVE_UP - MINUTE)
    await send_once(world.worker)
    assert await state_of(store, message) == "queued"
    world.wait(HOUR)
    await send_once(world.worker)
    assert await state_of(store, message) == "failed"
    (entry,) = await trail(store, Event.MESSAGE_FAILED)
    assert entry.reference == message.reference
    assert len(await attempts_at(store, message)) == 3


async def password_changed(world: World) -> None:
    owner = world.person()
    await owner.sign_in(nit(0), DEMO_PASSWORD)
    fields = {"current": DEMO_PASSWORD, "password": NEW_PASSWORD, "confirm": NEW_PASSWORD}
    changed = await owner.post("/pagos/cuenta/contrasena", fields)
    assert opened_page(changed) == "/pagos/cuenta?notice=password_updated"


async def reported_not_me(world: World) -> None:
    owner = world.person()
    await owner.get(report_link(world.mails(ONE)[0]))
    assert opened_page(await owner.post("/pagos/no-fui-yo", {"confirm": "yes"})) == "/pagos/no-fui-yo/listo"


async def expired(world: World) -> None:
    world.wait(2 * HOUR)


async def disabled(world: World) -> None:
    account = await world.account(nit(0))
    async with world.services.store.transaction() as tx:
        await tx.accounts.change(replace(account, status=Status.DISABLED), was=account.credential_version)


async def changed_in_the_directory(world: World) -> None:
    account = await world.account(nit(0))
    version = account.credential_version
    async with world.services.store.transaction() as tx:
        await tx.accounts.change(replace(account, credential_version=version + 1), was=version)


@pytest.mark.req("I5", "S10", "S43")
@pytest.mark.parametrize("ended", [password_changed, reported_not_me, expired, disabled, changed_in_the_directory])
async def test_a_mail_whose_temporary_password_has_ended_meanwhile_is_cancelled_and_never_sent(
    world: World, store: Store, ended: Callable[[World], Awaitable[None]]
) -> None:
    delivered = await asked(world)
    await world.work()
    world.wait(5 * MINUTE)
    message = await asked(world)
    assert message.grants == delivered.grants
    await ended(world)
    await world.work()
    assert await state_of(store, message) == "cancelled"
    world.wait(HOUR)
    await world.work()
    assert arrived(world, delivered)
    assert not arrived(world, message)
    (entry,) = await trail(store, Event.MESSAGE_CANCELLED)
    assert entry.reference == message.reference


@pytest.mark.statement("P6")
async def test_a_mail_for_two_accounts_drops_the_one_that_changed_meanwhile_and_keeps_the_other(
    world: World,
) -> None:
    message = await asked(world, TWO)
    owner = world.person()
    await owner.sign_in(nit(2), DEMO_PASSWORD)
    fields = {"current": DEMO_PASSWORD, "password": NEW_PASSWORD, "confirm": NEW_PASSWORD}
    await owner.post("/pagos/cuenta/contrasena", fields)
    await world.work()
    (mail,) = [mail for mail in world.mails(TWO) if mail.message_id == message.message_id]
    (secret,) = temporary_passwords(mail)
    for part in (said(mail), mail.html or ""):
        assert "900.300.003-4" not in part
        assert "900.300.011-3" in part
    assert opened_page(await world.person().sign_in(nit(3), secret)) == "/pagos/registro"


async def test_the_expiry_in_a_mail_is_the_one_that_holds_when_it_is_sent(world: World, store: Store) -> None:
    message = await asked(world)
    async with store.transaction() as tx:
        grant = await tx.grants.get("pagos", message.grants[0])
        assert grant is not None
        later = grant.expires_at + 20 * MINUTE
        await tx.grants.answer("pagos", grant.id, requested_at=grant.requested_at, expires_at=later)
    await world.work()
    (mail,) = world.mails(ONE)
    for part in (said(mail), mail.html or ""):
        assert format_time(later, "es", world.portal.zone) in part
        assert format_time(grant.expires_at, "es", world.portal.zone) not in part


@pytest.mark.req("I5")
async def test_a_sender_that_stalled_is_taken_over_after_its_lease_and_its_late_word_counts_no_more(
    world: World, store: Store
) -> None:
    message = await asked(world)
    stalled, quick = HeldMailer({ONE: Refused(550, "5.1.1 too late")}), HeldMailer()
    answer = stalled.hold(ONE)
    first, second = worker_with(world, stalled), worker_with(world, quick)
    await first._sender.send_some()
    await stalled.until(begun=1)
    assert await second.run_until_idle() == 0
    world.wait(LEASE + SECOND)
    await second.run_until_idle()
    answer.set()
    await first._sender.finish()
    assert quick.taken == [ONE]
    assert await state_of(store, message) == "sent"
    assert [attempt.answer for attempt in await attempts_at(store, message)] == [CUT_OFF, Sent(250, "2.0.0 queued")]
    assert len(await trail(store, Event.MESSAGE_SENT)) == 1
    assert await trail(store, Event.MESSAGE_FAILED) == []


@pytest.mark.req("I5")
async def test_what_a_dead_sender_had_claimed_is_sent_after_its_lease(world: World, store: Store) -> None:
    await asked(world)
    async with store.transaction() as tx:
        (claimed,) = await tx.outbox.claim(limit=8, lease=LEASE)
    assert await world.work() == 0
    world.wait(LEASE + SECOND)
    await world.work()
    assert arrived(world, claimed)
    async with store.transaction() as tx:
        assert not await tx.outbox.settle(claimed, Deferred(None, "from the grave"), retry_at=tx.now)
        assert not await tx.outbox.cancel(claimed)
    world.wait(LEASE + SECOND)
    assert await world.work() == 0
    assert len(world.maildrop.messages()) == 1


@pytest.mark.req("I5")
async def test_two_workers_at_once_send_each_mail_once(world: World, open_another: OpenAnother) -> None:
    addresses = await queue_letters(world, 40)
    for address in (ONE, TWO, NOBODY):
        await world.person().ask(address)
    mailers = [HeldMailer(), HeldMailer()]
    workers = [worker_with(world, mailers[0]), worker_with(world, mailers[1], await open_another())]
    await asyncio.gather(*(worker.run_until_idle() for worker in workers))
    assert sorted(mailers[0].taken + mailers[1].taken) == sorted([*addresses, ONE, TWO])


@pytest.mark.req("S1")
@pytest.mark.parametrize("address", [NOBODY, PENDING, DISABLED])
async def test_the_message_for_nobody_is_cancelled_and_no_mail_server_hears_of_it(
    world: World, store: Store, address: str
) -> None:
    async with ScriptedSmtpServer() as server, worker_at(world, server.port) as worker:
        message = await asked(world, address)
        await worker.run_until_idle()
        assert server.seen == []
        assert await state_of(store, message) == "cancelled"
        await asked(world, ONE)
        await worker.run_until_idle()
        assert len(server.contents) == 1


async def test_a_slow_server_holds_up_only_the_messages_that_it_has(world: World) -> None:
    addresses = await queue_letters(world, AT_ONCE + 20)
    mailer = HeldMailer()
    held = [mailer.hold(address) for address in addresses[: AT_ONCE - 1]]
    stop = asyncio.Event()
    running = asyncio.create_task(worker_with(world, mailer).run(stop))
    await mailer.until(begun=len(addresses), taken=21)
    assert set(mailer.taken) == set(addresses[AT_ONCE - 1 :])
    for one in held:
        one.set()
    await mailer.until(taken=len(addresses))
    stop.set()
    await running
    assert mailer.at_once == AT_ONCE


async def test_messages_are_claimed_ahead_only_while_the_server_is_quick(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue_letters(world, 6 * AT_ONCE)
    sending, claimed = worker_with(world, HeldMailer())._sender, []
    for quick in (10.0, 10.0, 0.0):
        monkeypatch.setattr(sender, "_QUICK_SECONDS", quick)
        claimed.append(await sending.send_some())
        await sending.finish()
    assert claimed == [AT_ONCE, 3 * AT_ONCE, AT_ONCE]


async def test_while_there_is_no_room_nothing_more_is_claimed(world: World, store: Store) -> None:
    addresses = await queue_letters(world, AT_ONCE + 1)
    mailer = HeldMailer()
    held = [mailer.hold(address) for address in addresses]
    worker = worker_with(world, mailer)
    assert await worker._sender.send_some() == AT_ONCE
    await mailer.until(begun=AT_ONCE)
    more = asyncio.create_task(worker._sender.send_some())
    assert len(await waiting_messages(store)) == 1
    held[3].set()
    assert await more == 1
    for one in held:
        one.set()
    await worker._sender.finish()
    assert sorted(mailer.taken) == sorted(addresses)


@pytest.mark.req("I5")
async def test_a_letter_that_cannot_be_written_holds_up_no_other_and_ends_as_failed(world: World, store: Store) -> None:
    bad = Letter(to="contraseña@correo.example", canonical="x", at=0)
    async with store.transaction() as tx:
        await queue(
            world.services, tx, world.portal, Template.ADDRESS_CHANGED, bad, language="es", reference="BAAD-BAAD"
        )
    (faulty,) = await waiting_messages(store)
    addresses = await queue_letters(world, 12)
    await world.work()
    assert {recipient for mail in world.maildrop.messages() for recipient in mail.recipients} == set(addresses)
    (attempt,) = await attempts_at(store, faulty)
    assert isinstance(attempt.answer, Deferred)
    assert await state_of(store, faulty) == "queued"
    world.wait(GIVE_UP + HOUR)
    await world.work()
    assert await state_of(store, faulty) == "failed"
    assert [entry.reference for entry in await trail(store, Event.MESSAGE_FAILED)] == ["BAAD-BAAD"]


async def test_a_message_whose_key_or_portal_is_gone_is_cancelled(world: World, store: Store) -> None:
    message = await asked(world)
    lost = replace(message, id=b"1" * 16, sealed=b"\x01\x02k9" + bytes(60))
    moved = replace(message, id=b"2" * 16, portal="aduana")
    async with store.transaction() as tx:
        await tx.outbox.add(lost)
        await tx.outbox.add(moved)
    await world.work()
    assert [await state_of(store, one) for one in (message, lost, moved)] == ["sent", "cancelled", "cancelled"]
    assert len(world.maildrop.messages()) == 1
