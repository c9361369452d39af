"""The schema: made from nothing, by several at a time, and the same as the statements expect."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from reclave.adapters.sql import migrate
from reclave.adapters.sql.store import open_store
from reclave.adapters.sql.tables import metadata


async def test_a_database_without_tables_has_migrations_pending_until_they_ran(empty_url: str) -> None:
    store = await open_store(empty_url)
    assert await migrate.pending(store)
    await asyncio.to_thread(migrate.upgrade, empty_url)
    assert not await migrate.pending(store)
    await store.close()


async def test_a_database_of_another_revision_has_migrations_pending(url: str) -> None:
    with migrate.connect(url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    store = await open_store(url)
    assert await migrate.pending(store)
    await store.close()


def test_the_migrations_make_what_the_statements_expect(url: str) -> None:
    with migrate.connect(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_several_processes_may_migrate_at_the_same_time(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(migrate.upgrade, [empty_url] * 4))
    with migrate.connect(empty_url) as connection:
        assert connection.scalar(text("SELECT count(*) FROM alembic_version")) == 1
        assert set(metadata.tables) < set(inspect(connection).get_table_names())


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    with migrate.connect(empty_url) as connection:
        connection.execute(text("CREATE TABLE help_case (id INTEGER)"))  # the last table that is made
    with pytest.raises(Exception, match="help_case"):
        migrate.upgrade(empty_url)
    with migrate.connect(empty_url) as connection:
        assert inspect(connection).get_table_names() == ["help_case"]


def test_downgrading_leaves_no_table(url: str) -> None:
    with migrate.connect(url) as connection:
        command.downgrade(migrate.configuration(connection), "base")
    with migrate.connect(url) as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert inspect(connection).get_sequence_names() == [] if connection.dialect.name == "postgresql" else True
    migrate.upgrade(url)


def test_the_code_names_the_newest_revision() -> None:
    scripts = ScriptDirectory.from_config(migrate.configuration())
    assert scripts.get_heads() == [migrate.HEAD]


@pytest.mark.parametrize("url", ["mysql://somewhere/reclave", "sqlite:///reclave.sqlite", "sqlite+aiosqlite://"])
async def test_a_url_that_is_no_stores_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="store"):
        migrate.upgrade(url)
    with pytest.raises(ValueError, match="store"):
        await open_store(url)


def test_neither_the_store_nor_the_question_what_is_pending_imports_alembic() -> None:
    asked = "import sys, reclave.adapters.sql.migrate; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
