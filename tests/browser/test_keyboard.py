"""By keyboard alone: the dialog holds the focus and gives it back."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.gallery.guest import served
from tests.gallery.stage import staged

pytestmark = [pytest.mark.long, pytest.mark.statement("B1")]


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """The customs portal's request, filled in, with the focus on its last field."""
    async with staged() as stage, served(stage, browser) as house:
        guest = await house.guest("es")
        await guest.opens("/aduana/recuperar")
        for control, value in (
            ("user_id", "mlopez"),
            ("identification", "1710034065"),
            ("email", "maria@correo.example"),
        ):
            await guest.page.fill(f"#{control}", value)
        yield guest.page


async def inside(page: Page) -> bool:
    """Whether the focus is in the open dialog, or on nothing of the page."""
    focused: bool = await page.evaluate(
        "() => document.activeElement === document.body || Boolean(document.activeElement.closest('dialog[open]'))"
    )
    return focused


async def test_the_question_holds_the_focus_and_gives_it_back(page: Page) -> None:
    """WCAG 2.2, 2.1.2 and 2.4.3."""
    opener = page.get_by_role("button", name="Recibir la clave por correo")
    await opener.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await expect(page.get_by_role("dialog").get_by_role("button", name="Sí")).to_be_focused()
    for _ in range(5):
        await page.keyboard.press("Tab")
        assert await inside(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(opener).to_be_focused()


async def test_enter_in_a_field_asks_the_question_and_no_gives_the_field_back(page: Page) -> None:
    await page.focus("#email")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.get_by_role("dialog").get_by_role("button", name="No").press("Enter")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.locator("#email")).to_be_focused()
    await expect(page.locator("#email")).to_have_value("maria@correo.example")
