"""The procurement portal from the mail on: what it says (C6, C7), its link (C8), its code (B2), the change (C10)."""

import re

import pytest
from playwright.async_api import expect

from tests.browser import compras
from tests.browser.compras import ADDRESS, RESET, USER, changes, mail_after_asking, signs_in, types_code
from tests.browser.person import DESKTOP, PHONE, PLAIN_DESKTOP, PLAIN_PHONE, Person, report_link
from tests.browser.service import Service
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, code_in, reset_link

ON_TWO_PHONES = pytest.mark.parametrize(
    "person", [PHONE, pytest.param(PLAIN_PHONE, marks=pytest.mark.long)], ids=["phone", "no-scripts"], indirect=True
)
ON_TWO_DESKTOPS = pytest.mark.parametrize(
    "person",
    [DESKTOP, pytest.param(PLAIN_DESKTOP, marks=pytest.mark.long)],
    ids=["desktop", "no-scripts"],
    indirect=True,
)
CALL_TO_ACTION = f"Haga clic aquí para cambiar la contraseña de {USER}"
HELP_DESK = (
    r"Mesa de servicio, línea nacional: 01 8000 000 001 \([^)]*07:00[^)]*19:00[^)]*08:00[^)]*12:00[^)]*\)",
    r"En la capital: 601 000 0000 \([^)]*07:00[^)]*19:00[^)]*\)",
)
WHEN = re.compile(r"\d{1,2} de [a-z]+ de \d{4}, (\d\d):(\d\d) \(hora de Colombia\)")
OTHER_ADDRESS = "gerencia@ferreteriasur.example"


@pytest.mark.statement("C6", "C7")
async def test_the_mail_says_who_asked_what_and_when_in_text_and_html(service: Service, person: Person) -> None:
    """C7: «The mail: from the portal's configured sender; heading, salutation, who asked what and when, «Haga clic aquí
    para cambiar la contraseña de {usuario}», the whole URL in sight to copy, expiry, help-desk hours and lines, «No fui
    yo». Text and HTML». C6: the anti-phishing notice is in the mail.
    """
    mail = await mail_after_asking(service, person)
    assert (mail.from_, mail.sender) == ("Compras de Ejemplo <registro@compras.example>", "registro@compras.example")
    assert mail.recipients == (ADDRESS,)
    assert mail.subject.startswith("Cambie su contraseña, ref. ")
    link, report = reset_link(mail), report_link(mail.text)
    assert link.startswith(f"{service.origin}{RESET}/")
    words = re.sub(r"<(style|title)>.*?</\1>|<[^>]+>", " ", mail.html or "", flags=re.DOTALL)
    for body in (mail.text or "", re.sub(r"\s+", " ", words)):
        asked, link_ends, code_ends = (int(hour) * 60 + int(minute) for hour, minute in WHEN.findall(body))
        assert (link_ends - asked) % 1440 in {60, 61}  # the grant is a moment younger than the request
        assert (code_ends - asked) % 1440 in {15, 16}
        for said in (
            "Compras de Ejemplo",
            "Cordial saludo:",
            "Recibimos una solicitud para recuperar su contraseña",
            "Se hizo desde: Chrome · Android",
            CALL_TO_ACTION,
            link,
            "El enlace sirve hasta:",
            "contraseña actual sigue funcionando",
            "No fui yo",
            report,
            compras.NEVER_ASKED,
        ):
            assert said in body, said
        for line in HELP_DESK:
            assert re.search(line, body), line


