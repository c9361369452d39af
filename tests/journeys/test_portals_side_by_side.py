"""Portals on one host, at its root and on hosts of their own; and files at the edges of what they may say."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reclave.adapters.memory import MemoryStore
from tests.stores import Clock
from tests.world import World, open_world, said

pytestmark = pytest.mark.req("B7")
PORTAL = """
[portal]
id = "{id}"
name = "{id} de Ejemplo"
{place}
[mail]
sender = "Ejemplo <no-responder@{id}.example>"
[fields.user_name]
kind = "user_name"
[[classification]]
id = "person"
label = {{ es = "Persona" }}
requires = ["email"]
{journeys}
"""
SEARCH = "[journeys.find_user_id]\n"


@pytest.fixture
async def world(tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    """A portal at the root, which comes first in the alphabet, one at a path, one on a host of its own."""
    for name, place, journeys in (
        ("aqui", "", SEARCH),
        ("norte", 'path = "/norte"', ""),
        ("sur", 'host = "sur.example"', ""),
    ):
        (tmp_path / f"{name}.toml").write_text(PORTAL.format(id=name, place=place, journeys=journeys))
    async with open_world(MemoryStore(clock.standing), tmp_path, clock, portals=tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("host", "path", "status", "name"),
    [
        ("localhost:8000", "/", 200, "aqui"),
        ("localhost:8000", "/norte/", 200, "norte"),
        ("sur.example", "/", 200, "sur"),
        ("localhost:8000", "/nada", 404, "aqui"),
        ("localhost:8000", "/norte/nada", 404, "norte"),
        ("sur.example", "/nada", 404, "sur"),
        ("sur.example", "/norte/", 404, "sur"),
    ],
)
async def test_each_portal_answers_where_its_file_says(
    world: World, host: str, path: str, status: int, name: str
) -> None:
    page = await world.person(host=host).get(path)
    assert page.status_code == status
    assert f"{name} de Ejemplo" in page.text


async def test_a_portal_without_recovery_leads_nobody_to_pages_that_it_does_not_have(world: World) -> None:
    refused = await world.person().post("/norte/", {"identifier": "nadie.aqui", "password": "no es esta"})
    assert refused.status_code == 422
    assert "/recuperar" not in refused.text


async def test_an_address_alone_finds_its_account_among_a_great_many_of_one_class(world: World) -> None:
    for number in range(60):
        await world.add_account(
            "aqui", f"persona.{number}", f"persona{number}@correo.example", {"classification": "person"}
        )
    await world.add_account("aqui", "otra.persona", "persona7@correo.example", {"classification": "auditor"})
    for number in range(60):
        typed = {"find_classification": "person", "find_email": f"persona{number}@correo.example"}
        person = world.person(address=f"198.51.100.{number}")
        await person.post("/recuperar", {"action": "search", **typed})
        await world.work()
        (mail,) = world.mails(typed["find_email"])
        assert f"persona.{number}" in said(mail)
        assert "otra.persona" not in said(mail)
