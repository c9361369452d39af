"""The procurement portal up to the mail: sign-in page (C1), the request (C2, C3), asking again (C4, C5)."""

import re

import pytest
from playwright.async_api import expect

from tests.browser import compras
from tests.browser.compras import ADDRESS, COOLING, DISABLED, RECOVER, UNKNOWN, USER, asks, changes, signs_in
from tests.browser.person import PHONE, PLAIN_DESKTOP, PLAIN_PHONE, REFERENCE, Equipment, Person, read_reference
from tests.browser.service import Service
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, code_in, reset_link

ON_TWO_PHONES = pytest.mark.parametrize(
    "person", [PHONE, pytest.param(PLAIN_PHONE, marks=pytest.mark.long)], ids=["phone", "no-scripts"], indirect=True
)
PHONE_AND_PLAIN_DESKTOP = pytest.mark.parametrize(
    "equipment", [PHONE, pytest.param(PLAIN_DESKTOP, marks=pytest.mark.long)], ids=["phone", "no-scripts"]
)


@pytest.mark.statement("C1")
@PHONE_AND_PLAIN_DESKTOP
async def test_the_sign_in_page_asks_for_two_things_and_offers_three_ways_out(
    shared_service: Service, equipment: Equipment
) -> None:
    """C1: «Sign-in page: user name, password, «Entrar», «Olvidé el usuario», «Olvidé la contraseña», «Registro»»."""
    person = await shared_service.person(equipment)
    await person.opens(compras.SIGN_IN)
    await person.sees("Compra pública")
    await expect(person.field("Nombre de usuario")).to_have_attribute("autocomplete", "username")
    await expect(person.field("Contraseña")).to_have_attribute("type", "password")
    await expect(person.button("Entrar")).to_be_visible()
    await expect(person.link("Registro")).to_have_attribute("href", compras.REGISTRATION)
    for way_out, heading in (
        ("Olvidé el usuario", "Recuperar usuario"),
        ("Olvidé la contraseña", "Recuperar contraseña"),
    ):
        await person.link(way_out).click()
        await person.sees(heading)
        await person.link("Volver").click()
        await person.sees("Compra pública")


@pytest.mark.statement("C1")
@ON_TWO_PHONES
async def test_user_name_and_password_open_the_account_and_nothing_else_does(person: Person) -> None:
    """C1: «user name, password, «Entrar»»."""
    for user, password in ((USER, "otra que no es la suya"), (UNKNOWN, DEMO_PASSWORD), (DISABLED, DEMO_PASSWORD)):
        await signs_in(person, user, password)
        await person.is_told(compras.REFUSED)
    await signs_in(person, USER, DEMO_PASSWORD)
    await person.sees("Mi cuenta")
    await expect(person.page.get_by_role("region", name="Su sesión")).to_contain_text(USER)


@pytest.mark.statement("C2", "C6")
@PHONE_AND_PLAIN_DESKTOP
async def test_recover_password_asks_for_the_user_name_and_helps_who_forgot_it(
    shared_service: Service, equipment: Equipment
) -> None:
    """C2: «Recuperar contraseña»: «Recupere su contraseña ingresando el nombre de usuario con el que se registró», link
    «Haga clic aquí para recuperar su usuario». C6: the anti-phishing notice on screen.
    """
    person = await shared_service.person(equipment)
    await person.opens(compras.SIGN_IN)
    await person.link("Olvidé la contraseña").click()
    await person.sees("Recuperar contraseña")
    assert person.path == RECOVER
    await person.is_told("Recupere su contraseña ingresando el nombre de usuario con el que se registró")
    await person.is_told(compras.NEVER_ASKED)
    await expect(person.page.get_by_role("textbox")).to_have_count(1)
    await expect(person.button("Enviar correo")).to_be_visible()
    field = person.field("Nombre de usuario")
    await expect(field).to_have_attribute("autocomplete", "username")
    await person.page.locator("main form").evaluate("form => { form.noValidate = true; form.requestSubmit() }")
    await person.sees_problem("Nombre de usuario", "Escriba su nombre de usuario.")
    await person.link("Haga clic aquí para recuperar su usuario").click()
    await person.sees("Recuperar usuario")
    assert person.path == compras.USER_NAMES


@pytest.mark.statement("C3", "C6")
@ON_TWO_PHONES
async def test_after_the_request_the_page_says_what_to_wait_for_and_where(service: Service, person: Person) -> None:
    """C3: «Enviar correo»; the page says to wait, to look in unwanted mail, and which reference the right mail carries.
    C6: the anti-phishing notice stands there too.
    """
    await asks(person)
    assert person.path == compras.RECOVER_SENT
    await person.is_told("Si el nombre de usuario está registrado, enviamos un correo a su dirección registrada.")
    await person.is_told("Espere unos minutos y revise también el correo no deseado.")
    await person.is_told("Compruebe que el correo trae este remitente y esta referencia.")
    await person.is_told(compras.NEVER_ASKED)
    mail = await service.mail(ADDRESS)
    reference = await person.reference()
    assert reference in mail.subject
    for body in (mail.text, mail.html):
        without_links = re.sub(r"https?://\S+", "", (body or "").replace(code_in(mail), ""))
        assert read_reference(without_links) == reference
    await expect(person.page.get_by_role("definition").filter(has_text=mail.sender)).to_be_visible()
    await person.link("Volver").click()
    await person.sees("Compra pública")


