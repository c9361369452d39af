"""An operator's use cases over the memory store, with a mail server that refuses when a test says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reclave.adapters.memory import MemoryStore
from tests.stores import Clock, clock
from tests.worker.post_office import Refusals
from tests.world import World, open_world

__all__ = ["clock", "refusals", "world"]


@pytest.fixture
def refusals() -> Refusals:
    """What the world's mail server refuses: nothing, until a test says so."""
    return Refusals()


@pytest.fixture
async def world(tmp_path: Path, clock: Clock, refusals: Refusals) -> AsyncIterator[World]:
    """The payments portal with its demo companies."""
    async with open_world(MemoryStore(clock.standing), tmp_path, clock, policy=refusals) as opened:
        yield opened
