"""B1: every journey of the payments portal on a phone, by keyboard, for a screen reader, and to nobody else."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.browser.person import RECOVER, Person
from tests.browser.service import Service
from tests.gallery.eyes import COLORS, EVERYTHING, axe
from tests.world import NEW_PASSWORD, temporary_passwords

ADDRESS = "tesoreria@andina.example"
NARROW = 320  # CSS pixels: 1280 at a zoom of 400 % (WCAG 2.2, 1.4.10)


@pytest.mark.statement("B1")
async def test_the_way_to_the_mail_passes_axe_in_light_and_dark_and_fits_320_pixels(
    service: Service, person: Person
) -> None:
    """B1: «every journey on a phone … by screen reader»; tests/gallery looks at every page in every state."""
    async for name in _to_the_mail(person):
        assert await axe(person.page, EVERYTHING) == [], name
        await person.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert await axe(person.page, COLORS) == [], f"{name}, dark"
        await person.page.emulate_media(color_scheme="light", reduced_motion="reduce")  # no colour half-way
        await person.page.set_viewport_size({"width": NARROW, "height": person.equipment.height})
        assert await person.page.evaluate("document.documentElement.scrollWidth") <= 320, name
    assert service.strangers() == []


async def _to_the_mail(person: Person) -> AsyncIterator[str]:
    await person.opens()
    yield "sign-in"
    await person.opens(RECOVER)
    await person.field("Introduzca su correo electrónico").fill("tesoreria@andina")
    await person.presses("Enviar")
    await expect(person.page.get_by_role("alert")).to_be_focused()
    yield "recover-wrong-address"
    await person.asks(ADDRESS)
    await person.sees("Revise su correo electrónico")
    yield "recover-sent"


@pytest.mark.statement("B1")
async def test_a_recovery_needs_no_more_than_the_keyboard(service: Service, person: Person) -> None:
    """B1: «every journey … by keyboard»: Tab and Enter, from the sign-in page to «Mi cuenta»."""
    await person.opens()
    await person.enters(person.link("¿Olvidó su contraseña?"))
    await person.sees("Recuperar contraseña")
    await person.types(person.field("Introduzca su correo electrónico"), ADDRESS)
    await person.enters(person.button("Enviar"))
    await person.sees("Revise su correo electrónico")
    (secret,) = temporary_passwords(await service.mail(ADDRESS))
    await person.enters(person.link("Volver"))
    await person.sees("Pagos en línea")
    await person.types(person.field("NIT de la empresa"), service.company(0).identifier)
    await person.types(person.field("Contraseña"), secret)
    await person.page.keyboard.press("Enter")
    await person.sees("Registro de datos de ingreso")
    await person.types(person.field("Nueva contraseña"), NEW_PASSWORD)
    await person.types(person.field("Confirmar contraseña"), NEW_PASSWORD)
    await person.enters(person.button("Actualizar"))
    await person.is_told("Su contraseña nueva quedó registrada. Ingrese con ella.")
    await person.types(person.field("Contraseña"), NEW_PASSWORD)
    await person.enters(person.button("Ingresar"))
    await person.sees("Mi cuenta")


@pytest.mark.statement("B1")
async def test_the_first_stop_of_the_keyboard_skips_to_the_content(shared_service: Service) -> None:
    """B1: «by keyboard» (WCAG 2.2, 2.4.1 Bypass Blocks)."""
    person = await shared_service.person()
    await person.opens()
    await person.enters(person.link("Ir al contenido principal"))
    await expect(person.page.get_by_role("main")).to_be_focused()


@pytest.mark.statement("B1")
async def test_a_problem_is_announced_in_title_focus_and_summary(shared_service: Service) -> None:
    """B1: «by screen reader»: what went wrong is the first thing that is read."""
    person = await shared_service.person()
    await person.opens(RECOVER)
    await person.field("Introduzca su correo electrónico").fill("tesoreria@andina")
    await person.presses("Enviar")
    summary = person.page.get_by_role("alert")
    await expect(summary).to_be_focused()
    await expect(person.page).to_have_title(re.compile("^Error: Recuperar contraseña"))
    await summary.get_by_role("link").click()
    await expect(person.field("Introduzca su correo electrónico")).to_be_focused()
    await expect(person.field("Introduzca su correo electrónico")).to_have_attribute("aria-invalid", "true")


@pytest.mark.statement("B1")
@pytest.mark.req("S28", "S36")
async def test_no_cookie_is_set_before_sign_in_but_that_of_the_waiting_page(service: Service, person: Person) -> None:
    """B1, and the architecture's «no cookie before sign-in» but the flow cookie; `__Host-` holds on localhost."""
    await person.opens()
    await person.opens(RECOVER)
    assert await person.cookies() == {}
    await person.asks(ADDRESS)
    await person.sees("Revise su correo electrónico")
    assert list(await person.cookies()) == ["__Host-reclave-pagos-flow"]
    (secret,) = temporary_passwords(await service.mail(ADDRESS))
    await person.signs_in(service.company(0).identifier, secret)
    await person.sees("Registro de datos de ingreso")
    cookies = await person.cookies()
    assert list(cookies) == ["__Host-reclave-pagos"]
    kept = {name: cookies["__Host-reclave-pagos"][name] for name in ("path", "secure", "httpOnly", "sameSite")}
    assert kept == {"path": "/", "secure": True, "httpOnly": True, "sameSite": "Lax"}
    assert cookies["__Host-reclave-pagos"]["expires"] == -1
    assert await person.page.evaluate("document.cookie") == ""
    assert {url.rpartition(".")[2] for url in service.requested if "/static/" in url} == {"css", "js", "svg"}


@pytest.mark.statement("B1")
async def test_a_hurried_second_press_asks_only_once(service: Service, person: Person) -> None:
    """B1: a double press on a phone is one request."""
    await person.opens(RECOVER)
    await person.field("Introduzca su correo electrónico").fill(ADDRESS)
    await person.button("Enviar").dblclick()
    await person.sees("Revise su correo electrónico")
    await expect(person.text("Ya lo pidió hace menos de")).to_have_count(0)
    assert service.requested.count(person.origin + RECOVER) == len(["shown", "sent"])
