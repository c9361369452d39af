"""WCAG 2.2 beyond axe, on every page in every state of the gallery: keyboard, focus, messages, zoom, colours, names."""

import pytest
from playwright.async_api import Browser

from tests.browser.wcag import faults, help_of
from tests.gallery.guest import served
from tests.gallery.scene import Scene
from tests.gallery.stage import staged
from tests.gallery.walks import TOURS

pytestmark = [pytest.mark.long, pytest.mark.statement("B1")]


@pytest.mark.req("S51")
@pytest.mark.parametrize("name", TOURS)
async def test_each_state_of_each_page_can_be_used_by_keyboard_enlarged_and_in_forced_colours(
    browser: Browser, name: str
) -> None:
    """2.4.3, 2.4.7, 2.4.11, 2.5.3, 2.5.8, 1.3.2, 1.3.5, 1.4.4, 1.4.10, 1.4.11, 1.4.12, 3.2.6, 3.3.1, 3.3.8, 4.1.3."""
    one = TOURS[name]
    wrong: dict[str, object] = {}
    helps, shapes = set[str](), set[str]()
    async with staged(one.rewrite) as stage, served(stage, browser) as house:
        guest = await house.guest("es")
        scene = Scene(stage, guest, stage.world.services.portals[one.portal])
        async for state in one.walk(scene):
            if found := await faults(guest.page, scene.portal.file.sign_in.identifier, shapes):
                wrong[state.name] = found
            if await guest.page.locator("footer").count():
                helps.add(await help_of(guest.page))
    assert wrong == {}
    assert len(helps) <= 1, "help stands elsewhere on some page (3.2.6)"
