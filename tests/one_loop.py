"""Tests that share a browser share the event loop that it lives on."""

from pathlib import Path

import pytest
import pytest_asyncio


def keep_on_one_loop(items: list[pytest.Item], folder: Path) -> None:
    """Run a folder's tests on the loop of the whole run."""
    for item in items:
        if item.path.is_relative_to(folder) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
