"""Recovery by a link and a code in one mail: C2–C8, C10, B2, invariants 1 to 3."""

import asyncio
import re

import pytest

from reclave.domain.audit import Event
from reclave.domain.time import HOUR, MINUTE
from tests.world import (
    DEMO_PASSWORD,
    NEW_PASSWORD,
    Person,
    World,
    code_in,
    opened_page,
    report_link,
    reset_link,
    said,
)

USER = "ferreteria.sur"
ADDRESS = "ventas@ferreteriasur.example"
RECOVER, SENT, CODE, RESET = (
    "/compras/recuperar",
    "/compras/recuperar/enviada",
    "/compras/recuperar/codigo",
    "/compras/cambiar",
)


@pytest.fixture(autouse=True)
async def suppliers(world: World) -> None:
    """The procurement portal's accounts."""
    await world.seed("compras")


async def asked(world: World, user: str = USER, person: Person | None = None) -> Person:
    """Someone asks for a link, and the worker works."""
    person = person or world.person()
    answer = await person.post(RECOVER, {"user_name": user})
    assert opened_page(answer) == SENT
    await world.work()
    return person


async def opened(world: World, link: str) -> Person:
    """Someone follows a link to the form."""
    person = world.person()
    assert opened_page(await person.get(link)) == RESET
    return person


async def sets(person: Person, password: str = NEW_PASSWORD) -> str | None:
    """Send the form for the new password; where it leads."""
    return opened_page(await person.post(RESET, {"password": password, "confirm": password}))


async def signs_in(world: World, password: str, user: str = USER) -> str | None:
    """Where a fresh browser gets with a password."""
    return opened_page(await world.person().post("/compras/", {"identifier": user, "password": password}))


@pytest.mark.statement("C8", "C10")
async def test_the_link_opens_a_form_and_only_a_valid_new_password_uses_it_up(world: World) -> None:
    await asked(world)
    link = reset_link(world.mails(ADDRESS)[0])
    person = await opened(world, link)
    form = await person.get(RESET)
    assert f'value="{USER}"' in form.text
    assert (await person.post(RESET, {"password": "corta", "confirm": "corta"})).status_code == 422
    assert (await person.post(RESET, {"password": NEW_PASSWORD, "confirm": "otra frase distinta"})).status_code == 422
    assert (await person.post(RESET, {})).status_code == 422
    assert await sets(person) == "/compras/?notice=password_changed"
    assert f'value="{USER}"' in (await person.get("/compras/?notice=password_changed")).text
    assert await signs_in(world, NEW_PASSWORD) == "/compras/cuenta"
    assert await signs_in(world, DEMO_PASSWORD) is None
    again = await opened(world, link)
    used = await again.get(RESET)
    assert used.status_code == 410
    assert RECOVER in used.text


@pytest.mark.req("S12", "I3")
async def test_get_and_head_by_a_scanner_burn_nothing(world: World) -> None:
    await asked(world)
    link = reset_link(world.mails(ADDRESS)[0])
    scanner = world.person(address="192.0.2.9")
    for _ in range(3):
        await scanner.client.head(link)
        await scanner.get(link)
        await scanner.get(RESET)
        assert (await scanner.post(RESET, {})).status_code == 422
    assert await sets(await opened(world, link)) == "/compras/?notice=password_changed"


@pytest.mark.statement("B2")
async def test_the_code_of_the_mail_opens_the_form_in_the_browser_that_asked_and_in_no_other(world: World) -> None:
    person = await asked(world)
    code = code_in(world.mails(ADDRESS)[0])
    stranger = await asked(world, "nadie.aqui")
    assert (await stranger.post(CODE, {"code": code})).status_code == 422
    assert (await person.post(CODE, {"code": "0000-0000"})).status_code == 422
    assert opened_page(await person.post(CODE, {"code": code.lower().replace("-", " ")})) == RESET
    assert await sets(person) == "/compras/?notice=password_changed"
    assert await signs_in(world, NEW_PASSWORD) == "/compras/cuenta"


@pytest.mark.req("S13", "I6")
async def test_five_wrong_codes_end_the_code_for_known_and_unknown_alike_and_never_the_link(world: World) -> None:
    answers = []
    for user in (USER, "nadie.aqui"):
        person = await asked(world, user)
        pages = [await person.post(CODE, {"code": "0000-0000"}) for _ in range(6)]
        answers.append([(page.status_code, masked(page.text, user)) for page in pages])
        if user == USER:
            code = code_in(world.mails(ADDRESS)[0])
            assert (await person.post(CODE, {"code": code})).status_code == 422
    assert answers[0] == answers[1]
    assert "4." in answers[0][0][1]
    assert await sets(await opened(world, reset_link(world.mails(ADDRESS)[0]))) == "/compras/?notice=password_changed"


@pytest.mark.req("S8")
async def test_the_code_ends_after_a_quarter_of_an_hour_and_the_link_after_an_hour(world: World) -> None:
    person = await asked(world)
    mail = world.mails(ADDRESS)[0]
    world.wait(16 * MINUTE)
    assert (await person.post(CODE, {"code": code_in(mail)})).status_code == 422
    late = await opened(world, reset_link(mail))
    assert (await late.get(RESET)).status_code == 200
    world.wait(HOUR)
    late = await opened(world, reset_link(mail))
    expired = await late.get(RESET)
    assert expired.status_code == 410
    assert "terminó" in expired.text
    assert RECOVER in expired.text


