"""The browser of the gallery: one for a worker, with fonts that every machine has alike."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.gallery.guest import launch_options
from tests.one_loop import keep_on_one_loop

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run this folder's tests on the loop that the browser lives on."""
    keep_on_one_loop(items, HERE)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A Chromium in which text looks the same everywhere."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(**launch_options(tmp_path_factory.mktemp("fonts")))
        yield launched
        await launched.close()
