"""The stores that the contract and journey tests run over, and the clock that they live by.

A conftest takes the fixtures with `from tests.stores import ...`; a test that asks for `store` runs three
times: over memory, SQLite and PostgreSQL.
"""

import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from reclave.adapters.memory import MemoryStore
from reclave.adapters.sql import migrate
from reclave.adapters.sql.store import open_store
from reclave.adapters.sql.tables import metadata
from reclave.domain.time import Instant, Span
from reclave.ports.store import Store
from tests.servers.postgresql import PostgresServer

__all__ = ["Clock", "OpenAnother", "clock", "open_another", "sqlite_template", "store", "template_name"]

OpenAnother = Callable[[], Awaitable[Store]]
"""Opens one more store over the same data, as another process would; over memory it is the same store."""


@dataclass(slots=True)
class Clock:
    """The database's clock in a test: how far it is from the machine's, and the hand that moves it.

    Over memory it stands still between moves, so that ties happen; over SQL it also runs, and nothing is exact.
    """

    offset: Span = 0
    started_at: Instant = field(default_factory=lambda: time.time_ns() // 1000)

    def move(self, span: Span) -> None:
        """Move the clock by so many microseconds, backward if negative."""
        self.offset += span

    def __call__(self) -> Span:
        """Microseconds to add to the database's own clock."""
        return self.offset

    def standing(self) -> Instant:
        """The clock that only moves by hand."""
        return self.started_at + self.offset


@pytest.fixture
def clock() -> Clock:
    """The clock of this test's store."""
    return Clock()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "reclave.sqlite"
    migrate.upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def template_name(postgresql_server: PostgresServer) -> str:
    """The migrated database of which every test's own is a copy."""
    return postgresql_server.template("migrated", migrate.upgrade)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def open_another(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> AsyncIterator[OpenAnother]:
    """Opens stores over one fresh database; each is closed after the test."""
    async with AsyncExitStack() as opened:

        def closing(store: Store) -> Store:
            opened.push_async_callback(store.close)
            return store

        if request.param == "memory":
            only = closing(MemoryStore(clock.standing))

            async def another() -> Store:
                return only

        else:
            url = _database(request, tmp_path)

            async def another() -> Store:
                return closing(await open_store(url, clock_offset=clock))

        yield another


def _database(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "postgresql":
        return emptied(request.getfixturevalue("postgresql_server"), request.getfixturevalue("template_name"))
    path = folder / "reclave.sqlite"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite+aiosqlite:///{path}"


_own_database: dict[str, str] = {}


def emptied(server: PostgresServer, template: str, *, ending_others: bool = True) -> str:
    """The database that this process keeps for its tests, empty: a copy of the template for each costs more."""
    name = _own_database.get(server.url) or _own_database.setdefault(server.url, server.create_database(template))
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    address = make_url(server.url_of(name)).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        # What an earlier test left open would keep the tables locked.
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> %s"
        )
        if ending_others:
            connection.execute(others, [connection.info.backend_pid])
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(sql.SQL(tables)))
    return server.url_of(name)


@pytest.fixture
async def store(open_another: OpenAnother) -> Store:
    """A store over a database of this test's own."""
    return await open_another()
