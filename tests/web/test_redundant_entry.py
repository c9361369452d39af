"""Nothing is typed twice in one journey (WCAG 2.2, 3.3.7): what is known is filled in, or shown."""

import pytest

from tests.world import DEMO_PASSWORD, Person, World, code_in, nit

pytestmark = pytest.mark.statement("B1")

ADDRESS = "tesoreria@andina.example"
NEXT_ADDRESS = "contabilidad@andina.example"


@pytest.fixture
async def person(world: World) -> Person:
    """Somebody with a browser of their own; all portals have their accounts."""
    for portal in ("aduana", "compras"):
        await world.seed(portal)
    return world.person()


async def shows(person: Person, path: str, value: str) -> bool:
    """Whether a field of a page is filled in with a value."""
    return f'value="{value}"' in (await person.get(path)).text


@pytest.mark.parametrize("address", [ADDRESS, "nadie@andina.example"])
async def test_who_asks_again_finds_the_address_filled_in_known_or_not(person: Person, address: str) -> None:
    await person.ask(address)
    assert await shows(person, "/pagos/recuperar", address)


async def test_who_asks_again_by_user_name_or_for_user_names_finds_them_filled_in(person: Person) -> None:
    await person.post("/compras/recuperar", {"user_name": "ferreteria.sur"})
    assert await shows(person, "/compras/recuperar", "ferreteria.sur")
    await person.post("/compras/usuario", {"email": "licitaciones@grupo.example"})
    assert await shows(person, "/compras/usuario", "licitaciones@grupo.example")


async def test_another_browser_finds_nothing_filled_in_and_its_page_can_be_kept(person: Person, world: World) -> None:
    await person.ask(ADDRESS)
    stranger = await world.person().get("/pagos/recuperar")
    assert ADDRESS not in stranger.text
    assert stranger.headers["etag"]


async def test_an_address_that_waits_for_its_code_is_not_typed_again_to_correct_it(
    person: Person, world: World
) -> None:
    await person.sign_in(nit(0), DEMO_PASSWORD)
    await person.post("/pagos/cuenta/correo", {"email": NEXT_ADDRESS, "current": DEMO_PASSWORD})
    assert await shows(person, "/pagos/cuenta/correo", NEXT_ADDRESS)
    assert "Puede escribir el código hasta el " in (await person.get("/pagos/cuenta/correo/codigo")).text
    await world.work()
    code = code_in(world.mails(NEXT_ADDRESS)[0])
    assert (await person.post("/pagos/cuenta/correo/codigo", {"code": code})).headers["location"] == (
        "/pagos/cuenta?notice=address_proposed"
    )


async def test_the_form_for_a_first_address_is_filled_in_again_after_a_mistake(person: Person, world: World) -> None:
    first = list(world.seeded.values())[1]
    await person.sign_in(first.identifier, first.password)
    await person.register("gerencia@primera.example", "corta", "larga")
    fields = {"email": "gerencia@primera.example", "password": "corta", "confirm": "larga"}
    assert 'value="gerencia@primera.example"' in (await person.post("/pagos/registro", fields)).text
