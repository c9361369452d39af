"""B1: every page of the portals in every state can be used by anyone, and looks as it did."""

import pytest
from playwright.async_api import Browser

from tests.gallery.eyes import Eyes, newest_axe
from tests.gallery.guest import served
from tests.gallery.pictures import CHOSEN, Album
from tests.gallery.scene import LANGUAGES, Scene
from tests.gallery.stage import staged
from tests.gallery.walks import PORTALS, TOURS


@pytest.mark.long
@pytest.mark.statement("B1")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", TOURS)
async def test_every_state_is_for_everyone_and_looks_as_before(browser: Browser, name: str, language: str) -> None:
    """B1: «on a phone, … by screen reader, … in Spanish, English and Brazilian Portuguese» (WCAG 2.2 A and AA)."""
    tour, eyes, album = TOURS[name], Eyes(language, newest_axe()), Album(language, name)
    seen: list[str] = []
    async with staged(tour.rewrite) as stage, served(stage, browser) as house:
        guest = await house.guest(language)
        async for state in tour.walk(Scene(stage, guest, stage.world.services.portals[tour.portal])):
            assert guest.status == state.status, f"{state.name} at {guest.path}"
            seen.append(state.name)
            await eyes.look(guest.page, state.name)
            if name in PORTALS:
                await album.take(guest.page, state)
    album.close()
    assert eyes.faults + album.faults == []
    assert house.complaints == []
    assert house.strangers() == []
    assert len(seen) == len(set(seen))
    assert {state for state in CHOSEN if state.startswith(f"{name}-")} <= {f"{name}-{state}" for state in seen}
    assert {title: headings for title, headings in eyes.titles.items() if len(headings) > 1} == {}
