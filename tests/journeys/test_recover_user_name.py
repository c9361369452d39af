"""«Olvidé el usuario»: C9."""

import re

import pytest

from reclave.domain.time import MINUTE
from tests.world import Person, World, opened_page, said

SHARED = "licitaciones@grupo.example"
FORM, SENT = "/compras/usuario", "/compras/usuario/enviado"


@pytest.fixture(autouse=True)
async def suppliers(world: World) -> None:
    """The procurement portal's accounts."""
    await world.seed("compras")


async def asked(world: World, address: str) -> Person:
    """Someone asks for the user names of an address, and the worker works."""
    person = world.person()
    assert opened_page(await person.post(FORM, {"email": address})) == SENT
    await world.work()
    return person


@pytest.mark.statement("C9")
async def test_all_user_names_of_an_address_go_there_in_one_mail_and_none_to_the_screen(world: World) -> None:
    person = await asked(world, SHARED.upper())
    (mail,) = world.mails(SHARED)
    assert {"aseo.norte", "papeleria.centro"} <= set(said(mail).split())
    page = await person.get(SENT)
    assert "aseo.norte" not in page.text
    assert mail.subject.rpartition(" ")[2] in page.text


@pytest.mark.req("S1")
async def test_the_page_is_the_same_for_known_unknown_and_disabled(world: World) -> None:
    pages = []
    for address in (SHARED, "nadie@ninguna.example", "obra@cerrada.example"):
        page = await (await asked(world, address)).get(SENT)
        pages.append(re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "REF", page.text.replace(address, "ADDRESS")))
    assert pages[0] == pages[1] == pages[2]
    assert world.mails("obra@cerrada.example") == world.mails("nadie@ninguna.example") == []


async def test_within_the_cooldown_nothing_new_is_sent(world: World) -> None:
    await asked(world, SHARED)
    again = await asked(world, SHARED)
    assert len(world.mails(SHARED)) == 1
    assert "Ya lo pidió hace" in (await again.get(SENT)).text
    world.wait(5 * MINUTE)
    await asked(world, SHARED)
    assert len(world.mails(SHARED)) == 2


async def test_an_address_that_is_none_is_explained_and_kept(world: World) -> None:
    page = await world.person().post(FORM, {"email": "licitaciones@"})
    assert page.status_code == 422
    assert 'value="licitaciones@"' in page.text
    assert "Error" in page.text
