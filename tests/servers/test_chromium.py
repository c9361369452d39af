from pathlib import Path

import pytest
from playwright.async_api import Error, async_playwright

from tests.servers import MissingServer
from tests.servers.chromium import PATH_VARIABLE, LaunchOptions, executable


async def test_the_browser_shows_a_page_and_reaches_no_other_host(chromium_options: LaunchOptions) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**chromium_options)
        page = await browser.new_page()
        await page.set_content("<h1>Recuperar contraseña</h1>")
        assert await page.get_by_role("heading").inner_text() == "Recuperar contraseña"
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            await page.goto("http://portal.example/")
        await browser.close()


def test_a_browser_that_is_named_but_missing_is_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PATH_VARIABLE, str(tmp_path / "chromium"))
    with pytest.raises(MissingServer, match=PATH_VARIABLE):
        executable()
