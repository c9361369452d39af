"""The audit trail: what leaves an entry (S43), and how the seals show that one was changed (S45)."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, text

from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import add_key, create_keyring
from reclave.adapters.keyring_vault import KeyringVault
from reclave.adapters.sql.store import SqlStore
from reclave.adapters.sql.tables import audit, audit_batch
from reclave.domain.audit import Entry, Event
from reclave.domain.identifiers import nit_check_digit
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.throttle import PAUSE_AFTER, Guess
from reclave.domain.time import DAY, MINUTE
from reclave.journeys.tries import PER_CLIENT
from reclave.pages.client import client_digest
from reclave.ports.store import Store
from reclave.worker import housekeeping
from reclave.worker.housekeeping import keep_house, seal_audit, verify_audit
from tests.contracts.rows import an_entry
from tests.stores import OpenAnother
from tests.worker.post_office import NOBODY, ONE, TWO, Refusals, now, trail
from tests.world import (
    DEMO_PASSWORD,
    NEW_PASSWORD,
    World,
    code_in,
    nit,
    opened_page,
    report_link,
    temporary_passwords,
)

UNKNOWN = "900777777" + nit_check_digit("900777777")
LATEST_PASSWORD = "la lluvia cae en el patio"
FIRST = "contabilidad@nueva.example"
NEXT = "finanzas@andina.example"

WHO, WHERE, WHAT = "account", "client", "reference"


async def recovers(world: World, where: str) -> None:
    person = world.person(address=where)
    await person.ask(ONE)
    await world.work()
    await person.sign_in(nit(0), temporary_passwords(world.mails(ONE)[0])[0])
    assert opened_page(await person.register(ONE)) == "/pagos/?notice=password_changed"


async def signs_in_and_out(world: World, where: str) -> None:
    person = world.person(address=where)
    assert opened_page(await person.sign_in(nit(0), NEW_PASSWORD)) == "/pagos/cuenta"
    await person.post("/pagos/salir", {})


async def mistypes_the_password(world: World, where: str) -> None:
    await world.person(address=where).sign_in(nit(0), "no es la de esta cuenta")


async def mistypes_the_identifier(world: World, where: str) -> None:
    await world.person(address=where).sign_in(UNKNOWN, DEMO_PASSWORD)


async def asks_twice(world: World, where: str) -> None:
    person = world.person(address=where)
    for _ in range(2):
        await person.ask(TWO)
        await world.work()
        world.wait(5 * MINUTE)


async def reports_not_me(world: World, where: str) -> None:
    owner = world.person(address=where)
    await owner.get(report_link(world.mails(TWO)[0]))
    assert opened_page(await owner.post("/pagos/no-fui-yo", {"confirm": "yes"})) == "/pagos/no-fui-yo/listo"


async def asks_for_nobody(world: World, where: str) -> None:
    await world.person(address=where).ask(NOBODY)
    await world.work()


async def has_a_dead_address(world: World, where: str) -> None:
    await world.person(address=where).ask(TWO)
    await world.work()


async def signs_in_for_the_first_time(world: World, where: str) -> None:
    person = world.person(address=where)
    await person.sign_in(nit(1), world.seeded["900.200.002-8"].password)
    await person.register(FIRST)
    await world.work()
    assert (await person.post("/pagos/registro/codigo", {"code": "0000-0000"})).status_code == 422
    done = await person.post("/pagos/registro/codigo", {"code": code_in(world.mails(FIRST)[0])})
    assert done.status_code == 303


async def changes_the_password(world: World, where: str) -> None:
    person = world.person(address=where)
    await person.sign_in(nit(0), NEW_PASSWORD)
    fields = {"current": NEW_PASSWORD, "password": LATEST_PASSWORD, "confirm": LATEST_PASSWORD}
    changed = await person.post("/pagos/cuenta/contrasena", fields)
    assert opened_page(changed) == "/pagos/cuenta?notice=password_updated"


async def changes_the_address(world: World, where: str) -> None:
    person = world.person(address=where)
    await person.sign_in(nit(0), LATEST_PASSWORD)
    await person.post("/pagos/cuenta/correo", {"current": LATEST_PASSWORD, "email": NEXT})
    await world.work()
    confirmed = await person.post("/pagos/cuenta/correo/codigo", {"code": code_in(world.mails(NEXT)[0])})
    assert opened_page(confirmed) == "/pagos/cuenta?notice=address_proposed"


async def waits_for_the_address(world: World, _where: str) -> None:
    world.wait(DAY + MINUTE)
    await keep_house(world.services)
    assert (await world.account(nit(0))).address == NEXT


async def closes_other_sessions(world: World, where: str) -> None:
    await world.person().sign_in(nit(0), LATEST_PASSWORD)
    person = world.person(address=where)
    await person.sign_in(nit(0), LATEST_PASSWORD)
    await person.post("/pagos/cuenta/sesiones/cerrar-otras", {})


async def is_paused(world: World, where: str) -> None:
    subject = world.services.vault.digest("guess", "pagos", nit(3))
    async with world.services.store.transaction() as tx:
        for _ in range(PAUSE_AFTER):
            await tx.guesses.add("pagos", Guess.PASSWORD, subject)
    await world.person(address=where).sign_in(nit(3), DEMO_PASSWORD)


async def opens_the_temporary_password_again(world: World, where: str) -> None:
    secret = temporary_passwords(world.mails(TWO)[0])[0]
    before = len(await trail(world.services.store, Event.GRANT_OPENED))
    for _ in range(2):
        assert opened_page(await world.person(address=where).sign_in(nit(2), secret)) == "/pagos/registro"
    assert len(await trail(world.services.store, Event.GRANT_OPENED)) == before + 2


async def has_to_wait(world: World, where: str) -> None:
    person = world.person(address=where)
    for _ in range(10):
        await person.sign_in(nit(6), "no es la de esta cuenta")
    assert (await person.sign_in(nit(6), DEMO_PASSWORD)).status_code == 429


async def mistypes_the_current_password(world: World, where: str) -> None:
    person = world.person(address=where)
    await person.sign_in(nit(0), NEW_PASSWORD)
    fields = {"current": "no es la actual", "password": LATEST_PASSWORD, "confirm": LATEST_PASSWORD}
    assert (await person.post("/pagos/cuenta/contrasena", fields)).status_code == 422


async def sprays(world: World, where: str) -> None:
    client = client_digest(world.services.vault, ip_address(where))
    key = world.services.vault.digest("limit", "pagos", "sign_in", client)
    async with world.services.store.transaction() as tx:
        await tx.limits.take([Cost(key, PER_CLIENT, PER_CLIENT.count)])
    await world.person(address=where).sign_in(UNKNOWN, DEMO_PASSWORD)


async def types_a_wrong_and_a_right_code(world: World, where: str) -> None:
    await world.seed("compras")
    person = world.person(address=where)
    await person.post("/compras/recuperar", {"user_name": "ferreteria.sur"})
    await world.work()
    code = code_in(world.mails("ventas@ferreteriasur.example")[0])
    for typed in ("0000-0000", code):
        await person.post("/compras/recuperar/codigo", {"code": typed})


async def looks_for_user_ids(world: World, where: str) -> None:
    await world.seed("aduana")
    person = world.person(address=where)
    typed = {"find_classification": "expert", "find_identification": "XA1234567", "find_email": "perito@correo.example"}
    await person.post("/aduana/recuperar", {"action": "search", **typed})
    await person.post("/aduana/recuperar", {"action": "search", **typed, "find_identification": "XA7654321"})
    budget = world.services.vault.digest("limit", "aduana", "find_user_id", "daily_budget")
    async with world.services.store.transaction() as tx:
        await tx.limits.take([Cost(budget, Limit(500, DAY, Scope.PORTAL), 500)])
    await person.post("/aduana/recuperar", {"action": "search", **typed})


Deed = Callable[[World, str], Awaitable[None]]
DEEDS: Mapping[Deed, Mapping[Event, set[str]]] = {
    recovers: {
        Event.RECOVERY_RESOLVED: {WHERE, WHAT},
        Event.GRANT_ISSUED: {WHO, WHAT},
        Event.MESSAGE_SENT: {WHO, WHAT},
        Event.GRANT_OPENED: {WHO, WHERE, WHAT},
        Event.PASSWORD_CHANGED: {WHO, WHERE, WHAT},
    },
    signs_in_and_out: {Event.SIGN_IN_SUCCEEDED: {WHO, WHERE}, Event.SIGNED_OUT: {WHO, WHERE}},
    mistypes_the_password: {Event.SIGN_IN_REFUSED: {WHO, WHERE}},
    mistypes_the_identifier: {Event.SIGN_IN_REFUSED: {WHERE}},
    asks_twice: {Event.GRANT_RESENT: {WHO, WHAT}},
    opens_the_temporary_password_again: {Event.GRANT_OPENED: {WHO, WHERE, WHAT}},
    has_to_wait: {Event.SIGN_IN_THROTTLED: {WHO, WHERE}},
    mistypes_the_current_password: {Event.CURRENT_PASSWORD_REFUSED: {WHO, WHERE}},
    reports_not_me: {
        Event.REPORTED_NOT_ME: {WHO, WHERE, WHAT},
        Event.GRANT_ENDED: {WHO},
        Event.CASE_OPENED: {WHO, WHAT},
    },
    asks_for_nobody: {Event.RECOVERY_RESOLVED: {WHERE, WHAT}, Event.MESSAGE_CANCELLED: {WHAT}},
    has_a_dead_address: {Event.MESSAGE_FAILED: {WHO, WHAT}},
    signs_in_for_the_first_time: {
        Event.GRANT_OPENED: {WHO, WHERE, WHAT},
        Event.CODE_REFUSED: {WHO, WHERE, WHAT},
        Event.ACCOUNT_ACTIVATED: {WHO, WHERE, WHAT},
    },
    changes_the_password: {Event.PASSWORD_CHANGED: {WHO, WHERE, WHAT}, Event.SESSIONS_ENDED: {WHO}},
    changes_the_address: {Event.ADDRESS_CHANGE_ASKED: {WHO, WHERE, WHAT}},
    waits_for_the_address: {Event.ADDRESS_CHANGED: {WHO, WHAT}},
    closes_other_sessions: {Event.SESSIONS_ENDED: {WHO, WHERE}},
    is_paused: {Event.SIGN_IN_THROTTLED: {WHO, WHERE}},
    sprays: {Event.SPRAY_SUSPECTED: {WHERE}},
    types_a_wrong_and_a_right_code: {
        Event.CODE_REFUSED: {WHERE},
        Event.CODE_ACCEPTED: {WHO, WHERE, WHAT},
    },
    looks_for_user_ids: {
        Event.USER_ID_FOUND: {WHO, WHERE},
        Event.USER_ID_NOT_FOUND: {WHERE},
        Event.USER_ID_BUDGET_SPENT: {WHERE},
    },
}
"""What people do, in this order, and the events that each leaves with what they must tell at least."""


BY_OPERATORS = {
    Event.ACCOUNTS_IMPORTED,
    Event.ACCOUNT_DISABLED,
    Event.ACCOUNT_ENABLED,
    Event.ACCOUNT_UNLOCKED,
    Event.ACCOUNT_REVEALED,
    Event.ACCOUNT_EXPORTED,
    Event.ACCOUNT_ERASED,
    Event.RESET_FORCED,
    Event.MESSAGE_RETRIED,
    Event.JOURNEY_PAUSED,
    Event.JOURNEY_RESUMED,
    Event.BANNER_SET,
    Event.BANNER_CLEARED,
    Event.KEY_ADDED,
    Event.KEY_RETIRED,
    Event.DATABASE_RESTORED,
}
"""What operators do: tests/operations and tests/cli show the entries that it leaves."""


def faults_of(entry: Entry, told: set[str], client: bytes, since: int, until: int) -> list[str]:
    """What is missing or wrong in an entry."""
    wrong = [name for name in told if not getattr(entry, name)]
    if WHERE in told and entry.client != client:
        wrong.append("another client")
    if not since <= entry.at <= until:
        wrong.append("another time")
    return wrong


@pytest.mark.req("S43")
async def test_every_event_of_sign_in_and_recovery_leaves_an_entry_with_when_who_where_and_the_reference(
    world: World, store: Store, refusals: Refusals
) -> None:
    found: list[object] = []
    for number, (deed, events) in enumerate(DEEDS.items()):
        where = f"198.51.100.{number}"
        if deed is has_a_dead_address:
            refusals.answers[TWO] = ["550 5.1.1 no such user"] * 9
        earlier, since = len(await trail(store)), await now(store)
        await deed(world, where)
        left = (await trail(store))[earlier:]
        client, until = client_digest(world.services.vault, ip_address(where)), await now(store)
        for event, told in events.items():
            entries = [entry for entry in left if entry.event is event]
            if not entries:
                found.append((deed.__name__, event, "no entry"))
            found += [
                (deed.__name__, event, wrong)
                for entry in entries
                if (wrong := faults_of(entry, told, client, since, until))
            ]
        world.wait(31 * MINUTE)
    assert found == []
    assert {event for events in DEEDS.values() for event in events} == set(Event) - BY_OPERATORS


@pytest.mark.req("S43")
async def test_an_entrys_instant_is_utc(world: World, store: Store) -> None:
    await mistypes_the_password(world, "198.51.100.1")
    (entry,) = await trail(store, Event.SIGN_IN_REFUSED)
    assert abs(entry.at - time.time_ns() // 1000) < 5 * MINUTE


async def add(store: Store, count: int) -> None:
    """Add so many entries, each in a transaction of its own."""
    for number in range(count):
        async with store.transaction() as tx:
            await tx.audit.add(an_entry(reference=f"{number:08}"))


@pytest.mark.req("S45")
async def test_seals_cover_every_entry_once_and_fit_what_was_written(world: World, store: Store) -> None:
    assert await seal_audit(world.services) == len(await trail(store))
    for count in (3, 1, 4):
        await add(store, count)
        assert await seal_audit(world.services) == count
    assert await seal_audit(world.services) == 0
    await add(store, 2)
    sealed = len(await trail(store)) - 2
    assert await verify_audit(world.services) == (sealed, None)
    async with store.reading() as tx:
        assert len(await tx.audit.batches()) == 4


@pytest.mark.req("S45")
async def test_housekeeping_seals_all_there_is_however_much_it_is(
    world: World, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "_SEALED_AT_ONCE", 5)
    await add(store, 13)
    while await keep_house(world.services):
        pass
    assert await verify_audit(world.services) == (len(await trail(store)), None)


@pytest.mark.req("S45")
async def test_two_workers_that_seal_at_once_seal_each_entry_once(
    world: World, store: Store, open_another: OpenAnother
) -> None:
    other = replace(world.services, store=await open_another())
    await add(store, 6)
    await asyncio.gather(*(seal_audit(services) for services in (world.services, other) * 3), add(store, 6))
    await seal_audit(world.services)
    assert await verify_audit(world.services) == (len(await trail(store)), None)


@pytest.mark.req("S45")
async def test_seals_still_fit_after_the_keys_were_changed(world: World, store: Store) -> None:
    await add(store, 3)
    await seal_audit(world.services)
    add_key(world.wired.settings.keyring, SystemEntropy(), await now(store))
    world.services.vault.reload()
    await add(store, 3)
    await seal_audit(world.services)
    async with store.reading() as tx:
        assert [batch.key_id for batch in await tx.audit.batches()] == ["k1", "k2"]
    assert await verify_audit(world.services) == (len(await trail(store)), None)


on_a_database = pytest.mark.parametrize("open_another", ["sqlite", "postgresql"], indirect=True)


async def sealed(world: World) -> list[int]:
    """Seal three batches of three entries; the numbers of the entries."""
    store = world.services.store
    before = len(await trail(store))
    await seal_audit(world.services)
    for _ in range(3):
        await add(store, 3)
        await seal_audit(world.services)
    assert await verify_audit(world.services) == (before + 9, None)
    async with store.reading() as tx:
        return [number for number, _ in await tx.audit.read(after=0, limit=100)][before:]


async def tamper(store: Store, *statements: str, **values: Any) -> None:
    """Write to the database as somebody would who has its password; each statement changes one row."""
    assert isinstance(store, SqlStore)
    async with store.database.writing() as (connection, _):
        for statement in statements:
            named = {name: value for name, value in values.items() if f":{name}" in statement}
            assert (await connection.execute(text(statement), named)).rowcount == 1


@asynccontextmanager
async def tampered(store: Store, *statements: str, **values: Any) -> AsyncIterator[None]:
    """The same, undone after the block."""
    assert isinstance(store, SqlStore)
    kept = {}
    async with store.database.reading() as (connection, _):
        for table in (audit, audit_batch):
            kept[table] = [row._asdict() for row in await connection.execute(select(table))]
    await tamper(store, *statements, **values)
    yield
    async with store.database.writing() as (connection, _):
        for table, rows in kept.items():
            await connection.execute(delete(table))
            await connection.execute(insert(table), rows)


@on_a_database
@pytest.mark.req("S45")
async def test_an_edited_entry_is_found_whichever_column_it_is(world: World, store: Store) -> None:
    numbers = await sealed(world)
    edits = (
        "UPDATE audit SET event = 'sign_in_refused' WHERE number = :number",
        "UPDATE audit SET account = 'account-2' WHERE number = :number",
        "UPDATE audit SET account = NULL WHERE number = :number",
        "UPDATE audit SET client = :other WHERE number = :number",
        "UPDATE audit SET reference = 'ABCD-EF13' WHERE number = :number",
        "UPDATE audit SET detail = '{}' WHERE number = :number",
        "UPDATE audit SET at = at + 1 WHERE number = :number",
        "UPDATE audit SET portal = 'aduana' WHERE number = :number",
    )
    for edit in edits:
        async with tampered(store, edit, number=numbers[4], other=b"elsewhere"):
            covered, wrong = await verify_audit(world.services)
        assert (edit, covered) == (edit, len(await trail(store)) - 6)
        assert f"{numbers[3]} to {numbers[5]}" in (wrong or ""), edit
        assert (await verify_audit(world.services))[1] is None


@on_a_database
@pytest.mark.req("S45")
async def test_a_removed_entry_is_found_wherever_it_was(world: World, store: Store) -> None:
    numbers = await sealed(world)
    for place in (0, 4, 8):
        async with tampered(store, "DELETE FROM audit WHERE number = :number", number=numbers[place]):
            _, wrong = await verify_audit(world.services)
        first = place // 3 * 3
        assert f"{numbers[first]} to {numbers[first + 2]}" in (wrong or ""), place


PUT_IN = (
    "INSERT INTO audit (number, portal, event, account, client, reference, detail, at)"
    " SELECT :new, portal, event, account, client, reference, detail, at FROM audit WHERE number = :old"
)


@on_a_database
@pytest.mark.req("S45")
async def test_an_entry_that_was_put_in_is_found_in_a_gap_and_before_the_first(world: World, store: Store) -> None:
    await add(store, 3)
    async with store.reading() as tx:
        gap = [number for number, _ in await tx.audit.read(after=0, limit=100)][-2]
    await tamper(store, "DELETE FROM audit WHERE number = :gap", gap=gap)
    numbers = await sealed(world)
    for new in (gap, 0, -7):
        async with tampered(store, PUT_IN, new=new, old=numbers[0]):
            _, wrong = await verify_audit(world.services)
        assert (wrong or "").startswith("batch 1 "), new


@on_a_database
@pytest.mark.req("S45")
async def test_entries_that_changed_places_are_found(world: World, store: Store) -> None:
    numbers = await sealed(world)
    swap = (
        "UPDATE audit SET number = -1 WHERE number = :one",
        "UPDATE audit SET number = :one WHERE number = :other",
        "UPDATE audit SET number = :other WHERE number = -1",
    )
    async with tampered(store, *swap, one=numbers[3], other=numbers[4]):
        _, wrong = await verify_audit(world.services)
    assert f"{numbers[3]} to {numbers[5]}" in (wrong or "")


@on_a_database
@pytest.mark.req("S45")
async def test_a_changed_or_missing_seal_is_found(world: World, store: Store) -> None:
    await sealed(world)
    changes = (
        "UPDATE audit_batch SET seal = :forged WHERE number = 2",
        "UPDATE audit_batch SET last = last + 1 WHERE number = 2",
        "UPDATE audit_batch SET key_id = 'k7' WHERE number = 2",
        "UPDATE audit_batch SET number = 9 WHERE number = 2",
        "DELETE FROM audit_batch WHERE number = 1",
        "DELETE FROM audit_batch WHERE number = 2",
    )
    for change in changes:
        async with tampered(store, change, forged=bytes(32)):
            _, wrong = await verify_audit(world.services)
        assert wrong is not None, change


@on_a_database
@pytest.mark.req("S45")
async def test_whoever_has_another_keyring_can_make_no_seal_that_fits(
    world: World, store: Store, tmp_path: Path
) -> None:
    await sealed(world)
    await add(store, 3)
    create_keyring(tmp_path / "forger", SystemEntropy(), await now(store))
    forger = replace(world.services, vault=KeyringVault(tmp_path / "forger", SystemEntropy()))
    assert await seal_audit(forger) == 3
    assert "batch 5 " in ((await verify_audit(world.services))[1] or "")
