"""B1: every journey of the payments portal on a phone, by keyboard, for a screen reader, and to nobody else."""

import re

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page, expect

from tests.browser.person import RECOVER, Person
from tests.browser.service import Service
from tests.browser.tour import ADDRESS, tour
from tests.world import NEW_PASSWORD, temporary_passwords

NARROW = 320  # CSS pixels: 1280 at a zoom of 400 % (WCAG 2.2, 1.4.10)
SMALLEST_TARGET = 24  # CSS pixels (WCAG 2.2, 2.5.8)
EVERYTHING: dict[str, object] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
COLORS: dict[str, object] = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}


@pytest.mark.statement("B1")
async def test_every_page_passes_axe_in_light_and_dark_and_fits_320_pixels(service: Service, person: Person) -> None:
    """B1: «every journey on a phone … by screen reader» (WCAG 2.2 A and AA, 1.4.10 Reflow, 2.5.8 Target Size)."""
    seen = []
    async for name in tour(service, person):
        seen.append(name)
        await person.page.emulate_media(color_scheme="light", reduced_motion="reduce")  # no colour half-way
        assert await faults(person.page, EVERYTHING) == [], name
        await person.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert await faults(person.page, COLORS) == [], f"{name}, dark"
        width, smallest = await at_320_pixels(person.page)
        assert width <= NARROW, name
        assert smallest >= SMALLEST_TARGET, name
        assert await dead_anchors(person.page) == [], name
    assert len(seen) == len(set(seen)) == 22
    assert service.strangers() == []


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
    await expect(person.text("Ya hizo esta solicitud hace menos de")).to_have_count(0)
    assert service.requested.count(person.origin + RECOVER) == len(["shown", "sent"])


async def faults(page: Page, options: dict[str, object]) -> list[tuple[str, list[str]]]:
    """What axe finds wrong with a page: rule, and where."""
    if await page.evaluate("typeof axe") == "undefined":
        await page.evaluate(AXE_SCRIPT)
    found = await page.evaluate("options => axe.run(document, options)", options)
    return [(one["id"], [" ".join(node["target"]) for node in one["nodes"]]) for one in found["violations"]]


async def dead_anchors(page: Page) -> list[str]:
    """The links to a place on the page, of the summary of problems too, that lead nowhere."""
    dead: list[str] = await page.evaluate(
        """() => [...document.querySelectorAll('a[href^="#"]')].map(link => link.getAttribute("href").slice(1))
            .filter(name => !document.getElementById(name))"""
    )
    return dead


async def at_320_pixels(page: Page) -> tuple[float, float]:
    """How wide the page is on the narrowest screen, and the least height of what is pressed, in CSS pixels."""
    before = page.viewport_size
    assert before is not None
    await page.set_viewport_size({"width": NARROW, "height": before["height"]})
    width, smallest = await page.evaluate(
        """() => [document.documentElement.scrollWidth, Math.min(...[...document.querySelectorAll(
            "button, input:not([type=hidden]), .button")].map(one => one.getBoundingClientRect().height))]"""
    )
    await page.set_viewport_size(before)
    # A page on which nothing is pressed has no least height.
    return float(width), float("inf") if smallest is None else float(smallest)
