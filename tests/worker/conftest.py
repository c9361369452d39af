"""The worker runs over memory, SQLite and PostgreSQL, with a mail server that refuses when a test says so."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reclave.ports.store import Store
from tests.stores import Clock, clock, open_another, sqlite_template, store, template_name
from tests.worker.post_office import Refusals
from tests.world import World, open_world

__all__ = ["clock", "open_another", "refusals", "sqlite_template", "store", "template_name", "world"]


@pytest.fixture
def refusals() -> Refusals:
    """What the world's mail server refuses: nothing, until a test says so."""
    return Refusals()


@pytest.fixture
async def world(store: Store, tmp_path: Path, clock: Clock, refusals: Refusals) -> AsyncIterator[World]:
    """The payments portal with its demo companies."""
    async with open_world(store, tmp_path, clock, policy=refusals) as opened:
        yield opened
