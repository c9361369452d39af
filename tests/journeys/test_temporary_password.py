"""Recovery by a temporary password: P4–P8, invariants 1, 2 and 7."""

import asyncio
import re

import pytest

from reclave.domain.intake import Outcome
from reclave.domain.time import HOUR, MINUTE
from reclave.worker.resolver import LEASE
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, World, nit, opened_page, said, temporary_passwords

ONE = "tesoreria@andina.example"
TWO = "pagos@grupo.example"


async def recovered(world: World, address: str = ONE) -> str:
    """Ask, let the worker work, and read the temporary password."""
    await world.person().ask(address)
    await world.work()
    return temporary_passwords(world.mails(address)[0])[0]


@pytest.mark.req("S1", "I1")
async def test_the_waiting_page_is_the_same_for_known_and_unknown_but_for_address_and_reference(
    world: World,
) -> None:
    pages = []
    for address in (ONE, "nadie@andina.example", "nueva@pendiente.example", "antigua@cerrada.example"):
        person = world.person()
        answered = await person.ask(address)
        assert answered.status_code == 303
        page = await person.get("/pagos/recuperar/enviada")
        body = page.text.replace(address, "ADDRESS")
        pages.append((page.status_code, sorted(page.headers.keys()), re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "REF", body)))
    assert all(page == pages[0] for page in pages)


@pytest.mark.statement("P6")
async def test_one_address_with_two_accounts_gets_one_mail_with_a_password_for_each(world: World) -> None:
    await world.person().ask(TWO)
    await world.work()
    (mail,) = world.mails(TWO)
    first, second = temporary_passwords(mail)
    assert first != second
    assert "900.300.003-4" in said(mail)
    assert "900.300.011-3" in (mail.html or "")
    for identifier, secret in ((nit(2), first), (nit(3), second)):
        signed_in = await world.person().sign_in(identifier, secret)
        assert opened_page(signed_in) == "/pagos/registro"
    assert (await world.person().sign_in(nit(2), second)).status_code == 422


@pytest.mark.req("S3", "I1")
@pytest.mark.statement("B3")
async def test_a_strangers_request_changes_nothing_the_old_password_still_works(world: World) -> None:
    await recovered(world)
    assert opened_page(await world.person().sign_in(nit(0), DEMO_PASSWORD)) == "/pagos/cuenta"


@pytest.mark.parametrize("address", ["nadie@nada.example", "nueva@pendiente.example", "antigua@cerrada.example"])
@pytest.mark.req("S1", "S5")
async def test_unknown_pending_and_disabled_accounts_get_no_mail(world: World, address: str) -> None:
    await world.person().ask(address)
    await world.work()
    assert world.maildrop.messages() == []


@pytest.mark.statement("P8")
@pytest.mark.req("S10", "S14", "S21")
async def test_the_temporary_password_opens_only_the_change_and_works_once(world: World) -> None:
    secret = await recovered(world)
    person = world.person()
    assert opened_page(await person.sign_in("900.100.001-1", secret)) == "/pagos/registro"
    for closed in ("/pagos/cuenta", "/pagos/cuenta/contrasena", "/pagos/cuenta/correo"):
        assert opened_page(await person.get(closed)) == "/pagos/?notice=session_ended"
    await person.sign_in("900.100.001-1", secret)
    assert opened_page(await person.register(ONE)) == "/pagos/?notice=password_changed"
    assert opened_page(await person.get("/pagos/registro")) == "/pagos/?notice=session_ended"
    assert opened_page(await person.sign_in(nit(0), NEW_PASSWORD)) == "/pagos/cuenta"
    assert (await world.person().sign_in(nit(0), DEMO_PASSWORD)).status_code == 422
    again = await world.person().sign_in(nit(0), secret)
    assert again.status_code == 422
    assert "ya se usó" in again.text


async def test_after_the_change_a_notice_without_the_secret_goes_to_the_registered_address(
    world: World,
) -> None:
    secret = await recovered(world)
    person = world.person()
    await person.sign_in(nit(0), secret)
    await person.register(ONE)
    await world.work()
    notice = world.mails(ONE)[0]
    assert "Se cambió la contraseña" in said(notice)
    assert NEW_PASSWORD not in said(notice)
    assert not temporary_passwords(notice)


async def test_the_temporary_password_can_be_come_back_to_until_it_is_used(world: World) -> None:
    secret = await recovered(world)
    for _ in range(2):
        person = world.person()
        assert opened_page(await person.sign_in(nit(0), secret)) == "/pagos/registro"
        assert (await person.get("/pagos/registro")).status_code == 200


async def test_an_expired_temporary_password_says_so_and_offers_a_new_one(world: World) -> None:
    secret = await recovered(world)
    world.wait(HOUR + MINUTE)
    answered = await world.person().sign_in(nit(0), secret)
    assert answered.status_code == 422
    assert "venció" in answered.text
    assert "/pagos/recuperar" in answered.text


