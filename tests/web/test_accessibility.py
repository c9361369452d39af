"""The accessibility statement: on every portal, in its languages, linked from each page, and within the weight."""

import gzip
import re

import pytest

from reclave.domain.portal_reader import read_portal
from tests.world import PORTALS, Person, World

PAGE = "/pagos/accesibilidad"
FIRST_PAGE = 14 * 1024  # bytes, compressed


@pytest.mark.statement("B1")
async def test_the_statement_says_the_standard_the_tests_the_limits_and_whom_to_tell(world: World) -> None:
    page = (await world.person().get(PAGE)).text
    for said in (
        "(WCAG) 2.2, nivel AA",
        "axe-core",
        "teclado",
        "Última prueba: 22 de noviembre de 2026.",
        "una sesión termina después de 30 minutos sin uso",
        'href="mailto:accesibilidad@pagos.example"',
        "01 8000 000 000",
    ):
        assert said in page, said


@pytest.mark.parametrize(
    ("language", "title"), [("es", "Accesibilidad"), ("en", "Accessibility"), ("pt", "Acessibilidade")]
)
@pytest.mark.parametrize("portal", ["pagos", "aduana", "compras"])
async def test_each_demo_portal_has_the_statement_in_each_language_linked_from_its_pages(
    world: World, portal: str, language: str, title: str
) -> None:
    person = world.person(language=language)
    statement = await person.get(f"/{portal}/accesibilidad")
    assert f"<h1>{title}</h1>" in statement.text
    for path in ("", "recuperar", "nada"):
        page = (await person.get(f"/{portal}/{path}")).text
        assert f'<a href="/{portal}/accesibilidad">{title}</a>' in page, path


async def test_the_statement_is_the_same_for_everybody_and_light_as_a_first_page(world: World) -> None:
    stranger = await world.person().get(PAGE)
    assert stranger.headers["etag"]
    assert not stranger.cookies
    files = re.findall(r'(?:href|src)="(/pagos/static/[^"]+)"', stranger.text)
    person = world.person()
    weight = len(gzip.compress(stranger.content))
    for path in set(files):
        weight += len(gzip.compress((await person.get(path)).content))
    assert len(files) > 3
    assert weight <= FIRST_PAGE


async def test_a_portal_that_says_nothing_of_its_own_names_its_help_lines(world: World) -> None:
    plain = re.sub(r"\[accessibility\].*?(?=\n\[)", "", (PORTALS / "pagos.toml").read_text("utf-8"), flags=re.DOTALL)
    world.services.portals["pagos"] = read_portal(plain)
    page = await text_of(world.person())
    assert "Llame a la mesa de ayuda" in page
    assert "Última prueba" not in page
    assert "Escriba a" not in page


async def test_a_known_barrier_is_named_in_the_readers_language_or_in_the_first_that_it_was_written_in(
    world: World,
) -> None:
    own = (PORTALS / "pagos.toml").read_text("utf-8")
    limits = 'limits = [{ es = "El mapa no tiene texto.", pt = "O mapa não tem texto." }]\n\n[mail]'
    world.services.portals["pagos"] = read_portal(own.replace("[mail]", limits, 1))
    assert "O mapa não tem texto." in await text_of(world.person(language="pt"))
    assert "El mapa no tiene texto." in await text_of(world.person(language="en"))


async def text_of(person: Person) -> str:
    return (await person.get(PAGE)).text
