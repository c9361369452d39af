"""The pages over the memory store: what a page answers does not depend on the engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reclave.adapters.memory import MemoryStore
from tests.stores import Clock
from tests.web import raw_http
from tests.web.raw_http import WholeResponse
from tests.world import World, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The payments portal with its demo companies."""
    clock = Clock()
    async with open_world(MemoryStore(clock.standing), tmp_path, clock) as opened:
        yield opened


@pytest.fixture(params=["two messages", "one piece"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test once with answers as ASGI has them, and once with whole ones."""
    if request.param == "one piece":
        monkeypatch.setattr(raw_http, "response", WholeResponse)
