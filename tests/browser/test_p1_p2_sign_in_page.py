"""The sign-in page: P1 and the first-use notice of P2."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.person import PHONE, PLAIN_DESKTOP, PLAIN_PHONE, Equipment
from tests.browser.service import GUIDE, Service


@pytest.mark.statement("P1")
@pytest.mark.parametrize("equipment", [PHONE, PLAIN_DESKTOP], ids=["phone", "no-scripts"])
async def test_the_sign_in_page_shows_brand_fields_and_ways_out(shared_service: Service, equipment: Equipment) -> None:
    """P1: «Sign-in page: brand and motto, «Pagos en línea», user name = company NIT (placeholder 000.000.000-0),
    password, «Ingresar», «¿Olvidó su contraseña?», «Descargue aquí el instructivo de uso», «Ayuda en línea»,
    rights footer».
    """
    person = await shared_service.person(equipment)
    await person.opens()
    banner, rights = person.page.get_by_role("banner"), person.page.get_by_role("contentinfo")
    await expect(banner).to_contain_text("Pagos de Ejemplo")
    await expect(banner).to_contain_text("De principio a fin")
    assert await banner.locator("img").evaluate("image => image.complete && image.naturalWidth > 0")
    await person.sees("Pagos en línea")
    await expect(person.page).to_have_title(re.compile("Pagos en línea.*Pagos de Ejemplo"))
    await expect(person.field("NIT de la empresa")).to_have_attribute("placeholder", "000.000.000-0")
    await expect(person.field("NIT de la empresa")).to_have_attribute("autocomplete", "username")
    await expect(person.field("Contraseña")).to_have_attribute("type", "password")
    await expect(person.field("Contraseña")).to_have_attribute("autocomplete", "current-password")
    await expect(person.button("Ingresar")).to_be_visible()
    await expect(person.link("¿Olvidó su contraseña?")).to_be_visible()
    await expect(person.link("Descargue aquí el instructivo de uso")).to_have_attribute("href", GUIDE)
    await expect(person.link("Ayuda en línea")).to_have_attribute("href", "https://ayuda.pagos.example/")
    await expect(rights).to_contain_text("Pagos de Ejemplo S.A. · Todos los derechos reservados")


@pytest.mark.statement("P2")
async def test_the_first_use_notice_says_what_to_type_and_what_comes_then(shared_service: Service) -> None:
    """P2: «First-use notice on that page: type the NIT with dots, dash and check digit, and the initial password
    received from the company; an e-mail address and a new password are then asked for».
    """
    person = await shared_service.person(PLAIN_PHONE)
    await person.opens()
    notice = person.page.get_by_role("complementary", name="¿Es su primera vez aquí?")
    await expect(notice).to_contain_text("NIT de la empresa (con puntos, guion y dígito de verificación)")
    await expect(notice).to_contain_text("la contraseña inicial que recibió de la empresa")
    await expect(notice).to_contain_text(
        "Luego le pediremos una dirección de correo electrónico y una contraseña nueva"
    )


@pytest.mark.statement("P2")
async def test_who_does_what_the_first_use_notice_says_is_asked_for_address_and_password(service: Service) -> None:
    """P2: «… an e-mail address and a new password are then asked for»."""
    person = await service.person()
    company = service.company(1)
    assert re.fullmatch(r"\d{3}\.\d{3}\.\d{3}-\d", company.identifier)
    await person.signs_in(company.identifier, company.password)
    await person.sees("Registro de datos de ingreso")
    await expect(person.field("Correo electrónico")).to_be_editable()
    await expect(person.field("Nueva contraseña")).to_be_editable()
