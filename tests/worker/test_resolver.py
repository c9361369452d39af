"""Resolving: each request once, in any order, at the same cost for known and unknown (invariants 1 and 5)."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from reclave.domain.audit import Event
from reclave.domain.grants import Purpose
from reclave.domain.intake import Admission, Intake, Outcome
from reclave.domain.time import MINUTE, SECOND
from reclave.pages.mail import Post
from reclave.ports.mailer import Envelope
from reclave.ports.store import Store, Transaction
from reclave.worker import resolver
from reclave.worker.resolver import BATCH, LEASE
from tests.contracts.rows import a_request
from tests.stores import OpenAnother
from tests.worker.post_office import (
    DISABLED,
    NOBODY,
    ONE,
    PENDING,
    TWO,
    HeldMailer,
    trail,
    waiting_intakes,
    worker_with,
)
from tests.world import World, nit, opened_page, said, temporary_passwords

_REFERENCE = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")


async def outcome(store: Store, intake: Intake) -> Outcome | None:
    async with store.reading() as tx:
        found = await tx.intakes.get(intake.portal, intake.id)
    assert found is not None
    return found.outcome


async def claim(store: Store, limit: int = 1) -> list[Intake]:
    """Claim as a worker that is never heard of again."""
    async with store.transaction() as tx:
        return await tx.intakes.claim(limit=limit, lease=LEASE)


class WatchedStore:
    """Writes down each transaction that was committed, and each that read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.done: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._store.transaction() as tx:
            yield tx
        self.done.append("committed")

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        async with self._store.reading() as tx:
            yield tx
        self.done.append("read")


@pytest.mark.req("S43", "S50")
@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (ONE, Outcome.SENT),
        (TWO, Outcome.SENT),
        (NOBODY, Outcome.NO_MATCH),
        (PENDING, Outcome.NO_MATCH),
        (DISABLED, Outcome.NO_MATCH),
    ],
)
async def test_a_resolved_request_keeps_its_outcome_and_loses_its_fields_and_the_trail_says_so(
    world: World, store: Store, address: str, expected: Outcome
) -> None:
    person = world.person()
    await person.ask(address)
    page = await person.get("/pagos/recuperar/enviada")
    (intake,) = await waiting_intakes(store)
    assert intake.sealed_fields
    await world.worker.resolve()
    async with store.reading() as tx:
        resolved = await tx.intakes.get("pagos", intake.id)
        after = tx.now
    assert resolved is not None
    assert (resolved.outcome, resolved.sealed_fields) == (expected, None)
    (entry,) = await trail(store, Event.RECOVERY_RESOLVED)
    assert (entry.client, entry.reference) == (intake.client, intake.reference)
    assert entry.client
    assert intake.accepted_at <= entry.at <= after
    assert entry.detail == {"journey": "temporary_password", "outcome": expected}
    assert intake.reference in _REFERENCE.findall(page.text)


async def test_the_mail_carries_the_reference_that_the_page_shows(world: World) -> None:
    person = world.person()
    await person.ask(ONE)
    page = await person.get("/pagos/recuperar/enviada")
    await world.work()
    (mail,) = world.mails(ONE)
    (shown,) = set(_REFERENCE.findall(said(mail)))
    assert shown in _REFERENCE.findall(page.text)
    assert shown in mail.subject


