"""First sign-in with an initial password: P2, P3, S15, S35, invariant 7."""

import pytest

from reclave.domain.accounts import Provenance, Status
from reclave.domain.time import DAY, HOUR
from tests.world import NEW_PASSWORD, Person, World, code_in, nit, opened_page, said

NEW = "contabilidad@nueva.example"
OTHER = "gerencia@nueva.example"


async def first_sign_in(world: World) -> Person:
    """Sign in with the NIT and the initial password."""
    person = world.person()
    seeded = world.seeded["900.200.002-8"]
    assert opened_page(await person.sign_in(seeded.identifier, seeded.password)) == "/pagos/registro"
    return person


@pytest.mark.statement("P3")
async def test_the_code_is_typed_in_the_same_session_before_the_account_becomes_active(world: World) -> None:
    person = await first_sign_in(world)
    assert opened_page(await person.register(NEW)) == "/pagos/registro/codigo"
    assert (await world.account(nit(1))).status is Status.AWAITING_FIRST_SIGN_IN
    assert (await world.person().sign_in(nit(1), NEW_PASSWORD)).status_code == 422
    await world.work()
    done = await person.post("/pagos/registro/codigo", {"code": code_in(world.mails(NEW)[0]).lower()})
    assert opened_page(done) == "/pagos/?notice=password_changed"
    account = await world.account(nit(1))
    assert account.status is Status.ACTIVE
    assert account.address == NEW
    assert account.address_provenance is Provenance.CONFIRMED
    assert opened_page(await person.sign_in(nit(1), NEW_PASSWORD)) == "/pagos/cuenta"
    await world.work()
    assert "primera vez" in said(world.mails(NEW)[0]) or "registr" in said(world.mails(NEW)[0])


@pytest.mark.req("S15")
async def test_the_initial_password_works_no_more_after_the_registration(world: World) -> None:
    person = await first_sign_in(world)
    await person.register(NEW)
    await world.work()
    await person.post("/pagos/registro/codigo", {"code": code_in(world.mails(NEW)[0])})
    again = await world.person().sign_in(nit(1), world.seeded["900.200.002-8"].password)
    assert again.status_code == 422


async def test_the_registration_can_be_come_back_to_at_the_code(world: World) -> None:
    person = await first_sign_in(world)
    await person.register(NEW)
    await world.work()
    later = await first_sign_in(world)
    assert opened_page(await later.get("/pagos/registro")) == "/pagos/registro/codigo"
    done = await later.post("/pagos/registro/codigo", {"code": code_in(world.mails(NEW)[0])})
    assert opened_page(done) == "/pagos/?notice=password_changed"


async def test_a_wrong_code_says_how_many_tries_are_left_and_five_end_it(world: World) -> None:
    person = await first_sign_in(world)
    await person.register(NEW)
    await world.work()
    for left in (4, 3, 2, 1, 0):
        wrong = await person.post("/pagos/registro/codigo", {"code": "0000-0000"})
        assert wrong.status_code == 422
        assert f"quedan: {left}" in wrong.text.lower() or str(left) in wrong.text
    right = code_in(world.mails(NEW)[0])
    dead = await person.post("/pagos/registro/codigo", {"code": right})
    assert dead.status_code == 422
    assert (await world.account(nit(1))).status is Status.AWAITING_FIRST_SIGN_IN


@pytest.mark.req("S35")
async def test_another_address_has_another_code_and_the_first_code_stays_good_for_the_first(
    world: World,
) -> None:
    person = await first_sign_in(world)
    await person.register(NEW)
    await world.work()
    await person.register(OTHER)
    await world.work()
    first, second = code_in(world.mails(NEW)[0]), code_in(world.mails(OTHER)[0])
    assert first != second
    assert (await person.post("/pagos/registro/codigo", {"code": first})).status_code == 422
    done = await person.post("/pagos/registro/codigo", {"code": second})
    assert opened_page(done) == "/pagos/?notice=password_changed"
    assert (await world.account(nit(1))).address == OTHER


@pytest.mark.req("I7")
async def test_an_address_that_nobody_knows_gets_one_code_a_day(world: World) -> None:
    person = await first_sign_in(world)
    for _ in range(3):
        await person.register(NEW)
        await world.work()
    assert len(world.mails(NEW)) == 1


@pytest.mark.req("I7")
async def test_one_account_asks_for_codes_to_at_most_five_addresses_a_day(world: World) -> None:
    person = await first_sign_in(world)
    for number in range(5):
        assert opened_page(await person.register(f"cuenta{number}@nueva.example")) == "/pagos/registro/codigo"
    refused = await person.register("cuenta9@nueva.example")
    assert refused.status_code == 422
    await world.work()
    assert world.mails("cuenta9@nueva.example") == []


@pytest.mark.req("S8")
async def test_the_initial_password_lasts_thirty_days_and_a_day_from_its_first_use(world: World) -> None:
    world.wait(29 * DAY)
    person = await first_sign_in(world)
    world.wait(23 * HOUR)
    await first_sign_in(world)
    world.wait(2 * HOUR)
    seeded = world.seeded["900.200.002-8"]
    late = await person.sign_in(seeded.identifier, seeded.password)
    assert late.status_code == 422
    assert "venció" in late.text


async def test_what_is_wrong_is_said_at_each_field_and_the_address_is_kept(world: World) -> None:
    person = await first_sign_in(world)
    answered = await person.register(NEW, "corta", "otra")
    assert answered.status_code == 422
    assert f'value="{NEW}"' in answered.text
    assert "15" in answered.text
    assert 'id="password-error"' in answered.text
    assert 'id="confirm-error"' in answered.text
    assert "corta" not in answered.text


@pytest.mark.req("S14", "S17")
async def test_the_initial_password_and_the_nit_cannot_become_the_password(world: World) -> None:
    person = await first_sign_in(world)
    for refused in (
        world.seeded["900.200.002-8"].password,
        "900.200.002-8 900.200.002-8",
        "pagosdeejemplo2026",
    ):
        assert (await person.register(NEW, refused)).status_code == 422
