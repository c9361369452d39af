"""Sign-in by NIT: P7, invariants 1 and 6, and what throttles guesses."""

import asyncio

import pytest

from reclave.domain.errors import PasswordPaused, SignInRefused, Throttled
from reclave.domain.identifiers import Identifier, format_identifier, nit_check_digit
from reclave.domain.limits import Cost
from reclave.domain.time import DAY, HOUR, MINUTE, SECOND
from reclave.journeys import sign_in
from reclave.journeys.services import Caller
from reclave.journeys.tries import PER_CLIENT
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, World, nit, opened_page, temporary_passwords

ONE = "tesoreria@andina.example"
WRONG = "esta no es la clave"
UNKNOWN = "900777777" + nit_check_digit("900777777")


@pytest.mark.statement("P7")
@pytest.mark.parametrize(
    "typed",
    [
        "900.100.001-1",
        "9001000011",
        "900100001-1",
        "900 100 001 1",
        " 900.100.001–1 ",
        "９００１００００１１",
    ],
)
async def test_the_nit_signs_in_in_any_punctuation(world: World, typed: str) -> None:
    assert opened_page(await world.person().sign_in(typed, DEMO_PASSWORD)) == "/pagos/cuenta"


async def test_a_nit_without_its_check_digit_is_shown_what_was_meant(world: World) -> None:
    answered = await world.person().sign_in("900.100.001", DEMO_PASSWORD)
    assert answered.status_code == 422
    assert "¿Quiso escribir 900.100.001-1?" in answered.text
    assert 'value="900.100.001"' in answered.text


@pytest.mark.req("S26")
async def test_a_wrong_password_an_unknown_nit_and_a_disabled_account_read_the_same(world: World) -> None:
    bodies = set()
    for typed, secret in ((nit(0), WRONG), (UNKNOWN, WRONG), (nit(5), DEMO_PASSWORD), (nit(4), WRONG)):
        answered = await world.person().sign_in(typed, secret)
        assert answered.status_code == 422
        written = format_identifier(Identifier("co.nit", typed))
        assert written in answered.text
        bodies.add(answered.text.replace(typed, "N").replace(written, "N"))
    assert len(bodies) == 1


@pytest.mark.req("S23", "I6")
async def test_after_ten_failures_the_next_try_waits_for_known_and_unknown_alike(world: World) -> None:
    for typed in (nit(0), UNKNOWN):
        person = world.person()
        for _ in range(10):
            assert (await person.sign_in(typed, WRONG)).status_code == 422
        waiting = await person.sign_in(typed, WRONG)
        assert waiting.status_code == 429
        assert int(waiting.headers["retry-after"]) <= 30
        assert "/pagos/recuperar" in waiting.text


@pytest.mark.req("S23")
async def test_the_waits_rise_and_end(world: World) -> None:
    person = world.person()
    for _ in range(10):
        await person.sign_in(nit(0), WRONG)
    assert (await person.sign_in(nit(0), DEMO_PASSWORD)).status_code == 429
    world.wait(31 * SECOND)
    assert (await person.sign_in(nit(0), WRONG)).status_code == 422
    world.wait(31 * SECOND)
    assert (await person.sign_in(nit(0), DEMO_PASSWORD)).status_code == 429
    world.wait(HOUR)
    assert opened_page(await person.sign_in(nit(0), DEMO_PASSWORD)) == "/pagos/cuenta"


@pytest.mark.req("I1", "S23")
async def test_a_strangers_failures_do_not_lock_the_owner_out_elsewhere(world: World) -> None:
    stranger = world.person(address="198.51.100.66")
    for _ in range(12):
        await stranger.sign_in(nit(0), WRONG)
    assert opened_page(await world.person().sign_in(nit(0), DEMO_PASSWORD)) == "/pagos/cuenta"


