"""Time limits in a browser (WCAG 2.2, 2.2.1): said before the end, moved by one press, nothing typed is lost."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from reclave.domain.time import MINUTE, SECOND, Span
from tests.gallery.guest import Guest, House, served
from tests.gallery.scene import Scene
from tests.gallery.stage import staged
from tests.world import DEMO_PASSWORD, NEW_PASSWORD, nit, reset_link

pytestmark = [pytest.mark.long, pytest.mark.statement("B1")]

USER, USERS_ADDRESS = "ferreteria.sur", "ventas@ferreteriasur.example"


@pytest_asyncio.fixture(loop_scope="session")
async def house(browser: Browser) -> AsyncIterator[House]:
    """The portals at their instant; nothing was asked of anybody else, and no page complained."""
    async with staged() as stage, served(stage, browser) as opened:
        yield opened
        assert opened.strangers() == []
        assert opened.complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def scene(house: House) -> Scene:
    """Someone signed in at the payments portal, whose browser's clock stands."""
    guest = await house.guest("es")
    await guest.page.clock.install()
    scene = Scene(house.stage, guest, house.stage.world.services.portals["pagos"])
    await scene.signs_in(nit(0), DEMO_PASSWORD)
    return scene


def page_of(scene: Scene) -> Page:
    """What the person looks at."""
    assert isinstance(scene.visitor, Guest)
    return scene.visitor.page


async def passes(scene: Scene, span: Span) -> None:
    """Time passes on both sides."""
    scene.wait(span)
    await page_of(scene).clock.fast_forward(span // 1000)


async def test_one_press_before_the_end_keeps_the_session_and_what_was_typed(scene: Scene) -> None:
    await scene.opens("change_password")
    page = page_of(scene)
    await expect(page.locator("#kept")).to_have_text(
        "Si no hace nada, su sesión termina a las 10:45 (hora de Colombia)."
    )
    await page.fill("#current", DEMO_PASSWORD)
    await page.fill("#password", NEW_PASSWORD)
    await page.focus("#confirm")
    alert = page.locator(".ending")
    await passes(scene, 27 * MINUTE)
    await expect(alert).to_have_role("alert")
    await expect(alert).to_have_text("", use_inner_text=True)
    await passes(scene, MINUTE + 5 * SECOND)
    await expect(alert).to_contain_text("Esta página se cierra en menos de 2 minutos. Lo que ya escribió se conserva.")
    await expect(page.locator("#confirm")).to_be_focused()
    await expect(alert.get_by_role("button", name="Seguir en la sesión")).to_be_in_viewport()
    await page.keyboard.press("Tab")
    for _ in range(6):
        if await alert.get_by_role("button").evaluate("button => button === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(alert.get_by_role("button")).to_be_hidden()
    await expect(page.locator("#kept")).to_have_text(
        "Si no hace nada, su sesión termina a las 11:13 (hora de Colombia)."
    )
    await expect(page.locator("#kept")).to_have_role("status")
    await expect(page.locator("#confirm")).to_be_focused()
    await expect(page.locator("#password")).to_have_value(NEW_PASSWORD)
    await passes(scene, 25 * MINUTE)
    await page.fill("#confirm", NEW_PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Su contraseña cambió")).to_be_visible()


async def test_after_the_end_the_page_says_so_and_the_sign_in_page_says_why(scene: Scene) -> None:
    page = page_of(scene)
    await passes(scene, 30 * MINUTE + 5 * SECOND)
    over = page.locator(".ending")
    await expect(over).to_contain_text("El tiempo de esta página terminó.")
    await expect(over.get_by_role("button")).to_be_hidden()
    await over.get_by_role("link").click()
    notice = page.locator("#notice")
    await expect(notice).to_contain_text("Su sesión terminó")
    await expect(notice).to_be_focused()
    await scene.sends("sign_in", identifier=nit(0), password=DEMO_PASSWORD)
    assert scene.visitor.path == scene.page("account")


async def test_a_press_that_comes_too_late_says_that_the_session_is_over(scene: Scene) -> None:
    page = page_of(scene)
    await passes(scene, 29 * MINUTE)
    scene.wait(5 * MINUTE)
    await page.locator(".ending").get_by_role("button").click()
    await expect(page.locator(".ending")).to_contain_text("El tiempo de esta página terminó.")


async def test_another_page_of_the_same_session_moves_the_end_of_this_one_too(scene: Scene) -> None:
    page = page_of(scene)
    await passes(scene, 20 * MINUTE)
    other = await page.context.new_page()
    await other.goto(page.url)
    await expect(page.locator("#kept")).to_contain_text("11:05")
    await passes(scene, 9 * MINUTE)
    await expect(page.locator(".ending")).to_have_text("", use_inner_text=True)


async def test_a_limit_that_stands_is_said_without_a_button(house: House) -> None:
    guest = await house.guest("es")
    await guest.page.clock.install()
    scene = Scene(house.stage, guest, house.stage.world.services.portals["compras"])
    await scene.opens("recover")
    await scene.sends("recover", user_name=USER)
    await guest.opens(reset_link(await scene.mail(USERS_ADDRESS)))
    await expect(guest.page.locator("#kept")).to_contain_text("Tiene hasta el 23 de noviembre de 2026, 11:15")
    await passes(scene, 59 * MINUTE)
    alert = guest.page.locator(".ending")
    await expect(alert).to_contain_text("no puede durar más. Termine ahora.")
    await expect(alert.get_by_role("button")).to_have_count(0)


async def test_the_warning_hides_nothing_that_has_the_focus_on_the_narrowest_screen(scene: Scene) -> None:
    """WCAG 2.2, 2.4.11, at a zoom of 400 % (1.4.10)."""
    page = page_of(scene)
    await page.set_viewport_size({"width": 320, "height": 400})
    await scene.opens("change_password")
    await passes(scene, 29 * MINUTE)
    await expect(page.locator(".ending")).to_contain_text("Esta página se cierra")
    stops = await page.locator("a:visible, button:visible, input:visible").count()
    for _ in range(stops):
        await page.keyboard.press("Tab")
        hidden = await page.evaluate(
            """() => {
                const box = document.activeElement.getBoundingClientRect();
                const warning = document.querySelector(".ending .notice:not([hidden])");
                return !warning.contains(document.activeElement) && box.bottom > warning.getBoundingClientRect().top
                    && box.top < warning.getBoundingClientRect().bottom && document.activeElement.outerHTML;
            }"""
        )
        assert not hidden


async def test_without_scripts_the_page_says_the_end_and_nothing_else(house: House) -> None:
    guest = await house.guest("es")
    scene = Scene(house.stage, guest, house.stage.world.services.portals["pagos"])
    async with guest.unscripted():
        await scene.signs_in(nit(0), DEMO_PASSWORD)
        await expect(guest.page.locator("#kept")).to_contain_text("su sesión termina a las 10:45")
        await expect(guest.page.locator(".ending")).to_have_text("", use_inner_text=True)
        box = await guest.page.locator(".ending").bounding_box()
        assert box is not None
        assert box["height"] == 0
