"""Bring a database's schema up to date; Alembic is imported only here, when it is needed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

from reclave.adapters.sql.engine import POSTGRESQL, SQLITE, configure_sqlite, connectable, create_sqlite_file
from reclave.adapters.sql.store import SqlStore
from reclave.adapters.sql.tables import metadata

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0006"
"""The revision that this code works with; a test compares it with the newest in `migrations/versions`."""

SCRIPTS = "reclave.adapters.sql:migrations"

_ONE_AT_A_TIME = text("SELECT pg_try_advisory_xact_lock(hashtextextended('reclave migrate', 0))")
_TURN_SECONDS = 0.2
LOCK_WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0)
"""What lies between tries to lock a table that others hold: people pass meanwhile, who would stand behind us."""
_LOCK_NOT_AVAILABLE = "55P03"
_INVALID = text(
    "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid"
    " WHERE NOT indisvalid AND relnamespace = current_schema()::regnamespace AND relname = ANY(:tables)"
)
_REINDEXED = ("_ccnew", "_ccold")
"""How the names of those end that a broken REINDEX CONCURRENTLY leaves beside the index itself."""


def upgrade(url: str) -> None:
    """Create or update every table at a store's URL; several may try at the same time.

    New tables are made in one transaction. On PostgreSQL those that are there are changed in steps that hold nobody up:
    what breaks off goes on with the next call.

    Raises ValueError for a URL that is no store's, FileNotFoundError where a SQLite file's folder is missing,
    `sqlalchemy.exc.OperationalError` where a table stays locked for a minute.
    """
    from alembic import command

    with connect(url) as connection:
        if connection.dialect.name == "sqlite" or _revision_at(connection) is None:
            command.upgrade(configuration(connection), "head")
        else:
            # This connection's transaction keeps other migrations waiting; it holds no lock that people meet.
            connection.exec_driver_sql("SELECT set_config('idle_in_transaction_session_timeout', '0', true)")
            _upgrade_live(connection.engine)


def _upgrade_live(engine: Engine) -> None:
    """Update tables that are in use."""
    from alembic import command

    from reclave.adapters.sql.live import LOCK_PATIENCE

    _mend_indexes(engine)
    waits = list(LOCK_WAITS_SECONDS)
    while True:
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("SET statement_timeout = 0")
                connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_PATIENCE}'")
                connection.commit()
                command.upgrade(configuration(connection, live=True), "head")
                return
        except OperationalError as error:
            if not waits or getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            time.sleep(waits.pop(0))


def _mend_indexes(engine: Engine) -> None:
    """Build indexes again that a migration or a REINDEX left unfinished: nobody reads them, and each write pays."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("SET lock_timeout = 0")
        for index in connection.scalars(_INVALID, {"tables": list(metadata.tables)}).all():
            verb = "DROP INDEX" if index.rstrip('"0123456789').endswith(_REINDEXED) else "REINDEX INDEX"
            connection.exec_driver_sql(f"{verb} CONCURRENTLY {index}")


def configuration(connection: Connection | None = None, *, live: bool = False) -> "Config":
    """Alembic's configuration for a command on a connection, or for one that needs only the scripts.

    `live`: the connection is in no transaction, and others use the tables.
    """
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "live": live})
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
            at = _revision_at(connection)
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
    return await connection.run_sync(_revision_at)


def _revision_at(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
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
    else:
        parsed = connectable(parsed, "reclave migrate")
    on_sqlite = parsed.drivername == "sqlite"
    options = {"isolation_level": None} if on_sqlite else {"prepare_threshold": None}
    engine = create_engine(parsed, connect_args=options, poolclass=NullPool)
    if on_sqlite:
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            # Waiting in a statement would keep the one that is at work from building its indexes beside others.
            while not (on_sqlite or connection.scalar(_ONE_AT_A_TIME)):
                time.sleep(_TURN_SECONDS)
            yield connection
    finally:
        engine.dispose()


def _configure(connection: Any, _record: object) -> None:
    configure_sqlite(connection)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
