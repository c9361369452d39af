"""«No fui yo»: B4, S12, S36, invariant 3."""

import re

import pytest

from reclave.domain.cases import CaseKind
from reclave.domain.time import DAY, MINUTE
from tests.world import (
    DEMO_PASSWORD,
    NEW_PASSWORD,
    Person,
    World,
    nit,
    opened_page,
    report_link,
    temporary_passwords,
)

ONE = "tesoreria@andina.example"
TWO = "pagos@grupo.example"


async def asked(world: World, address: str = ONE) -> str:
    """Someone asks; the path of the «No fui yo» link that the owner gets."""
    await world.person(address="198.51.100.66").ask(address)
    await world.work()
    return report_link(world.mails(address)[0])


async def reported(world: World, link: str) -> Person:
    """The owner follows the link and confirms."""
    owner = world.person()
    assert opened_page(await owner.get(link)) == "/pagos/no-fui-yo"
    assert opened_page(await owner.post("/pagos/no-fui-yo", {"confirm": "yes"})) == "/pagos/no-fui-yo/listo"
    return owner


@pytest.mark.statement("B4")
async def test_before_the_change_it_ends_the_temporary_password_and_opens_a_case(world: World) -> None:
    link = await asked(world)
    (secret,) = temporary_passwords(world.mails(ONE)[0])
    owner = await reported(world, link)
    done = await owner.get("/pagos/no-fui-yo/listo")
    assert done.status_code == 200
    refused = await world.person().sign_in(nit(0), secret)
    assert refused.status_code == 422
    assert opened_page(await owner.sign_in(nit(0), DEMO_PASSWORD)) == "/pagos/cuenta"
    account = await world.account(nit(0))
    async with world.services.store.reading() as tx:
        (case,) = await tx.cases.of_account("pagos", account.id)
    assert case.kind is CaseKind.NOT_ME_BEFORE_CHANGE
    assert case.reference in done.text


async def test_one_report_ends_the_temporary_passwords_of_every_account_of_the_address(world: World) -> None:
    link = await asked(world, TWO)
    secrets = temporary_passwords(world.mails(TWO)[0])
    await reported(world, link)
    for identifier, secret in zip((nit(2), nit(3)), secrets, strict=True):
        assert (await world.person().sign_in(identifier, secret)).status_code == 422


@pytest.mark.statement("B4")
async def test_after_the_change_it_ends_sessions_and_blocks_the_new_password_until_a_recovery(
    world: World,
) -> None:
    await asked(world)
    (secret,) = temporary_passwords(world.mails(ONE)[0])
    thief = world.person(address="198.51.100.66")
    await thief.sign_in(nit(0), secret)
    await thief.register(ONE)
    await thief.sign_in(nit(0), NEW_PASSWORD)
    await world.work()
    await reported(world, report_link(world.mails(ONE)[0]))
    assert opened_page(await thief.get("/pagos/cuenta")) == "/pagos/?notice=session_ended"
    assert (await thief.sign_in(nit(0), NEW_PASSWORD)).status_code == 422
    world.wait(5 * MINUTE)
    owner = world.person()
    await owner.ask(ONE)
    await world.work()
    (fresh,) = temporary_passwords(world.mails(ONE)[0])
    await owner.sign_in(nit(0), fresh)
    await owner.register(ONE, "la lluvia cae en el patio")
    assert opened_page(await owner.sign_in(nit(0), "la lluvia cae en el patio")) == "/pagos/cuenta"


@pytest.mark.req("S12", "I3")
async def test_opening_the_link_and_sending_an_empty_form_change_nothing(world: World) -> None:
    link = await asked(world)
    (secret,) = temporary_passwords(world.mails(ONE)[0])
    scanner = world.person(address="192.0.2.99")
    for _ in range(3):
        await scanner.client.head(link)
        await scanner.get(link)
        assert (await scanner.get("/pagos/no-fui-yo")).status_code == 200
        assert (await scanner.post("/pagos/no-fui-yo", {})).status_code == 422
    assert opened_page(await world.person().sign_in(nit(0), secret)) == "/pagos/registro"
    await reported(world, link)


@pytest.mark.req("S36")
async def test_the_token_leaves_the_address_bar_and_the_link_opens_again(world: World) -> None:
    link = await asked(world)
    for _ in range(2):
        moved = await world.person().get(link)
        assert moved.status_code == 303
        assert opened_page(moved) == "/pagos/no-fui-yo"
        assert link.rpartition("/")[2] not in moved.headers["set-cookie"]


@pytest.mark.req("S10", "S11")
async def test_a_link_that_was_used_shows_its_case_again_and_opens_no_other(world: World) -> None:
    link = await asked(world)
    done = await (await reported(world, link)).get("/pagos/no-fui-yo/listo")
    account = await world.account(nit(0))
    async with world.services.store.reading() as tx:
        (case,) = await tx.cases.of_account("pagos", account.id)
    assert case.reference in done.text
    reader, retrying = world.person(), world.person()
    for person in (reader, retrying):
        await person.get(link)
    for answer in (
        await reader.get("/pagos/no-fui-yo"),
        await retrying.post("/pagos/no-fui-yo", {"confirm": "yes"}),
        await retrying.post("/pagos/no-fui-yo", {"confirm": "yes"}),
    ):
        assert opened_page(answer) == "/pagos/no-fui-yo/listo"
    for person in (reader, retrying):
        assert case.reference in (await person.get("/pagos/no-fui-yo/listo")).text
    async with world.services.store.reading() as tx:
        assert await tx.cases.of_account("pagos", account.id) == [case]


async def test_a_form_acts_on_the_account_that_it_shows_even_if_another_link_was_opened_since(world: World) -> None:
    first, second = await asked(world), await asked(world, TWO)
    person = world.person()
    await person.get(first)
    shown = re.search(r'name="about" value="([^"]+)"', (await person.get("/pagos/no-fui-yo")).text)
    assert shown is not None
    await person.get(second)
    answer = await person.post("/pagos/no-fui-yo", {"confirm": "yes", "about": shown[1]})
    assert answer.status_code == 409
    assert "otra cuenta" in answer.text
    async with world.services.store.reading() as tx:
        for number in (0, 2):
            assert await tx.cases.of_account("pagos", (await world.account(nit(number))).id) == []
    await person.get(first)
    done = await person.post("/pagos/no-fui-yo", {"confirm": "yes", "about": shown[1]})
    assert opened_page(done) == "/pagos/no-fui-yo/listo"


async def test_expired_damaged_and_forged_links_say_what_happened(world: World) -> None:
    fresh = await asked(world)
    world.wait(DAY + MINUTE)
    late = world.person()
    await late.get(fresh)
    assert "terminó" in (await late.get("/pagos/no-fui-yo")).text
    for damaged in (fresh[:-3], fresh[:-1] + ("A" if fresh[-1] != "A" else "B"), "/pagos/no-fui-yo/x"):
        person = world.person()
        await person.get(damaged)
        assert (await person.get("/pagos/no-fui-yo")).status_code == 404


async def test_a_recovery_asked_for_after_a_change_leaves_the_notices_link_alive(world: World) -> None:
    await asked(world)
    (secret,) = temporary_passwords(world.mails(ONE)[0])
    thief = world.person()
    await thief.sign_in(nit(0), secret)
    await thief.register(ONE)
    await world.work()
    notice = report_link(world.mails(ONE)[0])
    world.wait(5 * MINUTE)
    await asked(world)
    await reported(world, notice)
    assert (await world.account(nit(0))).password_blocked
