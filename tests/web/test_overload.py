"""More passwords to compare than there is room for: the answer is quick, says when to come again, and costs nothing."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from reclave.adapters.argon2 import Argon2Hasher
from reclave.domain.errors import Overloaded
from reclave.domain.identifiers import nit_check_digit
from reclave.domain.throttle import Guess
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, World, nit, opened_page

WRONG = "la lluvia no llega"
NOBODYS = "800000061" + nit_check_digit("800000061")


@contextmanager
def full(world: World) -> Iterator[None]:
    """Every place that a hash can have is taken."""
    hasher = world.services.hasher
    assert isinstance(hasher, Argon2Hasher)
    with ExitStack() as places:
        with suppress(Overloaded):
            while True:
                places.enter_context(hasher.reserved())
        yield


async def failures(world: World) -> int:
    """How often somebody was wrong about the first company's password."""
    everyone = world.services.vault.digest("guess", "pagos", nit(0))
    async with world.services.store.reading() as tx:
        return (await tx.guesses.tally("pagos", Guess.PASSWORD, everyone)).failures


@pytest.mark.req("S49", "I6")
async def test_who_finds_no_place_is_told_when_to_come_again_and_has_lost_no_guess(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = world.person()
    assert (await person.sign_in(nit(0), WRONG)).status_code == 422
    with full(world):
        with monkeypatch.context() as patched:
            patched.setattr(type(world.services.store), "transaction", None)  # nothing is asked of the database
            refused = [await person.sign_in(nit(0), password) for password in [WRONG] * 20 + [DEMO_PASSWORD]]
        assert {(answer.status_code, answer.headers["retry-after"]) for answer in refused} == {(503, "2")}
        assert {answer.headers["cache-control"] for answer in refused} == {"no-store"}
        assert await failures(world) == 1
    assert opened_page(await person.sign_in(nit(0), DEMO_PASSWORD)) == "/pagos/cuenta"


@pytest.mark.req("S1")
async def test_known_and_unknown_accounts_are_turned_away_alike(world: World) -> None:
    with full(world):
        known, unknown = [await world.person().sign_in(typed, WRONG) for typed in (nit(0), NOBODYS)]
        malformed = await world.person().sign_in("", WRONG)
    assert (known.status_code, known.content) == (503, unknown.content)
    assert malformed.status_code == 422


async def test_the_page_is_in_the_readers_language_and_that_of_its_portal(world: World) -> None:
    with full(world):
        spanish = await world.person().sign_in(nit(0), WRONG)
        english = await world.person(language="en").sign_in(nit(0), WRONG)
        chosen = await world.person().post("/pagos/?lang=pt", {"identifier": nit(0), "password": WRONG})
        other = await world.person().post("/compras/", {"identifier": "ana.torres", "password": WRONG})
    answers = spanish, english, chosen, other
    assert [answer.status_code for answer in answers] == [503] * 4
    assert [answer.headers["content-language"] for answer in answers] == ["es", "en", "pt", "es"]
    assert len({answer.content for answer in answers}) == 4


@pytest.mark.req("S23", "I6")
async def test_the_current_password_is_counted_only_when_it_will_be_compared(world: World) -> None:
    person = world.person()
    await person.sign_in(nit(0), DEMO_PASSWORD)
    wrong = {"current": WRONG, "password": NEW_PASSWORD, "confirm": NEW_PASSWORD}
    page = "/pagos/cuenta/contrasena"
    with full(world):
        assert {(await person.post(page, wrong)).status_code for _ in range(12)} == {503}
    assert (await person.post(page, wrong)).status_code == 422
    right = await person.post(page, {**wrong, "current": DEMO_PASSWORD})
    assert opened_page(right) is not None
