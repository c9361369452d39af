"""Waking other processes through PostgreSQL: one notification for many rings, none needed twice, none relied upon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import make_url
from structlog.testing import capture_logs

from reclave.adapters.sql import listen as listener
from reclave.adapters.sql.engine import PostgresqlDatabase
from reclave.adapters.sql.listen import listen
from reclave.adapters.sql.notify import CHANNEL, NotifyBell
from reclave.adapters.sql.store import SqlStore


@pytest.fixture
def engine_name() -> str:
    """Only PostgreSQL can tell other processes."""
    return "postgresql"


class Heard:
    """What a listener heard: its connection first, then each notification."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[None] = asyncio.Queue()

    def __call__(self) -> None:
        self._calls.put_nowait(None)

    async def once(self) -> None:
        async with asyncio.timeout(30):
            await self._calls.get()


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Heard]:
    """A listener that is connected."""
    heard = Heard()
    task = asyncio.create_task(listen(url, heard))
    await heard.once()
    yield heard
    task.cancel()


def bell_of(store: SqlStore) -> NotifyBell:
    database = store.database
    assert isinstance(database, PostgresqlDatabase)
    return NotifyBell(lambda: database.notify(CHANNEL))


async def test_a_ring_wakes_every_process_that_listens(store: SqlStore, url: str) -> None:
    bell = bell_of(store)
    async with listening(url) as one, listening(url) as other:
        for _ in range(2):
            bell.ring()
            await asyncio.gather(one.once(), other.once())
        await bell.close()


async def test_rings_that_follow_each_other_closely_are_one_notification() -> None:
    told, go_on = 0, asyncio.Event()

    async def tell() -> None:
        nonlocal told
        told += 1
        await go_on.wait()

    bell = NotifyBell(tell)
    for _ in range(100):
        bell.ring()
        await asyncio.sleep(0)
    go_on.set()
    await bell.close()
    assert told == 2


async def test_what_rang_last_is_told_before_a_process_ends(store: SqlStore, url: str) -> None:
    async with listening(url) as heard:
        bell = bell_of(store)
        bell.ring()
        await bell.close()
        await heard.once()


async def test_a_listener_that_lost_its_connection_looks_again_once_it_has_another(
    store: SqlStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "FIRST_WAIT_SECONDS", 0.001)
    bell = bell_of(store)
    with capture_logs() as logs:
        async with listening(url) as heard:
            address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
            async with await psycopg.AsyncConnection.connect(address, autocommit=True) as operator:
                await operator.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reclave listener'"
                    " AND datname = current_database()"
                )
            await heard.once()
            bell.ring()
            await heard.once()
            await bell.close()
    assert [line["event"] for line in logs] == ["listener_lost"]


async def test_a_database_that_cannot_be_told_is_no_fault_of_whoever_rings() -> None:
    async def fail() -> None:
        raise OSError

    bell = NotifyBell(fail)
    with capture_logs() as logs:
        bell.ring()
        await bell.close()
    assert [line["event"] for line in logs] == ["notification_failed"]
