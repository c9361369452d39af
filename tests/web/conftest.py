"""The pages over the memory store: what a page answers does not depend on the engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reclave.adapters.memory import MemoryStore
from tests.stores import Clock
from tests.world import World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The payments portal with its demo companies."""
    clock = Clock()
    async with open_world(MemoryStore(clock.standing), tmp_path, clock) as opened:
        yield opened