@pytest.mark.statement("C7", "C8")
@ON_TWO_PHONES
async def test_the_html_mail_is_read_in_a_browser_and_its_links_lead_on(service: Service, person: Person) -> None:
    """C7: «heading, salutation, … «Haga clic aquí para cambiar la contraseña de {usuario}», the whole URL in sight to
    copy, … «No fui yo»»: as a mail program on the web shows it; a click is a navigation from another site.
    """
    mail = await mail_after_asking(service, person)
    assert mail.html
    page = person.page
    for name, heading in (
        (CALL_TO_ACTION, "Cambiar contraseña"),
        (reset_link(mail), "Cambiar contraseña"),
        (report_link(mail.text), "No fui yo"),
    ):
        await page.goto("about:blank")
        await page.set_content(mail.html)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Cambie su contraseña")
        assert await page.evaluate("document.documentElement.scrollWidth") <= person.equipment.width
        await person.link(name).click()
        await person.sees(heading)
        await expect(page.get_by_role("main").get_by_text("Este enlace ya no funciona")).to_have_count(0)
    await person.is_told("Alguien pidió cambiar la contraseña de la cuenta")


@pytest.mark.statement("C8", "C10")
@ON_TWO_PHONES
async def test_only_a_valid_new_password_uses_the_link_up(service: Service, person: Person) -> None:
    """C8: «The link opens «Cambiar contraseña»: read-only user name, new password, confirm, «Cambiar contraseña». GET
    and HEAD never use the link up; only a valid new password does». C10: «and the person signs in».
    """
    link = reset_link(await mail_after_asking(service, person))
    for method in ("HEAD", "GET", "HEAD"):
        assert (await person.fetches(link, method)).status == 200
    for _ in range(2):
        await person.opens(link)
        await person.sees("Cambiar contraseña")
        assert person.path == RESET
        assert link.rpartition("/")[2] not in await person.page.content()
    await expect(person.field("Nombre de usuario")).to_have_value(USER)
    await expect(person.field("Nombre de usuario")).not_to_be_editable()
    for password, confirm, field, message in (
        ("corta", "corta", "Nueva contraseña", "Use al menos 15 caracteres"),
        (f"compras {USER}", f"compras {USER}", "Nueva contraseña", "Elija otra."),
        (NEW_PASSWORD, "otra frase bien distinta", "Confirmar contraseña", "Las dos contraseñas son distintas"),
    ):
        await changes(person, password, confirm)
        await person.sees("Cambiar contraseña")
        await expect(
            person.page.get_by_role("alert").get_by_role("link", name=re.compile(message)).first
        ).to_be_visible()
        await expect(person.field(field)).to_have_attribute("aria-invalid", "true")
        await expect(person.field("Nombre de usuario")).to_have_value(USER)
    await changes(person)
    await person.sees("Compra pública")
    await person.is_told(compras.CHANGED)
    await expect(person.field("Nombre de usuario")).to_have_value(USER)
    await person.field("Contraseña").fill(NEW_PASSWORD)
    await person.presses("Entrar")
    await person.sees("Mi cuenta")
    await person.opens(link)
    await person.is_told("Ya se usó, y sirve una sola vez.")


@pytest.mark.statement("C8")
@pytest.mark.long
async def test_a_second_link_in_the_same_browser_does_not_turn_the_first_form_into_another_accounts(
    service: Service, person: Person
) -> None:
    """C8: «read-only user name»: the password that is set is the one of the account that the form shows."""
    first = reset_link(await mail_after_asking(service, person, compras.STATIONER, compras.GROUP))
    await compras.asks(person, compras.CLEANER)
    second = reset_link(await service.mail(compras.GROUP, 2))
    await person.opens(first)
    await expect(person.field("Nombre de usuario")).to_have_value(compras.STATIONER)
    tab = Person(await person.page.context.new_page(), person.origin, person.equipment)
    await tab.opens(second)
    await expect(tab.field("Nombre de usuario")).to_have_value(compras.CLEANER)
    await changes(person)
    await person.is_told("Este formulario es ahora de otra cuenta")
    await expect(person.field("Nombre de usuario")).to_have_value(compras.CLEANER)
    for user in (compras.STATIONER, compras.CLEANER):
        other = await service.person()
        await signs_in(other, user, DEMO_PASSWORD)
        await other.sees("Mi cuenta")
    await person.opens(first)
    await changes(person)
    await person.is_told(compras.CHANGED)
    await expect(person.field("Nombre de usuario")).to_have_value(compras.STATIONER)