@pytest.mark.req("S1")
async def test_a_request_commits_as_often_and_renders_as_much_for_known_and_unknown(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = 0
    compose = Post.compose

    def counted(*given: object, **named: object) -> Envelope:
        nonlocal rendered
        rendered += 1
        return compose(*given, **named)  # type: ignore[arg-type]  # handed on as given

    monkeypatch.setattr(Post, "compose", counted)
    watched = WatchedStore(store)
    worker = worker_with(world, HeldMailer(), watched)
    work = {}
    for address in (ONE, TWO, NOBODY, PENDING, DISABLED):
        watched.done.clear()
        rendered = 0
        await world.person().ask(address)
        await worker.run_until_idle()
        work[address] = (rendered, Counter(watched.done), tuple(watched.done))
    assert work[ONE][0] == 1
    assert work[ONE][1]["committed"] >= 4
    assert {address for address, one in work.items() if one != work[ONE]} == set()


@pytest.mark.req("I5")
async def test_two_workers_at_once_resolve_each_request_once(world: World, open_another: OpenAnother) -> None:
    addresses = [ONE, TWO, *(f"nadie{number}@nada.example" for number in range(20))]
    for address in addresses:
        await world.person().ask(address)
    store = world.services.store
    references = [intake.reference for intake in await waiting_intakes(store)]
    workers = [worker_with(world, HeldMailer()), worker_with(world, HeldMailer(), await open_another())]
    await asyncio.gather(*(worker.resolve() for worker in workers))
    assert await waiting_intakes(store) == []
    resolved = await trail(store, Event.RECOVERY_RESOLVED)
    assert sorted(entry.reference for entry in resolved) == sorted(references)
    issued = Counter(entry.detail["purpose"] for entry in await trail(store, Event.GRANT_ISSUED))
    assert issued[Purpose.SET_PASSWORD] == 3


@pytest.mark.req("I5")
async def test_what_a_dead_worker_had_claimed_is_resolved_after_its_lease_and_its_late_work_leaves_nothing(
    world: World, store: Store
) -> None:
    await world.person().ask(ONE)
    (dead,) = await claim(store)
    assert await world.worker.resolve() == 0
    world.wait(LEASE + SECOND)
    assert await world.worker.resolve() == 1
    before = await trail(store)
    with capture_logs() as logs:
        await resolver._resolve(world.services, dead)
    assert [line["event"] for line in logs] == ["lease_lost"]
    assert await trail(store) == before
    assert await outcome(store, dead) is Outcome.SENT
    await world.work()
    assert len(world.mails(ONE)) == 1


@pytest.mark.req("I1", "I5")
async def test_claims_come_out_of_order_and_the_older_request_changes_nothing(world: World, store: Store) -> None:
    await world.person().ask(ONE)
    world.wait(5 * MINUTE)
    await world.person().ask(ONE)
    older, newer = await claim(store, limit=2)
    assert older.accepted_at < newer.accepted_at
    await resolver._resolve(world.services, newer)
    await resolver._resolve(world.services, older)
    assert await outcome(store, newer) is Outcome.SENT
    assert await outcome(store, older) is Outcome.COALESCED
    await world.work()
    (mail,) = world.mails(ONE)
    assert newer.reference in said(mail)
    (secret,) = temporary_passwords(mail)
    assert opened_page(await world.person().sign_in(nit(0), secret)) == "/pagos/registro"


@pytest.mark.req("I5")
async def test_a_request_that_cannot_be_resolved_keeps_nobody_waiting_who_stands_behind_it(
    world: World, store: Store
) -> None:
    broken = a_request(reference="BAAD-BAAD")
    sealed = world.services.vault.seal("intake", b"no JSON", broken.id)
    assert await store.accept(replace(broken, sealed_fields=sealed)) is Admission.ACCEPTED
    world.wait(SECOND)
    await world.person().ask(ONE)
    with pytest.raises(ExceptionGroup) as raised:
        await world.worker.resolve()
    (fault,) = raised.value.exceptions
    assert "BAAD-BAAD" in fault.__notes__[0]
    await world.work()
    assert len(world.mails(ONE)) == 1
    assert [entry.reference for entry in await trail(store, Event.RECOVERY_RESOLVED)] == [
        mail.subject[-9:] for mail in world.mails(ONE)
    ]


async def test_a_request_of_a_portal_journey_or_key_that_is_gone_is_stale(world: World, store: Store) -> None:
    gone = [
        a_request(portal="aduana", reference="G0NE-P0RT"),
        a_request(journey="reset_link", reference="G0NE-J0VR"),
        a_request(sealed_fields=b"\x01\x02k9" + bytes(60), reference="G0NE-KEYS"),
    ]
    for request in gone:
        assert await store.accept(request) is Admission.ACCEPTED
    assert await world.work() == len(gone)
    for request in gone:
        async with store.reading() as tx:
            found = await tx.intakes.get(request.portal, request.id)
        assert found is not None
        assert (found.outcome, found.sealed_fields) == (Outcome.STALE, None)
    assert world.maildrop.messages() == []


async def test_more_requests_than_a_batch_are_resolved_oldest_first(world: World, store: Store) -> None:
    for number in range(BATCH + 3):
        await world.person(address=f"203.0.113.{number}").ask(f"nadie{number}@nada.example")
        world.wait(1)
    expected = [intake.reference for intake in await waiting_intakes(store)]
    assert await world.worker.resolve() == BATCH
    assert [intake.reference for intake in await waiting_intakes(store)] == expected[BATCH:]
    assert await world.worker.resolve() == 3
    assert [entry.reference for entry in await trail(store, Event.RECOVERY_RESOLVED)] == expected
