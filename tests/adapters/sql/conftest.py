"""Each test of the SQL adapter runs on SQLite and on PostgreSQL, on a database of its own."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from reclave.adapters.sql.engine import PostgresqlDatabase, SqliteDatabase
from reclave.adapters.sql.store import SqlStore, open_store
from tests.servers.postgresql import PostgresServer
from tests.stores import Clock, clock, sqlite_template, template_name

__all__ = ["clock", "sqlite_template", "template_name"]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """The engine that the test runs on."""
    return str(request.param)


@pytest.fixture
def url(request: pytest.FixtureRequest, engine_name: str, tmp_path: Path) -> str:
    """The URL of a migrated database."""
    if engine_name == "postgresql":
        return str(request.getfixturevalue("postgresql_database"))
    path = tmp_path / "reclave.sqlite"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, engine_name: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without tables."""
    if engine_name == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'empty.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgresql_server")
    name = server.create_database()
    yield server.url_of(name)
    server.drop_database(name)


@pytest.fixture
async def store(url: str, clock: Clock) -> AsyncIterator[SqlStore]:
    """A store over the migrated database."""
    opened = await open_store(url, clock_offset=clock)
    yield opened
    await opened.close()


@pytest.fixture
def writer(store: SqlStore) -> Engine:
    """The engine whose connections write, for listening to its events."""
    match store.database:
        case SqliteDatabase():
            return store.database._writer.sync_engine
        case PostgresqlDatabase():
            return store.database._engine.sync_engine
    raise AssertionError(f"{store.database} is no database that is known here")