@pytest.mark.statement("B2")
@ON_TWO_DESKTOPS
async def test_the_code_of_a_mail_read_on_the_phone_is_typed_where_it_was_asked_for(
    service: Service, person: Person
) -> None:
    """B2: «links that mail scanners can't burn, and a typed code in the same mail for a mail read on another device».
    The scanners are in test_scanners.py.
    """
    mail = await mail_after_asking(service, person)
    assert code_in(mail) in (mail.html or "")
    await person.is_told("¿Lee su correo en otro equipo?")
    await types_code(person, code_in(mail).lower().replace("-", " "))
    await person.sees("Cambiar contraseña")
    assert person.path == RESET
    await expect(person.field("Nombre de usuario")).to_have_value(USER)
    await changes(person)
    await person.is_told(compras.CHANGED)
    phone = await service.person(PHONE)
    await phone.opens(reset_link(mail))
    await phone.is_told("Ya se usó, y sirve una sola vez.")


@pytest.mark.statement("B2")
async def test_a_code_counts_in_no_other_browser_and_five_times_and_leaves_the_link_alone(
    service: Service, person: Person
) -> None:
    """B2: «a typed code in the same mail»: in the browser that asked, five tries; the link goes on working. (It ends
    after a quarter of an hour: tests/journeys/test_reset_link.py,
    test_the_code_ends_after_a_quarter_of_an_hour_and_the_link_after_an_hour.)
    """
    mail = await mail_after_asking(service, person)
    stranger = await service.person()
    await compras.asks(stranger)
    await types_code(stranger, code_in(mail))
    await stranger.sees_problem("Código", "Revíselo y escríbalo otra vez. Intentos restantes: 4.")
    for left in (4, 3, 2, 1, 0):
        await types_code(person, "0000-0000")
        await person.sees_problem("Código", f"Revíselo y escríbalo otra vez. Intentos restantes: {left}.")
    await types_code(person, code_in(mail))
    await person.sees_problem("Código", "Ya no quedan intentos para este código.")
    await compras.sets_a_password_by(service, reset_link(mail))


@pytest.mark.statement("C10")
@ON_TWO_PHONES
async def test_the_change_ends_every_other_session_and_grant_and_is_told_to_the_owner(
    service: Service, person: Person
) -> None:
    """C10: «After the change: all other sessions and grants of the account end, a notice goes to the registered
    address, and the person signs in».
    """
    elsewhere, moving = await service.person(), await service.person()
    for other in (elsewhere, moving):
        await signs_in(other, USER, DEMO_PASSWORD)
        await other.sees("Mi cuenta")
    await moving.opens(compras.CHANGE_ADDRESS)
    await moving.field("Correo electrónico nuevo").fill(OTHER_ADDRESS)
    await moving.field("Su contraseña").fill(DEMO_PASSWORD)
    await moving.presses("Enviar el código")
    await service.mail(OTHER_ADDRESS)
    mail = await mail_after_asking(service, person)

    await person.opens(reset_link(mail))
    await changes(person)
    await person.is_told(compras.CHANGED)
    await person.opens(compras.ACCOUNT)
    await person.is_told("Su sesión terminó. Ingrese de nuevo.")
    for other in (elsewhere, moving):
        await other.opens(compras.ACCOUNT)
        await other.is_told("Su sesión terminó. Ingrese de nuevo.")
    await signs_in(moving, USER, DEMO_PASSWORD)
    await moving.is_told(compras.REFUSED)
    await signs_in(moving, USER, NEW_PASSWORD)
    await moving.sees("Mi cuenta")
    await moving.opens(compras.CHANGE_ADDRESS_CODE)
    await expect(moving.field("Código")).to_have_count(0)
    await elsewhere.opens(report_link(mail.text))
    await elsewhere.sees("Este enlace ya no funciona")

    notice = next(one for one in await service.mails(ADDRESS, 2) if one.message_id != mail.message_id)
    assert notice.subject == "Se cambió su contraseña"
    for body in (notice.text or "", notice.html or ""):
        assert USER in body
        assert NEW_PASSWORD not in body
        assert report_link(notice.text) in body
