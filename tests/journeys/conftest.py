"""Journeys run over memory, SQLite and PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reclave.ports.store import Store
from tests.stores import Clock, clock, open_another, sqlite_template, store, template_name
from tests.world import World, open_world

__all__ = ["clock", "open_another", "sqlite_template", "store", "template_name", "world"]


@pytest.fixture
async def world(store: Store, tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    """The payments portal with its demo companies."""
    async with open_world(store, tmp_path, clock) as opened:
        yield opened
