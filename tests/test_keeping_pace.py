"""Pages learn beside their requests how fast mail goes."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import pytest

from reclave.bootstrap import running
from reclave.journeys.mail_pace import MailPace
from reclave.ports.store import Store
from tests.stores import Clock, clock
from tests.web.conftest import world
from tests.world import World

__all__ = ["Clock", "clock", "world"]


class Counted(MailPace):
    """Fails at first, as with a database that is away, and says when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: asyncio.Queue[set[str]] = asyncio.Queue()

    async def refresh(self, store: Store, portals: Iterable[str] = ()) -> None:
        """Note the portals."""
        assert store
        await self.asked.put(set(portals))
        if self.asked.qsize() == 1:
            raise ConnectionError


@pytest.mark.req("S1")
async def test_how_fast_mail_goes_is_read_again_and_again_whatever_happens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "PACE_SECONDS", 0)
    pace, stop = Counted(), asyncio.Event()
    task = running.keep_pace(replace(world.wired, services=replace(world.services, mail_pace=pace)), stop)
    for _ in range(3):
        assert await pace.asked.get() == {"aduana", "compras", "pagos"}
    stop.set()
    await task