@pytest.mark.req("S23", "I1")
async def test_after_a_hundred_failures_the_password_pauses_but_a_known_device_and_recovery_work(
    world: World,
) -> None:
    owner = world.person()
    await owner.sign_in(nit(0), DEMO_PASSWORD)
    for number in range(101):
        await fail(world, client=b"stranger %d" % (number // 9))
    paused = await world.person(address="192.0.2.55").sign_in(nit(0), DEMO_PASSWORD)
    assert paused.status_code == 429
    assert opened_page(await owner.sign_in(nit(0), DEMO_PASSWORD)) == "/pagos/cuenta"


@pytest.mark.req("S23", "I1")
async def test_a_recovery_ends_the_pause_for_every_device(world: World) -> None:
    for number in range(101):
        await fail(world, client=b"stranger %d" % (number // 9))
    person = world.person(address="192.0.2.55")
    assert (await person.sign_in(nit(0), DEMO_PASSWORD)).status_code == 429
    await person.ask(ONE)
    await world.work()
    (secret,) = temporary_passwords(world.mails(ONE)[0])
    await person.sign_in(nit(0), secret)
    await person.register(ONE)
    another = world.person(address="192.0.2.77")
    assert opened_page(await another.sign_in(nit(0), NEW_PASSWORD)) == "/pagos/cuenta"


async def fail(world: World, *, client: bytes) -> None:
    """One wrong guess from a network address."""
    with pytest.raises((SignInRefused, Throttled, PasswordPaused)):
        await sign_in.sign_in(world.services, world.portal, nit(0), WRONG, Caller(client=client.ljust(32, b".")))


@pytest.mark.req("S24")
async def test_recovery_works_while_the_password_is_throttled(world: World) -> None:
    person = world.person()
    for _ in range(11):
        await person.sign_in(nit(0), WRONG)
    await person.ask(ONE)
    await world.work()
    (secret,) = temporary_passwords(world.mails(ONE)[0])
    assert opened_page(await person.sign_in(nit(0), secret)) == "/pagos/registro"


@pytest.mark.req("I6")
async def test_of_a_hundred_guesses_at_once_no_more_than_ten_are_compared(world: World) -> None:
    compared = 0

    async def guess() -> None:
        nonlocal compared
        try:
            await sign_in.sign_in(world.services, world.portal, nit(0), WRONG, Caller(client=b"c" * 32))
        except SignInRefused:
            compared += 1
        except Throttled:
            return

    for _ in range(5):
        await asyncio.gather(*(guess() for _ in range(4)))
    assert compared == 10


@pytest.mark.req("S24")
async def test_a_spray_over_many_accounts_from_one_address_is_held_back(world: World) -> None:
    caller = Caller(client=b"sprayer".ljust(32, b"."))
    async with world.services.store.transaction() as tx:
        key = world.services.vault.digest("limit", "pagos", "sign_in", caller.client)
        limit = PER_CLIENT
        await tx.limits.take([Cost(key, limit, limit.count)])
    with pytest.raises(Throttled):
        await sign_in.sign_in(world.services, world.portal, nit(1), WRONG, caller)


@pytest.mark.req("S27", "S29")
async def test_a_session_ends_when_it_rests_and_when_it_is_old(world: World) -> None:
    person = world.person()
    await person.sign_in(nit(0), DEMO_PASSWORD)
    world.wait(31 * MINUTE)
    assert opened_page(await person.get("/pagos/cuenta")) == "/pagos/?notice=session_ended"
    await person.sign_in(nit(0), DEMO_PASSWORD)
    for _ in range(24):
        world.wait(29 * MINUTE)
        await person.get("/pagos/cuenta")
    world.wait(29 * MINUTE)
    assert opened_page(await person.get("/pagos/cuenta")) == "/pagos/?notice=session_ended"


@pytest.mark.req("S27")
async def test_a_pre_set_session_cookie_opens_nothing_and_sign_in_makes_a_new_one(world: World) -> None:
    person = world.person()
    person.client.cookies.set("__Host-reclave-pagos", "A" * 22, domain="localhost.local")
    assert opened_page(await person.get("/pagos/cuenta")) == "/pagos/?notice=session_ended"
    answered = await person.sign_in(nit(0), DEMO_PASSWORD)
    assert "A" * 22 not in answered.headers["set-cookie"]


async def test_signing_out_ends_the_session(world: World) -> None:
    person = world.person()
    await person.sign_in(nit(0), DEMO_PASSWORD)
    kept = dict(person.client.cookies)
    assert opened_page(await person.post("/pagos/salir", {})) == "/pagos/?notice=signed_out"
    person.client.cookies.update(kept)
    assert opened_page(await person.get("/pagos/cuenta")) == "/pagos/?notice=session_ended"


@pytest.mark.req("S20")
async def test_a_password_of_a_megabyte_is_refused_without_being_hashed(world: World) -> None:
    answered = await world.person().sign_in(nit(0), "a" * 15_000)
    assert answered.status_code == 422
    assert "Esta contraseña es demasiado larga." in answered.text


@pytest.mark.req("I8")
async def test_a_clock_that_jumps_back_locks_nobody_out(world: World) -> None:
    world.wait(DAY)
    person = world.person()
    for _ in range(11):
        await person.sign_in(nit(0), WRONG)
    world.wait(-DAY)
    first = await person.sign_in(nit(0), DEMO_PASSWORD)
    world.wait(int(first.headers.get("retry-after", "0")) * SECOND)
    assert int(first.headers.get("retry-after", "0")) <= 10
    assert opened_page(await person.sign_in(nit(0), DEMO_PASSWORD)) == "/pagos/cuenta"
