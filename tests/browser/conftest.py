"""Browser tests: a real service in processes of its own for each test, driven through a real Chromium.

Playwright's driver and the mail server live on one event loop for the whole run, so that the browser starts once.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.person import PHONE, Equipment, Person
from tests.browser.service import Blueprint, Service, draw_blueprint, running
from tests.one_loop import keep_on_one_loop
from tests.servers.chromium import LaunchOptions
from tests.stores import sqlite_template, template_name

__all__ = ["sqlite_template", "template_name"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run this folder's tests on the loop that the browser lives on."""
    keep_on_one_loop(items, HERE)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium_options: LaunchOptions) -> AsyncIterator[Browser]:
    """One Chromium for all tests of a worker; each person has a context, and so cookies, of their own."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(**chromium_options)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def blueprint(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Blueprint:
    """The seeded portal that every service is a copy of."""
    return await draw_blueprint(tmp_path_factory.mktemp("blueprint"), sqlite_template)


@pytest_asyncio.fixture(loop_scope="session")
async def service(browser: Browser, blueprint: Blueprint, tmp_path: Path) -> AsyncIterator[Service]:
    """A service of this test's own, which must not have failed, nor its pages complained, nor left the origin."""
    async with running(browser, blueprint, tmp_path) as started:
        yield started
    check_quiet(started)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_service(
    browser: Browser, blueprint: Blueprint, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """A service for tests that only look at pages; nobody signs in or asks for anything here."""
    async with running(browser, blueprint, tmp_path_factory.mktemp("shared")) as started:
        yield started
    check_quiet(started)


@pytest_asyncio.fixture(loop_scope="session")
async def person(request: pytest.FixtureRequest, service: Service) -> Person:
    """Someone at a phone; `parametrize("person", [...], indirect=True)` gives them other equipment."""
    equipment: Equipment = getattr(request, "param", PHONE)
    return await service.person(equipment)


def check_quiet(service: Service) -> None:
    """Nothing failed in the service, no page broke a script or the content policy, no request left the origin."""
    assert service.errors() == []
    assert service.complaints == []
    assert service.strangers() == []
