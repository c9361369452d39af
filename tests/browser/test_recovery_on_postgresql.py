"""The complete recovery with PostgreSQL behind the service."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import check_quiet
from tests.browser.recovery import recovers
from tests.browser.service import Blueprint, running


@pytest.mark.statement("P4", "P5", "P6", "P7", "P8")
async def test_a_recovery_works_the_same_on_postgresql(
    browser: Browser, blueprint: Blueprint, tmp_path: Path, postgresql_database: str
) -> None:
    """P4–P8 on the database of larger installations."""
    async with running(browser, blueprint, tmp_path, database=postgresql_database) as service:
        await recovers(service, await service.person())
        check_quiet(service)
