"""A world whose numbers are counted, over the memory store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reclave.adapters.memory import MemoryStore
from reclave.adapters.tally import Tally
from reclave.bootstrap import build_worker
from reclave.bootstrap.telemetry import Watch, watched
from tests.stores import Clock, clock
from tests.worker.post_office import Refusals
from tests.world import World, open_world

__all__ = ["clock", "refusals", "tally", "world"]


@pytest.fixture
def refusals() -> Refusals:
    """What the world's mail server refuses: nothing, until a test says so."""
    return Refusals()


@pytest.fixture
def tally() -> Tally:
    """The numbers of the world's pages and worker."""
    return Tally()


@pytest.fixture
async def world(tmp_path: Path, clock: Clock, refusals: Refusals, tally: Tally) -> AsyncIterator[World]:
    """The payments portal with its demo companies, watched."""
    async with (
        open_world(MemoryStore(clock.standing), tmp_path, clock, policy=refusals) as opened,
        watched(opened.wired, Watch(tally), "pages") as wired,
    ):
        opened.wired = wired
        opened.worker = build_worker(wired, opened.worker._sender._mailer)
        yield opened