@pytest.mark.statement("C4", "C5")
async def test_asking_again_sends_nothing_within_the_cooldown_and_the_same_link_after_it(world: World) -> None:
    person = await asked(world)
    first = world.mails(ADDRESS)[0]
    await asked(world, person=person)
    assert len(world.mails(ADDRESS)) == 1
    cooling = await person.get(SENT)
    assert "Ya lo pidió hace" in cooling.text
    assert opened_page(await person.post(CODE, {"code": code_in(first)})) == RESET, "its code still counts here"
    world.wait(5 * MINUTE)
    await asked(world)
    second = world.mails(ADDRESS)[0]
    assert len(world.mails(ADDRESS)) == 2
    assert reset_link(second) == reset_link(first)
    assert second.message_id != first.message_id


@pytest.mark.statement("C4")
async def test_a_nearly_ended_link_is_replaced_and_says_so(world: World) -> None:
    await asked(world)
    old = reset_link(world.mails(ADDRESS)[0])
    world.wait(50 * MINUTE)
    await asked(world)
    new = reset_link(world.mails(ADDRESS)[0])
    assert new != old
    page = await (await opened(world, old)).get(RESET)
    assert page.status_code == 410
    assert "reemplazó" in page.text or "posterior" in page.text
    assert RECOVER in page.text
    assert await sets(await opened(world, new)) == "/compras/?notice=password_changed"


@pytest.mark.req("I2", "S10")
async def test_of_twenty_forms_sent_at_once_one_sets_the_password(world: World) -> None:
    await asked(world)
    link = reset_link(world.mails(ADDRESS)[0])
    people = [await opened(world, link) for _ in range(20)]
    answers = await asyncio.gather(*(sets(person, f"{NEW_PASSWORD} {number}") for number, person in enumerate(people)))
    assert answers.count("/compras/?notice=password_changed") == 1
    won = answers.index("/compras/?notice=password_changed")
    assert await signs_in(world, f"{NEW_PASSWORD} {won}") == "/compras/cuenta"


@pytest.mark.statement("C10")
async def test_after_the_change_other_sessions_and_grants_end_and_a_notice_goes_out(world: World) -> None:
    before = world.person()
    await before.post("/compras/", {"identifier": USER, "password": DEMO_PASSWORD})
    assert (await before.get("/compras/cuenta")).status_code == 200
    await asked(world)
    mail = world.mails(ADDRESS)[0]
    await sets(await opened(world, reset_link(mail)))
    assert opened_page(await before.get("/compras/cuenta")) == "/compras/?notice=session_ended"
    await world.work()
    notice = world.mails(ADDRESS)[0]
    assert notice.subject == "Se cambió su contraseña"
    assert NEW_PASSWORD not in said(notice)
    assert report_link(notice)


@pytest.mark.statement("B4")
async def test_it_was_not_me_ends_the_link_and_the_code(world: World) -> None:
    person = await asked(world)
    mail = world.mails(ADDRESS)[0]
    owner = world.person()
    await owner.get(report_link(mail))
    await owner.post("/compras/no-fui-yo", {"confirm": "yes"})
    assert (await (await opened(world, reset_link(mail))).get(RESET)).status_code == 410
    assert (await person.post(CODE, {"code": code_in(mail)})).status_code == 422
    assert await signs_in(world, DEMO_PASSWORD) == "/compras/cuenta"


def masked(page: str, user: str) -> str:
    """A page without what was typed and its reference."""
    assert user in page
    return re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "REF", page.replace(user, "USER"))


@pytest.mark.req("S1", "I1")
async def test_the_waiting_page_is_the_same_for_known_unknown_and_disabled(world: World) -> None:
    pages = []
    for user in (USER, "nadie.aqui", "obra.cerrada"):
        person = await asked(world, user)
        page = await person.get(SENT)
        pages.append(masked(page.text, user))
    assert pages[0] == pages[1] == pages[2]
    assert world.mails("obra@cerrada.example") == []


@pytest.mark.req("S11")
async def test_a_links_token_opens_nothing_in_another_portal_or_for_another_purpose(world: World) -> None:
    await asked(world)
    mail = world.mails(ADDRESS)[0]
    token = reset_link(mail).rpartition("/")[2]
    person = world.person()
    await person.get(f"/compras/no-fui-yo/{token}")
    assert (await person.get("/compras/no-fui-yo")).status_code == 404
    await person.get(f"/pagos/no-fui-yo/{token}")
    assert (await person.get("/pagos/no-fui-yo")).status_code == 404
    damaged = world.person()
    await damaged.get(reset_link(mail)[:-2] + "AA")
    assert (await damaged.get(RESET)).status_code == 404


@pytest.mark.req("S43")
async def test_that_a_link_was_opened_is_noted_once(world: World) -> None:
    await asked(world)
    link = reset_link(world.mails(ADDRESS)[0])
    for _ in range(3):
        await (await opened(world, link)).get(RESET)
    account = await world.holder("compras", USER)
    async with world.services.store.reading() as tx:
        assert len(await tx.audit.of_account("compras", account.id, [Event.GRANT_OPENED], limit=9)) == 1


async def test_the_waiting_and_reset_pages_without_their_cookie_lead_back_to_the_form(world: World) -> None:
    assert opened_page(await world.person().get(SENT)) == RECOVER
    assert opened_page(await world.person().post(CODE, {"code": "0000-0000"})) == RECOVER
    assert (await world.person().get(RESET)).status_code == 404
