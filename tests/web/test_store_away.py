"""A database that does not answer: a page that says when to come back, whoever asks and for what."""

from contextlib import AbstractAsyncContextManager

import pytest

from reclave.domain.errors import StoreAway
from tests.world import DEMO_PASSWORD, World, nit

EVERYBODY = ("tesoreria@andina.example", "nadie@empresa.example")


def away(*_: object) -> AbstractAsyncContextManager[object]:
    raise StoreAway("connection refused", 3)


@pytest.mark.req("S1", "I5")
async def test_while_the_database_is_away_requests_get_a_page_that_says_when_to_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.services.store, "accept", away)
    pages = set()
    for address in EVERYBODY:
        answered = await world.person().ask(address)
        assert (answered.status_code, answered.headers["retry-after"]) == (503, "3")
        pages.add(answered.text)
    assert len(pages) == 1
    assert "No se perdió nada" in pages.pop()
    monkeypatch.undo()
    assert (await world.person().ask(EVERYBODY[0])).status_code == 303


async def test_while_the_database_is_away_nobody_signs_in_and_sessions_are_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.person()
    await person.sign_in(nit(0), DEMO_PASSWORD)
    for part in ("transaction", "reading", "try_password"):
        monkeypatch.setattr(world.services.store, part, away)
    assert (await world.person().sign_in(nit(0), DEMO_PASSWORD)).status_code == 503
    assert (await person.get("/pagos/cuenta")).status_code == 503
    monkeypatch.undo()
    assert (await person.get("/pagos/cuenta")).status_code == 200
