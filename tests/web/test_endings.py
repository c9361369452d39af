"""Until when a page can be finished: said before the end, by what counts, with or without scripts (WCAG 2.2, 2.2.1)."""

import re

import msgspec
import pytest

from reclave.domain.time import HOUR, MINUTE, SECOND
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, Person, World, nit, reset_link, temporary_passwords

pytestmark = pytest.mark.req("B1")

ACCOUNT = "/pagos/cuenta"
ADDRESS = "tesoreria@andina.example"


async def kept(person: Person, path: str) -> tuple[str, int, bool]:
    """What a page says of its end, how many seconds are left, and whether a press of a button makes them more."""
    page = (await person.get(path)).text
    said, left = re.search(r'id="kept" role="status">([^<]+)<', page), re.search(r'data-left="(\d+)"', page)
    assert said, page
    assert left, page
    return said[1], int(left[1]), '<button type="button">' in page


async def test_a_session_says_when_it_ends_if_nothing_is_done_and_each_request_moves_the_end(world: World) -> None:
    person = world.person()
    await person.sign_in(nit(0), DEMO_PASSWORD)
    for path in (ACCOUNT, "/pagos/cuenta/contrasena", "/pagos/cuenta/correo"):
        said, left, extends = await kept(person, path)
        assert said.startswith("Si no hace nada, su sesión termina a las "), path
        assert said.endswith(" (hora de Colombia)."), path
        assert (left, extends) == (30 * 60, True), path
    world.wait(20 * MINUTE)
    assert (await kept(person, ACCOUNT))[1] == 30 * 60
    world.wait(29 * MINUTE)
    assert (await person.get(ACCOUNT)).status_code == 200


async def test_within_a_minute_the_end_that_is_said_is_the_one_that_counts(world: World) -> None:
    person = world.person()
    await person.sign_in(nit(0), DEMO_PASSWORD)
    world.wait(50 * SECOND)
    assert (await kept(person, ACCOUNT))[1] == 30 * 60 - 50
    world.wait(30 * MINUTE - 50 * SECOND - 1)
    assert (await person.get(ACCOUNT)).status_code == 200


async def test_the_longest_life_of_a_session_cannot_be_moved_and_no_button_says_so(world: World) -> None:
    person = world.person()
    await person.sign_in(nit(0), DEMO_PASSWORD)
    for _ in range(47):
        world.wait(15 * MINUTE)
        assert (await person.get(ACCOUNT)).status_code == 200
    said, left, extends = await kept(person, ACCOUNT)
    assert (said.startswith("Tiene hasta el "), left, extends) == (True, 15 * 60, False)
    world.wait(15 * MINUTE)
    ended = await person.get(ACCOUNT)
    assert (ended.status_code, ended.headers["location"]) == (303, "/pagos/?notice=session_ended")
    assert "Su sesión terminó" in (await person.get(ended.headers["location"])).text


async def test_a_forced_change_says_its_own_end_where_that_comes_first(world: World) -> None:
    person = world.person()
    await person.ask(ADDRESS)
    await world.work()
    secret = temporary_passwords(world.mails(ADDRESS)[0])[0]
    world.wait(10 * MINUTE)
    await person.sign_in(nit(0), secret)
    said, left, extends = await kept(person, "/pagos/registro")
    assert (said.startswith("Si no hace nada, esta página se cierra"), left, extends) == (True, 30 * 60, True)
    world.wait(25 * MINUTE)
    said, left, extends = await kept(person, "/pagos/registro")
    assert (said.startswith("Tiene hasta el "), left, extends) == (True, 25 * 60, False)


async def test_the_page_of_a_typed_code_says_until_when_the_code_can_be_entered(world: World) -> None:
    person = world.person()
    first = list(world.seeded.values())[1]
    await person.sign_in(first.identifier, first.password)
    await person.register("gerencia@primera.example")
    page = (await person.get("/pagos/registro/codigo")).text
    assert "Puede escribir el código hasta el " in page
    assert (await kept(person, "/pagos/registro/codigo"))[1:] == (30 * 60, True)


async def test_the_page_of_a_link_says_when_it_ends_and_lives_on_while_it_is_used(world: World) -> None:
    await world.seed("compras")
    person = world.person()
    await person.post("/compras/recuperar", {"user_name": "ferreteria.sur"})
    await world.work()
    link = reset_link(world.mails("ventas@ferreteriasur.example")[0])
    world.wait(20 * MINUTE)
    await person.get(link)
    said, left, extends = await kept(person, "/compras/cambiar")
    assert (said.startswith("Tiene hasta el "), left, extends) == (True, 40 * 60, False)
    world.wait(40 * MINUTE)
    assert (await person.get("/compras/cambiar")).status_code == 410


async def test_a_link_that_outlives_its_page_is_opened_anew_by_each_look_at_it(world: World) -> None:
    await world.seed("compras")
    portal = world.services.portals["compras"]
    terms = portal.terms["reset_link"]
    portal.terms["reset_link"] = msgspec.structs.replace(terms, lifetime=4 * HOUR)
    person = world.person()
    await person.post("/compras/recuperar", {"user_name": "ferreteria.sur"})
    await world.work()
    await person.get(reset_link(world.mails("ventas@ferreteriasur.example")[0]))
    for _ in range(3):
        _, left, extends = await kept(person, "/compras/cambiar")
        assert (left, extends) == (60 * 60, True)
        world.wait(50 * MINUTE)
    fields = {"password": NEW_PASSWORD, "confirm": NEW_PASSWORD, "identifier": "ferreteria.sur"}
    assert (await person.post("/compras/cambiar", fields)).headers["location"] == "/compras/?notice=password_changed"