@pytest.mark.statement("C3")
@pytest.mark.req("S1")
@pytest.mark.long
async def test_the_waiting_page_is_the_same_whether_or_not_there_is_such_an_account(service: Service) -> None:
    """C3: the page says to wait, whoever asks; only what was typed and the reference differ. (Bytes:
    tests/journeys/test_reset_link.py,
    test_the_waiting_page_is_the_same_for_known_unknown_and_disabled.)
    """
    shown = set()
    for user in (USER, UNKNOWN, DISABLED):
        person = await service.person()
        await asks(person, user)
        page = REFERENCE.sub("REFERENCE", await person.page.content())
        assert "REFERENCE" in page
        assert user in page
        page = page.replace(user, "USER")
        shown.add(page)
    assert len(shown) == 1
    await compras.nothing_more_is_sent(service, ADDRESS, 1)
    assert {mail.recipients for mail in service.maildrop.messages()} == {(ADDRESS,), (compras.GROUP,)}


@pytest.mark.statement("C4")
@ON_TWO_PHONES
async def test_pressing_again_is_harmless(service: Service, person: Person) -> None:
    """C4: «Here pressing again is harmless: within the cooldown nothing new is sent». That «after it the same live
    link is sent again», and «only an ended or nearly ended link is replaced, and then says so», takes a clock:
    tests/journeys/test_reset_link.py, test_asking_again_sends_nothing_within_the_cooldown_and_the_same_link_after_it
    and test_a_nearly_ended_link_is_replaced_and_says_so.
    """
    mail = await compras.mail_after_asking(service, person)
    reference = await person.reference()
    await expect(person.text("Ya lo pidió hace")).to_have_count(0)
    await person.page.get_by_text("No me llegó el correo").click()
    for _ in range(2):
        await person.link("pedirlo otra vez").click()
        await person.sees("Recuperar contraseña")
        await person.field("Nombre de usuario").fill(USER.upper())
        await person.presses("Enviar correo")
        await person.is_told(COOLING)
        assert await person.reference() == reference, "the mail that was sent is still the right one"
    stranger = await service.person()
    await asks(stranger)
    await stranger.is_told(COOLING)
    await compras.nothing_more_is_sent(service, ADDRESS, 1)
    await compras.types_code(person, code_in(mail))
    await person.sees("Cambiar contraseña")
    await compras.sets_a_password_by(service, reset_link(mail))


@pytest.mark.statement("C4")
@pytest.mark.long
async def test_a_hurried_second_press_is_one_request(service: Service, person: Person) -> None:
    """C4: «The guide warns to press once, or the link expires. Here pressing again is harmless»."""
    await person.opens(RECOVER)
    await person.field("Nombre de usuario").fill(USER)
    await person.button("Enviar correo").dblclick()
    await person.sees("Revise su correo electrónico")
    link = reset_link(await service.mail(ADDRESS))
    await compras.nothing_more_is_sent(service, ADDRESS, 1)
    await compras.sets_a_password_by(service, link)


@pytest.mark.statement("C4")
@ON_TWO_PHONES
async def test_a_link_that_ended_says_why_and_offers_a_new_one(service: Service, person: Person) -> None:
    """C4: «only an ended or nearly ended link is replaced, and then says so and offers a new one»."""
    link = reset_link(await compras.mail_after_asking(service, person))
    await person.opens(link)
    await changes(person)
    await person.is_told(compras.CHANGED)
    assert (await person.opens(link)).status == 410
    await person.sees("Este enlace ya no funciona")
    await person.is_told("Ya se usó, y sirve una sola vez.")
    await person.is_told("Puede pedir otro enlace. Si ya eligió una contraseña, ingrese con ella.")
    await person.link("Recuperar contraseña").click()
    await person.sees("Recuperar contraseña")
    await person.opens(f"{link[:-4]}AAAA")
    await person.is_told("Parece que falta una parte")
    await expect(person.link("Recuperar contraseña")).to_be_visible()


@pytest.mark.statement("C5")
async def test_of_all_that_was_asked_for_one_link_lives_and_it_works_once(service: Service, person: Person) -> None:
    """C5: «Su contraseña se activará con el último correo recibido»: exactly one live link an account. (Of twenty forms
    sent at once one sets the password: tests/journeys/test_reset_link.py; the link of a later mail:
    test_asking_again_sends_nothing_within_the_cooldown_and_the_same_link_after_it there.)
    """
    mail = await compras.mail_after_asking(service, person)
    link = reset_link(mail)
    for equipment in (PHONE, PLAIN_DESKTOP):
        await asks(await service.person(equipment))
    await compras.nothing_more_is_sent(service, ADDRESS, 1)
    assert set(re.findall(r"https?://[^\s\"<]+/cambiar/[^\s\"<]+", f"{mail.text} {mail.html}")) == {link}

    await compras.types_code(person, code_in(mail))
    await person.sees("Cambiar contraseña")
    other = await service.person(PLAIN_DESKTOP)
    await other.opens(link)
    await other.sees("Cambiar contraseña")
    await changes(other, NEW_PASSWORD)
    await other.is_told(compras.CHANGED)
    await changes(person, "segunda frase que llega tarde")
    await person.sees("Este enlace ya no funciona")
    await signs_in(other, USER, "segunda frase que llega tarde")
    await other.is_told(compras.REFUSED)
    await signs_in(other, USER, NEW_PASSWORD)
    await other.sees("Mi cuenta")


@pytest.mark.statement("C5")
@pytest.mark.long
async def test_two_accounts_of_one_address_have_a_live_link_each(service: Service, person: Person) -> None:
    """C5: «exactly one live link an account»: an account's link leaves the other account's alone."""
    first = reset_link(await compras.mail_after_asking(service, person, compras.STATIONER, compras.GROUP))
    await asks(person, compras.CLEANER)
    second = reset_link(await service.mail(compras.GROUP, 2))
    await compras.sets_a_password_by(service, second, compras.CLEANER, "montaña verde sin nubes")
    await compras.sets_a_password_by(service, first, compras.STATIONER)
