"""«Mi cuenta»: change of password and address, own sessions, last sign-ins."""

import re

import pytest

from reclave.domain.time import DAY, HOUR, MINUTE
from reclave.worker.housekeeping import keep_house
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, Person, World, code_in, nit, opened_page, report_link, said

ONE = "tesoreria@andina.example"
NEW = "finanzas@andina.example"


async def signed_in(world: World, *, address: str = "203.0.113.7") -> Person:
    """Someone at «Mi cuenta»."""
    person = world.person(address=address)
    assert opened_page(await person.sign_in(nit(0), DEMO_PASSWORD)) == "/pagos/cuenta"
    return person


async def test_the_page_shows_the_account_its_sessions_and_the_last_sign_ins(world: World) -> None:
    await world.person().sign_in(nit(0), "no es la de esta cuenta")
    person = await signed_in(world)
    page = await person.get("/pagos/cuenta")
    assert page.status_code == 200
    for shown in ("900.100.001-1", ONE, "Chrome · Android", "Ingreso correcto", "Intento fallido"):
        assert shown in page.text
    assert "203.0.113.7" not in page.text


@pytest.mark.req("S18", "S21")
async def test_a_change_needs_the_current_password_ends_other_sessions_and_tells_the_owner(
    world: World,
) -> None:
    other, person = await signed_in(world, address="198.51.100.1"), await signed_in(world)
    fields = {"current": "no es la actual", "password": NEW_PASSWORD, "confirm": NEW_PASSWORD}
    assert (await person.post("/pagos/cuenta/contrasena", fields)).status_code == 422
    changed = await person.post("/pagos/cuenta/contrasena", fields | {"current": DEMO_PASSWORD})
    assert opened_page(changed) == "/pagos/cuenta?notice=password_updated"
    assert (await person.get("/pagos/cuenta")).status_code == 200
    assert opened_page(await other.get("/pagos/cuenta")) == "/pagos/?notice=session_ended"
    await world.work()
    assert "Se cambió la contraseña" in said(world.mails(ONE)[0])


@pytest.mark.req("S29")
async def test_a_session_can_be_ended_from_another_one(world: World) -> None:
    other, person = await signed_in(world, address="198.51.100.1"), await signed_in(world)
    page = await person.get("/pagos/cuenta")
    digests = re.findall(r'name="session" value="([^"]+)"', page.text)
    assert len(digests) == 2
    ended = await person.post("/pagos/cuenta/sesiones/cerrar-otras", {})
    assert opened_page(ended) == "/pagos/cuenta?notice=sessions_ended"
    assert opened_page(await other.get("/pagos/cuenta")) == "/pagos/?notice=session_ended"
    assert (await person.get("/pagos/cuenta")).status_code == 200


@pytest.mark.req("S35", "S31")
async def test_a_new_address_needs_password_and_code_waits_and_the_old_one_is_told(world: World) -> None:
    person = await signed_in(world)
    fields = {"current": DEMO_PASSWORD, "email": NEW}
    assert opened_page(await person.post("/pagos/cuenta/correo", fields)) == "/pagos/cuenta/correo/codigo"
    await world.work()
    code = code_in(world.mails(NEW)[0])
    done = await person.post("/pagos/cuenta/correo/codigo", {"code": code})
    assert opened_page(done) == "/pagos/cuenta?notice=address_proposed"
    assert (await world.account(nit(0))).address == ONE
    await world.work()
    assert "f•••@a•••.example" in said(world.mails(ONE)[0])
    world.wait(DAY + MINUTE)
    await keep_house(world.services)
    await world.work()
    assert (await world.account(nit(0))).address == NEW
    await world.person().ask(NEW)
    await world.work()
    assert "Contraseña temporal" in world.mails(NEW)[0].subject


@pytest.mark.req("S35")
@pytest.mark.statement("B4")
async def test_the_old_address_can_stop_the_change_while_it_waits(world: World) -> None:
    person = await signed_in(world)
    await person.post("/pagos/cuenta/correo", {"current": DEMO_PASSWORD, "email": NEW})
    await world.work()
    await person.post("/pagos/cuenta/correo/codigo", {"code": code_in(world.mails(NEW)[0])})
    await world.work()
    owner = world.person()
    await owner.get(report_link(world.mails(ONE)[0]))
    reported = await owner.post("/pagos/no-fui-yo", {"confirm": "yes"})
    assert opened_page(reported) == "/pagos/no-fui-yo/listo"
    world.wait(2 * DAY)
    await keep_house(world.services)
    assert (await world.account(nit(0))).address == ONE
    assert opened_page(await person.get("/pagos/cuenta")) == "/pagos/?notice=session_ended"


async def test_the_registered_address_is_not_taken_for_a_new_one(world: World) -> None:
    person = await signed_in(world)
    answered = await person.post("/pagos/cuenta/correo", {"current": DEMO_PASSWORD, "email": ONE.upper()})
    assert answered.status_code == 422


async def test_an_account_without_address_registers_one_at_once(world: World) -> None:
    person = world.person()
    await person.sign_in(nit(6), DEMO_PASSWORD)
    await person.post("/pagos/cuenta/correo", {"current": DEMO_PASSWORD, "email": NEW})
    await world.work()
    await person.post("/pagos/cuenta/correo/codigo", {"code": code_in(world.mails(NEW)[0])})
    assert (await world.account(nit(6))).address == NEW


@pytest.mark.req("S31")
async def test_the_current_password_cannot_be_guessed_from_a_stolen_session(world: World) -> None:
    person = await signed_in(world)
    fields = {"current": "no es", "password": NEW_PASSWORD, "confirm": NEW_PASSWORD}
    for _ in range(10):
        await person.post("/pagos/cuenta/contrasena", fields)
    held = await person.post("/pagos/cuenta/contrasena", fields | {"current": DEMO_PASSWORD})
    assert held.status_code == 422
    world.wait(HOUR // 2 - MINUTE)
    await person.get("/pagos/cuenta")
    freed = await person.post("/pagos/cuenta/contrasena", fields | {"current": DEMO_PASSWORD})
    assert opened_page(freed) == "/pagos/cuenta?notice=password_updated"
