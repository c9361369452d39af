"""On paper: what a person keeps, whom to call and where the page is; nothing that can only be pressed."""

import pytest
from playwright.async_api import Browser

from tests.gallery.guest import House, served
from tests.gallery.scene import Scene
from tests.gallery.stage import staged
from tests.world import DEMO_PASSWORD

ADDRESS = "tesoreria@andina.example"
CHROME = "button, form, .button, .languages, .skip, input, select"


async def shown(house: House) -> str:
    """The words that the page prints."""
    page = house.browser.contexts[-1].pages[-1]
    await page.emulate_media(media="print", color_scheme="dark")
    for one in await page.locator(CHROME).all():
        assert not await one.is_visible(), await one.evaluate("one => one.outerHTML")
    assert await page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(0, 0, 0)"
    printed = await page.locator("body").inner_text()
    assert "01 8000 000 00" in printed
    assert "07:00" in printed
    await page.emulate_media(media="screen", color_scheme="light")
    return printed


@pytest.mark.long
@pytest.mark.parametrize(
    ("portal", "field", "typed", "sender"),
    [
        ("pagos", "email", ADDRESS, "no-responder@pagos.example"),
        ("compras", "user_name", "ferreteria.sur", "registro@compras.example"),
    ],
)
async def test_a_waiting_page_prints_what_tells_the_right_mail(
    browser: Browser, portal: str, field: str, typed: str, sender: str
) -> None:
    async with staged() as stage, served(stage, browser) as house:
        scene = Scene(stage, await house.guest("es"), stage.world.services.portals[portal])
        await scene.opens("recover")
        await scene.sends("recover", **{field: typed})
        page = house.browser.contexts[-1].pages[-1]
        reference = await page.locator(".slip .number").first.inner_text()
        printed = await shown(house)
        for words in (reference, sender, "1 hora", house.origin + scene.page("recover_sent")):
            assert words in printed


@pytest.mark.long
async def test_an_account_page_prints_whose_it_is_and_when_it_was_used(browser: Browser) -> None:
    async with staged() as stage, served(stage, browser) as house:
        scene = Scene(stage, await house.guest("es"), stage.world.services.portals["pagos"])
        await scene.signs_in("900.100.001-1", DEMO_PASSWORD)
        printed = await shown(house)
        for words in ("900.100.001-1", ADDRESS, "23 de noviembre de 2026", house.origin + scene.page("account")):
            assert words in printed
