"""What a stranger's request does not do (B3), «No fui yo» (B4), and links that mail scanners follow (B2)."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.person import (
    ACCOUNT,
    PHONE,
    PLAIN_PHONE,
    PORTAL,
    REPORT,
    Equipment,
    Person,
    report_link,
)
from tests.browser.recovery import ADDRESS
from tests.browser.service import Service
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, temporary_passwords

ON_TWO_PHONES = pytest.mark.parametrize("person", [PHONE, PLAIN_PHONE], ids=["phone", "no-scripts"], indirect=True)


@pytest.mark.statement("B3")
@pytest.mark.req("S3", "S10")
async def test_a_strangers_request_changes_nothing_until_the_new_password_is_set(
    service: Service, person: Person
) -> None:
    """B3: «a stranger's request changes nothing: the old password works until the new one is set»."""
    nit = service.company(0).identifier
    await person.signs_in(nit, DEMO_PASSWORD)
    await person.sees("Mi cuenta")
    stranger = await service.person()
    await stranger.asks(ADDRESS)
    await stranger.asks(ADDRESS)
    (secret,) = temporary_passwords(await service.mail(ADDRESS))
    await person.opens(ACCOUNT)
    await person.sees("Mi cuenta")
    elsewhere = await service.person()
    await elsewhere.signs_in(nit, DEMO_PASSWORD)
    await elsewhere.sees("Mi cuenta")

    owner = await service.person()
    await owner.signs_in(nit, secret)
    await owner.registers(None, NEW_PASSWORD)
    await owner.is_told("Su contraseña nueva quedó registrada")
    await person.opens(ACCOUNT)
    await person.is_told("Su sesión terminó. Ingrese de nuevo.")
    await person.signs_in(nit, DEMO_PASSWORD)
    await person.is_told("El NIT o la contraseña no son correctos")


@pytest.mark.statement("B4", "B1")
@ON_TWO_PHONES
async def test_not_me_before_the_change_ends_the_temporary_password_and_opens_a_case(
    service: Service, person: Person
) -> None:
    """B4: «No fui yo» ends the grant and opens a case."""
    await (await service.person()).asks(ADDRESS)
    mail = await service.mail(ADDRESS)
    (secret,) = temporary_passwords(mail)
    await person.opens(report_link(mail.text))
    await person.sees("No fui yo")
    await person.is_told("Alguien pidió una contraseña temporal para la cuenta 900.100.001-1")
    await expect(person.page.get_by_role("checkbox")).not_to_be_checked()
    await person.reports("Yo no hice esta solicitud.")
    await person.sees("Gracias por avisarnos")
    await person.is_told("La contraseña temporal ya no funciona. Su propia contraseña sigue funcionando.")
    await person.is_told("Número de caso")
    assert await person.reference() not in mail.subject
    nit = service.company(0).identifier
    await person.signs_in(nit, secret)
    await person.is_told("Esta contraseña temporal se anuló. Pida una nueva.")
    await person.signs_in(nit, DEMO_PASSWORD)
    await person.sees("Mi cuenta")


@pytest.mark.statement("B4")
@pytest.mark.long
async def test_not_me_after_the_change_blocks_the_new_password_until_a_recovery(
    service: Service, person: Person
) -> None:
    """B4: after the change it ends all sessions and blocks the new password until a recovery."""
    nit = service.company(0).identifier
    intruder = await service.person(person.equipment)
    await intruder.asks(ADDRESS)
    (secret,) = temporary_passwords(await service.mail(ADDRESS))
    await intruder.signs_in(nit, secret)
    await intruder.registers(None, NEW_PASSWORD)
    await intruder.signs_in(nit, NEW_PASSWORD)
    await intruder.sees("Mi cuenta")
    notice = (await service.mails(ADDRESS, 2))[0]

    await person.opens(report_link(notice.text))
    await person.is_told("Alguien cambió la contraseña de la cuenta 900.100.001-1")
    await person.reports("Yo no hice este cambio.")
    await person.is_told("Cerramos todas las sesiones y bloqueamos la contraseña nueva.")
    await person.is_told("Número de caso")
    await intruder.opens(ACCOUNT)
    await intruder.is_told("Su sesión terminó. Ingrese de nuevo.")
    for password in (NEW_PASSWORD, DEMO_PASSWORD):
        await intruder.signs_in(nit, password)
        await intruder.is_told("El NIT o la contraseña no son correctos")


@pytest.mark.statement("B2", "B4")
@pytest.mark.req("S12", "S36")
@pytest.mark.long
async def test_a_mail_scanner_that_follows_the_link_changes_nothing(service: Service, person: Person) -> None:
    """B2: «links that mail scanners can't burn»: HEAD, GET, and a form sent as it stands."""
    nit = service.company(0).identifier
    await (await service.person()).asks(ADDRESS)
    mail = await service.mail(ADDRESS)
    (secret,) = temporary_passwords(mail)
    link = report_link(mail.text)
    for method in ("HEAD", "GET", "GET"):
        assert (await person.fetches(link, method)).status == 200
    scanner = await service.person(Equipment(javascript=False))
    await scanner.opens(link)
    await scanner.page.locator("main form").evaluate("form => { form.noValidate = true; form.requestSubmit() }")
    await scanner.is_told("Marque la casilla si no fue usted.")

    await person.signs_in(nit, secret)
    await person.sees("Registro de datos de ingreso")
    await person.opens(link)
    await person.reports("Yo no hice esta solicitud.")
    await person.sees("Gracias por avisarnos")
    case = await person.page.locator(".slip").inner_text()
    await person.opens(link)
    await person.sees("Gracias por avisarnos")
    assert await person.page.locator(".slip").inner_text() == case, "the same case, not another"


@pytest.mark.statement("B4")
@pytest.mark.req("S36")
async def test_the_token_of_a_link_leaves_the_address_bar_and_the_page(service: Service, person: Person) -> None:
    """B4, S36: the link's page moves on to a clean address; opening the mail's link again still works."""
    await (await service.person()).asks(ADDRESS)
    link = report_link((await service.mail(ADDRESS)).text)
    token = link.rpartition("/")[2]
    for _ in range(2):
        await person.opens(link)
        await person.sees("No fui yo")
        assert person.path == REPORT
        assert token not in await person.page.content()
    assert list(await person.cookies()) == ["__Host-reclave-pagos-flow"]
    await person.opens(f"{link[:-4]}AAAA")
    await person.is_told(re.compile("Parece que falta una parte"))
    stranger = await service.person(person.equipment)
    await stranger.opens(REPORT)
    await expect(stranger.page.get_by_role("checkbox")).to_have_count(0)
    await stranger.opens(PORTAL)