@pytest.mark.req("S4")
async def test_asking_again_within_the_cooldown_sends_nothing_and_says_so_to_everybody(world: World) -> None:
    await world.person().ask(ONE)
    second = world.person(address="198.51.100.9")
    await second.ask(ONE)
    stranger = world.person()
    await stranger.ask("nadie@nada.example")
    await stranger.ask("nadie@nada.example")
    await world.work()
    assert len(world.mails(ONE)) == 1
    for person in (second, stranger):
        assert "no enviamos nada nuevo" in (await person.get("/pagos/recuperar/enviada")).text


@pytest.mark.req("I1")
async def test_after_the_cooldown_the_same_live_password_is_sent_again_in_a_new_mail(world: World) -> None:
    first = await recovered(world)
    world.wait(5 * MINUTE)
    assert await recovered(world) == first
    newest, oldest = world.mails(ONE)
    assert newest.message_id != oldest.message_id


async def test_a_nearly_ended_password_that_nobody_opened_is_replaced_and_then_says_so(world: World) -> None:
    first = await recovered(world)
    world.wait(45 * MINUTE)
    second = await recovered(world)
    assert second != first
    assert "reemplaz" in (await world.person().sign_in(nit(0), first)).text
    assert opened_page(await world.person().sign_in(nit(0), second)) == "/pagos/registro"


async def test_a_nearly_ended_password_that_was_opened_lives_on(world: World) -> None:
    first = await recovered(world)
    world.wait(45 * MINUTE)
    await world.person().sign_in(nit(0), first)
    assert await recovered(world) == first
    world.wait(30 * MINUTE)
    assert opened_page(await world.person().sign_in(nit(0), first)) == "/pagos/registro"


@pytest.mark.req("S4", "I1")
async def test_over_the_limit_no_more_mail_goes_out_and_the_live_password_keeps_working(world: World) -> None:
    secret = await recovered(world)
    for _ in range(12):
        world.wait(3 * MINUTE)
        await world.person().ask(ONE)
        await world.work()
    sent = len(world.mails(ONE))
    assert sent < 12
    latest = temporary_passwords(world.mails(ONE)[0])[0]
    assert opened_page(await world.person().sign_in(nit(0), latest)) == "/pagos/registro"
    assert secret


@pytest.mark.req("S10", "I2")
async def test_of_a_hundred_redemptions_at_once_exactly_one_wins(world: World) -> None:
    secret = await recovered(world)
    people = [world.person() for _ in range(10)]
    for person in people:
        await person.sign_in(nit(0), secret)
    attempts = [person.register(ONE, f"montaña verde con nubes {number}") for number, person in enumerate(people * 10)]
    answers = await asyncio.gather(*attempts)
    done = [answer for answer in answers if opened_page(answer) == "/pagos/?notice=password_changed"]
    assert len(done) == 1


async def test_two_tabs_the_second_one_is_told_that_it_was_used(world: World) -> None:
    secret = await recovered(world)
    one, other = world.person(), world.person()
    await one.sign_in(nit(0), secret)
    await other.sign_in(nit(0), secret)
    await one.register(ONE)
    late = await other.register(ONE, "otra frase bien distinta")
    assert opened_page(late) == "/pagos/?notice=session_ended"


@pytest.mark.req("I5")
async def test_an_older_request_resolved_later_replaces_nothing(world: World) -> None:
    await world.person().ask(ONE)
    world.wait(5 * MINUTE)
    await world.person().ask(ONE)
    async with world.services.store.transaction() as tx:
        (older,) = await tx.intakes.claim(limit=1, lease=LEASE)
    await world.work()
    (newer,) = temporary_passwords(world.mails(ONE)[0])
    world.wait(LEASE + MINUTE)
    await world.work()
    assert len(world.mails(ONE)) == 1
    async with world.services.store.reading() as tx:
        resolved = await tx.intakes.get("pagos", older.id)
    assert resolved is not None
    assert resolved.outcome is Outcome.COALESCED
    assert opened_page(await world.person().sign_in(nit(0), newer)) == "/pagos/registro"


async def test_a_change_of_password_ends_the_temporary_one(world: World) -> None:
    secret = await recovered(world)
    owner = world.person()
    await owner.sign_in(nit(0), DEMO_PASSWORD)
    changed = await owner.post(
        "/pagos/cuenta/contrasena",
        {"current": DEMO_PASSWORD, "password": NEW_PASSWORD, "confirm": NEW_PASSWORD},
    )
    assert opened_page(changed) == "/pagos/cuenta?notice=password_updated"
    assert "reemplaz" in (await world.person().sign_in(nit(0), secret)).text


@pytest.mark.req("S2")
async def test_a_dead_mail_server_cannot_be_seen_by_the_person_who_asks(world: World) -> None:
    answered = await world.person().ask(ONE)
    assert answered.status_code == 303
    assert opened_page(answered) == "/pagos/recuperar/enviada"
