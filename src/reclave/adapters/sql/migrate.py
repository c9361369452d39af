"""Bring a database's schema up to date; Alembic is imported only here, when it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, inspect, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

from reclave.adapters.sql.engine import POSTGRESQL, SQLITE, configure_sqlite, create_sqlite_file
from reclave.adapters.sql.store import SqlStore

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0005"
"""The revision that this code works with; a test compares it with the newest in `migrations/versions`."""

SCRIPTS = "reclave.adapters.sql:migrations"

_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('reclave migrate', 0))")


def upgrade(url: str) -> None:
    """Create or update every table at a store's URL, in one transaction; several may try at the same time.

    Raises ValueError for a URL that is no store's, FileNotFoundError where a SQLite file's folder is missing.
    """
    from alembic import command

    with connect(url) as connection:
        command.upgrade(configuration(connection), "head")


def configuration(connection: Connection | None = None) -> "Config":
    """Alembic's configuration for a command on a connection, or for one that needs only the scripts."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", SCRIPTS)
    return config


@dataclass(frozen=True, slots=True)
class Step:
    """A migration: its revision and what it does, in a line."""

    revision: str
    what: str


def plan(url: str) -> list[Step]:
    """The migrations that `upgrade` would run, first to last. Raises as `upgrade` does, and changes nothing."""
    from alembic.script import ScriptDirectory

    at = None
    if not missing(url):
        with connect(url) as connection:
            if inspect(connection).has_table("alembic_version"):
                at = connection.scalar(text("SELECT version_num FROM alembic_version"))
    scripts = ScriptDirectory.from_config(configuration())
    newest_first = scripts.iterate_revisions(HEAD, at or "base")
    return [Step(each.revision, each.doc) for each in reversed(list(newest_first))]


def missing(url: str) -> bool:
    """Whether a SQLite database's file is not there yet; opening it would make it."""
    parsed = make_url(url)
    return parsed.drivername == SQLITE and not Path(parsed.database or "").exists()


async def pending(store: SqlStore) -> bool:
    """Whether the database's schema is another than this code works with; Alembic is not needed to tell."""
    async with store.database.reading() as (connection, _now):
        return await _revision(connection) != HEAD


async def _revision(connection: AsyncConnection) -> str | None:
    if not await connection.run_sync(lambda sync: inspect(sync).has_table("alembic_version")):
        return None
    revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """A blocking connection in a transaction that keeps other migrations waiting and ends with the block."""
    parsed = make_url(url)
    if parsed.drivername == SQLITE:
        create_sqlite_file(parsed)
        parsed = parsed.set(drivername="sqlite")
    elif parsed.drivername != POSTGRESQL:
        raise ValueError(f"{parsed.drivername!r} is not a store's database")
    on_sqlite = parsed.drivername == "sqlite"
    options = {"isolation_level": None} if on_sqlite else {"prepare_threshold": None}
    engine = create_engine(parsed, connect_args=options, poolclass=NullPool)
    if on_sqlite:
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            if not on_sqlite:
                connection.execute(_ONE_AT_A_TIME)
            yield connection
    finally:
        engine.dispose()


def _configure(connection: Any, _record: object) -> None:
    configure_sqlite(connection)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
