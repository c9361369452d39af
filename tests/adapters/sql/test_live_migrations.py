"""Migrations on tables that are in use: nothing rewritten, nobody held up for long, rows kept from every revision."""

import asyncio
import threading
from itertools import pairwise
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Boolean,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from reclave.adapters.sql import migrate
from reclave.adapters.sql.store import open_store
from reclave.adapters.sql.tables import metadata
from tests.adapters.sql.live_statements import dangers
from tests.contracts.rows import an_entry

REVISIONS = [
    each.revision for each in reversed(list(ScriptDirectory.from_config(migrate.configuration()).walk_revisions()))
]
ON_POSTGRESQL = pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)


def bring_to(url: str, revision: str, *, live: bool = False) -> list[str]:
    """Bring a database to a revision, as one that is in use where `live`; the statements that were sent."""
    statements: list[str] = []
    with migrate.connect(url) as connection:
        if not live:
            command.upgrade(migrate.configuration(connection), revision)
            return []
        with connection.engine.connect() as plain:
            event.listen(plain, "before_cursor_execute", lambda *given: statements.append(given[2]))
            command.upgrade(migrate.configuration(plain, live=True), revision)
    return statements


def reflected(connection: Connection) -> list[Table]:
    """The tables that are there, but for the note of the revision; each after those that it refers to."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def a_row(table: Table, number: int) -> dict[str, Any]:
    """A row that fills every column; rows of one number refer to each other rightly."""
    of_type: dict[type[Any], Any] = {
        Text: f"value {number}",
        LargeBinary: bytes([number]),
        Boolean: True,
        Integer: number,  # and BigInteger
    }
    return {
        column.name: next(value for kind, value in of_type.items() if isinstance(column.type, kind))
        for column in table.columns
    }


def rows_of(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    return {
        table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
        for table in reflected(connection)
    }


def drift(connection: Connection) -> list[Any]:
    """What is not as the statements expect."""
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


@pytest.mark.long
@pytest.mark.req("I5")
def test_rows_of_every_revision_are_there_after_all_that_follow(empty_url: str) -> None:
    written: list[tuple[str, dict[str, Any]]] = []
    for number, revision in enumerate(REVISIONS, 1):
        bring_to(empty_url, revision, live=empty_url.startswith("postgresql") and number > 1)
        with migrate.connect(empty_url) as connection:
            for table in reflected(connection):
                connection.execute(table.insert().values(a_row(table, number)))
                written.append((table.name, a_row(table, number)))
    with migrate.connect(empty_url) as connection:
        rows = rows_of(connection)
        assert drift(connection) == []
    assert len(written) > 60
    for name, row in written:
        assert any(row.items() <= found.items() for found in rows[name]), (name, row)


def test_the_comparison_finds_what_is_not_as_the_statements_expect(url: str) -> None:
    with migrate.connect(url) as connection:
        for change in (
            "ALTER TABLE account ADD COLUMN forgotten TEXT",
            "ALTER TABLE intake DROP COLUMN grants",
            "DROP INDEX outbox_failed",
            "CREATE INDEX forgotten ON account (status)",
            "CREATE TABLE forgotten (id INTEGER)",
        ):
            savepoint = connection.begin_nested()
            connection.execute(text(change))
            assert drift(connection) != [], change
            savepoint.rollback()
        assert drift(connection) == []


def schema_of(connection: Connection) -> set[str]:
    """Every index and column as the database itself writes them, with conditions and defaults."""
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        return {" ".join(str(made).split()) for made in connection.scalars(text(query))}
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()"
    columns = (
        "SELECT format('%s.%s %s %s %s %s', table_name, column_name, data_type, collation_name, is_nullable,"
        " column_default) FROM information_schema.columns WHERE table_schema = current_schema()"
    )
    return {str(each) for query in (indexes, columns) for each in connection.scalars(text(query))}


def test_a_database_that_was_updated_is_the_same_as_a_new_one(url: str, empty_url: str) -> None:
    with migrate.connect(url) as connection:
        new = schema_of(connection)
    bring_to(empty_url, REVISIONS[0])
    migrate.upgrade(empty_url)
    with migrate.connect(empty_url) as connection:
        assert schema_of(connection) == new


@ON_POSTGRESQL
def test_no_migration_rewrites_or_locks_a_table_that_is_in_use_and_each_may_be_run_again(empty_url: str) -> None:
    bring_to(empty_url, REVISIONS[0])
    for before, revision in pairwise(REVISIONS):
        with migrate.connect(empty_url) as connection:
            existing = set(inspect(connection).get_table_names()) - {"alembic_version"}
        statements = bring_to(empty_url, revision, live=True)
        assert statements
        assert dangers(statements, existing) == []
        if any("CONCURRENTLY" in each for each in statements):  # else a transaction undoes what breaks off
            with migrate.connect(empty_url) as connection:
                connection.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": before})
            assert bring_to(empty_url, revision, live=True)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX account_by_status ON account (status)",
        "CREATE UNIQUE INDEX account_by_status ON account (status)",
        "DROP INDEX account_by_address",
        "ALTER TABLE account ALTER COLUMN status TYPE VARCHAR(10)",
        "ALTER TABLE account ALTER COLUMN address SET NOT NULL",
        "ALTER TABLE account ADD CONSTRAINT known CHECK (status <> '')",
        "ALTER TABLE account ADD FOREIGN KEY (portal) REFERENCES portal (id)",
        "ALTER TABLE account ADD CONSTRAINT one UNIQUE (address)",
        "ALTER TABLE account ADD COLUMN made_at TIMESTAMP DEFAULT clock_timestamp() NOT NULL",
        "ALTER TABLE account ADD COLUMN number BIGSERIAL",
        "ALTER TABLE account ADD COLUMN kind TEXT NOT NULL",
        "ALTER TABLE account SET UNLOGGED",
        "UPDATE account SET status = 'active'",
        "LOCK TABLE account IN EXCLUSIVE MODE",
    ],
)
def test_a_dangerous_statement_is_found(statement: str) -> None:
    assert len(dangers([statement], {"account", "outbox"})) == 1
    assert dangers([statement.replace("account", "new")], {"outbox"}) == dangers(["DROP INDEX new_by_address"], []) * (
        statement.startswith("DROP")
    )


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS account_by_status ON account (status)",
        "DROP INDEX CONCURRENTLY account_by_address",
        "ALTER TABLE account ADD COLUMN kind TEXT",
        "ALTER TABLE account ADD COLUMN bulk BOOLEAN DEFAULT false NOT NULL",
        "ALTER TABLE account ADD COLUMN kind TEXT DEFAULT 'person' NOT NULL",
        "ALTER TABLE account ADD CONSTRAINT known CHECK (status <> '') NOT VALID",
        "ALTER TABLE account VALIDATE CONSTRAINT known",
        "ALTER TABLE account ADD CONSTRAINT one UNIQUE USING INDEX account_one",
        "ALTER INDEX outbox_due RENAME TO outbox_due_before",
        "UPDATE alembic_version SET version_num='0003' WHERE alembic_version.version_num = '0002'",
    ],
)
def test_a_harmless_statement_is_let_through(statement: str) -> None:
    assert dangers([statement], {"account", "outbox"}) == []


def invalid_indexes(connection: Connection) -> set[str]:
    query = text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")
    return set(connection.scalars(query))


@ON_POSTGRESQL
def test_indexes_that_broke_off_are_built_again(url: str) -> None:
    leave_unfinished(url, "intake_unresolved", "outbox_due_ccnew")
    migrate.upgrade(url)
    with migrate.connect(url) as connection:
        assert invalid_indexes(connection) == set()
        assert connection.scalar(text("SELECT to_regclass('outbox_due_ccnew')")) is None
        assert drift(connection) == []


def leave_unfinished(url: str, lost: str, leftover: str) -> None:
    """What a server that goes down leaves of an index that it was building."""
    with migrate.connect(url) as connection:
        connection.execute(text(f"CREATE INDEX {leftover} ON outbox (due_at)"))
        for name in (lost, leftover):
            marked = text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass(:name)")
            connection.execute(marked, {"name": name})
        assert invalid_indexes(connection) == {lost, leftover}


@ON_POSTGRESQL
def test_a_table_that_others_hold_is_locked_for_a_moment_again_and_again_until_it_is_free(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reclave.adapters.sql.live.LOCK_PATIENCE", "20ms")
    monkeypatch.setattr(migrate, "LOCK_WAITS_SECONDS", (0.01,) * 500)
    bring_to(empty_url, "0002")
    engine = create_engine(empty_url, poolclass=NullPool)
    with engine.connect() as holder, engine.connect() as other:
        holder.execute(text("LOCK TABLE outbox IN ROW EXCLUSIVE MODE"))
        upgrading = threading.Thread(target=migrate.upgrade, args=(empty_url,))
        upgrading.start()
        for _ in range(20):
            other.execute(text("INSERT INTO turned_away VALUES ('x', 1, 1) ON CONFLICT DO NOTHING"))
            assert other.scalar(text("SELECT count(*) FROM outbox")) == 0
            other.rollback()
        assert upgrading.is_alive()
        holder.rollback()
        upgrading.join()
    with migrate.connect(empty_url) as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == migrate.HEAD


@ON_POSTGRESQL
def test_a_table_that_stays_locked_ends_the_migration_and_the_next_call_goes_on(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reclave.adapters.sql.live.LOCK_PATIENCE", "20ms")
    monkeypatch.setattr(migrate, "LOCK_WAITS_SECONDS", (0.01, 0.01))
    bring_to(empty_url, "0002")
    with create_engine(empty_url, poolclass=NullPool).connect() as holder:
        holder.execute(text("LOCK TABLE guess IN ROW EXCLUSIVE MODE"))
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate.upgrade(empty_url)
        holder.rollback()
    migrate.upgrade(empty_url)


@ON_POSTGRESQL
async def test_a_running_service_goes_on_while_its_tables_are_updated(empty_url: str) -> None:
    bring_to(empty_url, "0003")
    store = await open_store(empty_url)
    upgrading = asyncio.create_task(asyncio.to_thread(migrate.upgrade, empty_url))
    written = 0
    while not upgrading.done() or written < 10:
        async with store.transaction() as tx:
            await tx.audit.add(an_entry())
        written += 1
    await upgrading
    assert not await migrate.pending(store)
    await store.close()
