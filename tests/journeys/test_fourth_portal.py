"""A portal of another mix than the demo's works from its file alone: tests/portals/cuarto.toml, over every store."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from reclave.domain.time import MINUTE
from reclave.ports.store import Store
from tests.servers import ROOT
from tests.stores import Clock
from tests.world import DEMO_PASSWORD, Person, World, code_in, links_in, open_world, opened_page, said

pytestmark = pytest.mark.req("B7")

PORTAL, HOST = "matriculas", "acesso.matriculas.example"
ORIGIN = f"http://{HOST}"
ADDRESS = "marta@familia.example"
NEW_PASSWORD = "quintal com abacateiro"
RECOVER, SENT, CODE, RESET = "/recuperar", "/recuperar/enviada", "/recuperar/codigo", "/cambiar"


@pytest.fixture
async def world(store: Store, tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    """The fourth portal with one account, and no other portal."""
    async with open_world(store, tmp_path, clock, portals=ROOT / "tests" / "portals") as opened:
        await opened.add_account(PORTAL, ADDRESS, ADDRESS)
        yield opened


def person(world: World, *, language: str = "pt-BR", address: str = "203.0.113.7") -> Person:
    """Someone at the portal's own host."""
    return world.person(host=HOST, language=language, address=address)


async def asked(world: World, someone: Person, address: str = ADDRESS) -> httpx2.Response:
    """Someone asks for a code, and the worker works."""
    answer = await someone.post(RECOVER, {"email": address})
    await world.work()
    return answer


async def signed_in(someone: Person, password: str) -> str | None:
    """Where a password leads."""
    return opened_page(await someone.post("/", {"identifier": ADDRESS.title(), "password": password}))


async def test_a_typed_code_leads_back_in_with_every_mail_and_cookie_of_the_portals_own_host(world: World) -> None:
    someone = person(world)
    assert (await asked(world, someone)).headers["location"] == SENT
    (mail,) = world.mails(ADDRESS)
    assert "/cambiar" not in said(mail)
    assert all(link.startswith(f"{ORIGIN}/no-fui-yo/") for link in links_in(mail))
    assert opened_page(await someone.post(CODE, {"code": code_in(mail)})) == RESET
    form = await someone.get(RESET)
    assert ADDRESS in form.text
    fields = {"password": NEW_PASSWORD, "confirm": NEW_PASSWORD}
    assert opened_page(await someone.post(RESET, fields)) == "/?notice=password_changed"
    assert f'value="{ADDRESS}"' in (await someone.get("/?notice=password_changed")).text
    assert await signed_in(person(world), DEMO_PASSWORD) is None
    assert await signed_in(someone, NEW_PASSWORD) == "/cuenta"
    assert ADDRESS in (await someone.get("/cuenta")).text
    await world.work()
    notice = world.mails(ADDRESS)[0]
    assert notice.subject == "Sua chave foi alterada"
    assert links_in(notice)
    assert all(link.startswith(f"{ORIGIN}/") for link in links_in(notice))
    for cookie in someone.client.cookies.jar:
        assert cookie.name.startswith(f"__Host-reclave-{PORTAL}")
        assert (cookie.domain, cookie.domain_specified, cookie.path) == (HOST, False, "/")


async def test_the_pages_speak_the_portals_two_languages_in_its_own_words(world: World) -> None:
    for language, asks, enters in (("pt-BR", "Não consigo entrar", "Acessar"), ("en", "I cannot get in", "Sign in")):
        page = await person(world, language=language).get("/")
        assert asks in page.text
        assert f">{enters}</button>" in page.text
        assert page.headers["content-language"] == language[:2]
    for path in ("/", RECOVER, "/usuario", "/no-hay"):
        page = await person(world, language="es-CO").get(f"{path}?lang=es")
        assert page.headers["content-language"] == "pt"
        assert "Español" not in page.text
        assert "senha" not in page.text
    recover = await person(world).get(RECOVER)
    assert "<h1>Voltar a entrar</h1>" in recover.text
    assert "Seu e-mail" in recover.text


async def test_the_waiting_page_speaks_of_a_code_and_of_no_link(world: World) -> None:
    someone = person(world, language="en")
    await asked(world, someone)
    page = (await someone.get(SENT)).text
    assert 'name="code"' in page
    assert "10 minutes" in page
    assert "link in the e-mail" not in page


async def test_the_code_ends_after_the_portals_own_ten_minutes(world: World) -> None:
    someone = person(world)
    await asked(world, someone)
    world.wait(11 * MINUTE)
    assert (await someone.post(CODE, {"code": code_in(world.mails(ADDRESS)[0])})).status_code == 422


async def test_the_portals_own_limits_and_cooldown_hold(world: World) -> None:
    someone = person(world)
    await asked(world, someone)
    await asked(world, someone)
    assert len(world.mails(ADDRESS)) == 1
    world.wait(6 * MINUTE)
    await asked(world, someone)
    assert len(world.mails(ADDRESS)) == 2
    world.wait(6 * MINUTE)
    assert opened_page(await asked(world, someone)) == SENT
    assert len(world.mails(ADDRESS)) == 2, "three presses an hour for one address, those within the cooldown counted"


async def test_the_user_names_of_an_address_are_mailed_to_it(world: World) -> None:
    someone = person(world)
    assert opened_page(await someone.post("/usuario", {"email": ADDRESS})) == "/usuario/enviado"
    await world.work()
    (mail,) = world.mails(ADDRESS)
    assert f"Seu e-mail: {ADDRESS}" in said(mail)
    assert links_in(mail) == [f"{ORIGIN}/"]
    assert (await someone.get("/usuario/enviado")).status_code == 200


async def test_known_and_unknown_addresses_see_the_same_page(world: World) -> None:
    pages = []
    for address in (ADDRESS, "ninguem@familia.example"):
        someone = person(world)
        await asked(world, someone, address)
        page = (await someone.get(SENT)).text.replace(address, "ADDRESS")
        pages.append(re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "REF", page))
    assert pages[0] == pages[1]
    assert world.mails("ninguem@familia.example") == []


async def test_only_forms_of_its_own_host_are_taken(world: World) -> None:
    for origin, status in ((ORIGIN, 303), ("http://localhost:8000", 403), ("http://matriculas.example", 403)):
        someone = person(world)
        del someone.client.headers["sec-fetch-site"]
        someone.client.headers["origin"] = origin
        assert (await someone.post(RECOVER, {"email": ADDRESS})).status_code == status


async def test_other_hosts_have_no_pages_of_it_but_the_way_there(world: World) -> None:
    elsewhere = world.person(language="pt-BR")
    assert (await elsewhere.get(RECOVER)).status_code == 404
    index = await elsewhere.get("/")
    assert f'href="{ORIGIN}/"' in index.text
    change = await person(world).get("/.well-known/change-password")
    assert opened_page(change) == "/cuenta/contrasena"


def test_nothing_in_the_sources_names_it() -> None:
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.html"), *(ROOT / "src").rglob("*.po")]
    assert [str(path) for path in sources if re.search(PORTAL, path.read_text("utf-8"), re.IGNORECASE)] == []
