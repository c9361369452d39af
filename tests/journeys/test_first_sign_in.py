"""First sign-in with an initial password: P2, P3, S15, S35, invariant 7."""

from dataclasses import replace

import pytest

from reclave.domain.accounts import Provenance, Status
from reclave.domain.sessions import SessionKind
from reclave.domain.time import DAY, HOUR
from reclave.journeys import first_sign_in as journey
from tests.world import NEW_PASSWORD, Person, World, code_in, nit, opened_page, said

NEW = "contabilidad@nueva.example"
OTHER = "gerencia@nueva.example"
GIVEN = "arroyo de piedra blanca"
FOREIGN = "{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng=="
FOREIGN_GIVEN = "hashcat"


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
        assert f"Intentos restantes: {left}" in wrong.text
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


async def give(world: World, *, foreign: str | None = None, address: str | None = None, shared: bool = False) -> None:
    """Give the waiting account an initial password: one in the clear, or the hash that another system has of it."""
    hasher = world.services.hasher
    stored = await hasher.wrap(foreign) if foreign else await hasher.hash(GIVEN)
    account = replace(
        await world.account(nit(1)),
        password_hash=stored,
        address=address,
        address_canonical=address,
        address_provenance=Provenance.ASSERTED_BY_OPERATOR if address else None,
    )
    async with world.services.store.transaction() as tx:
        assert await tx.accounts.change(account, was=account.credential_version)
        await journey.given(world.services, tx, world.portal, account, shared=shared)


async def register_with(world: World, password: str) -> Person:
    """Sign in with an initial password that was given."""
    person = world.person()
    assert opened_page(await person.sign_in(nit(1), password)) == "/pagos/registro"
    return person


@pytest.mark.req("S14", "S15")
@pytest.mark.parametrize(("foreign", "password"), [(None, GIVEN), (FOREIGN, FOREIGN_GIVEN)])
async def test_a_given_initial_password_opens_the_registration_only_and_is_replaced_by_it(
    world: World, foreign: str | None, password: str
) -> None:
    await give(world, foreign=foreign)
    person = await register_with(world, password)
    async with world.services.store.reading() as tx:
        (session,) = await tx.sessions.of_account("pagos", (await world.account(nit(1))).id)
    assert session.kind is SessionKind.CHANGE_ONLY
    assert opened_page(await person.register(NEW)) == "/pagos/registro/codigo"
    await world.work()
    await person.post("/pagos/registro/codigo", {"code": code_in(world.mails(NEW)[0])})
    assert (await world.person().sign_in(nit(1), password)).status_code == 422
    assert opened_page(await world.person().sign_in(nit(1), NEW_PASSWORD)) == "/pagos/cuenta"


@pytest.mark.req("S14")
async def test_the_given_initial_password_cannot_become_the_password(world: World) -> None:
    await give(world)
    answered = await (await register_with(world, GIVEN)).register(NEW, GIVEN)
    assert answered.status_code == 422
    assert "Esta es la contraseña temporal" in answered.text


@pytest.mark.req("S8", "S15")
async def test_the_given_initial_password_ends_a_day_after_its_first_use_and_with_a_newer_one(world: World) -> None:
    await give(world)
    await register_with(world, GIVEN)
    world.wait(25 * HOUR)
    late = await world.person().sign_in(nit(1), GIVEN)
    assert late.status_code == 422
    assert "venció" in late.text
    async with world.services.store.transaction() as tx:
        newer = await journey.invite(world.services, tx, world.portal, await world.account(nit(1)))
    assert (await world.person().sign_in(nit(1), GIVEN)).status_code == 422
    await register_with(world, newer)


@pytest.mark.req("S15")
async def test_a_shared_initial_password_binds_no_other_address_than_the_registered_one(world: World) -> None:
    await give(world, address=NEW, shared=True)
    person = await register_with(world, GIVEN)
    refused = await person.register(OTHER)
    assert refused.status_code == 422
    assert "la dirección que tenemos registrada" in refused.text
    assert opened_page(await person.register(NEW)) == "/pagos/registro/codigo"
    await world.work()
    assert world.mails(OTHER) == []
    assert (await world.account(nit(1))).status is Status.AWAITING_FIRST_SIGN_IN
    done = await person.post("/pagos/registro/codigo", {"code": code_in(world.mails(NEW)[0])})
    assert opened_page(done) == "/pagos/?notice=password_changed"
    assert (await world.account(nit(1))).address_provenance is Provenance.CONFIRMED


@pytest.mark.req("S15")
async def test_who_knows_a_shared_initial_password_does_not_see_the_owners_address(world: World) -> None:
    await give(world, address=NEW, shared=True)
    person = world.person()
    assert opened_page(await person.sign_in(nit(1), GIVEN)) == "/pagos/registro"
    assert NEW not in (await person.get("/pagos/registro")).text


@pytest.mark.req("S15")
async def test_a_shared_initial_password_opens_nothing_where_no_address_is_registered(world: World) -> None:
    await give(world, shared=True)
    refused = await (await register_with(world, GIVEN)).register(NEW)
    assert refused.status_code == 422
    assert "mesa de ayuda" in refused.text
    assert await world.work() == 0


@pytest.mark.req("S15")
async def test_the_owners_code_never_sets_the_password_of_another_who_knows_the_shared_one(world: World) -> None:
    await give(world, address=NEW, shared=True)
    owner = await register_with(world, GIVEN)
    await owner.register(NEW)
    stranger = await register_with(world, GIVEN)
    await stranger.register(NEW, "la clave que quiere otro")
    await world.work()
    codes = [code_in(mail) for mail in world.mails(NEW)]
    for code in codes:
        assert opened_page(await owner.post("/pagos/registro/codigo", {"code": code})) == "/pagos/?notice=session_ended"
    again = await register_with(world, GIVEN)
    for code in codes:
        assert (await again.post("/pagos/registro/codigo", {"code": code})).status_code == 422
    assert opened_page(await stranger.register(NEW)) == "/pagos/?notice=session_ended"
