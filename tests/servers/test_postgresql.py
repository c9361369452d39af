import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests.servers import TestRun, wait_for_end
from tests.servers.postgresql import PostgresServer, shared_server, stop_server


def connect(url: str) -> psycopg.Connection[tuple[object]]:
    libpq_url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(libpq_url, autocommit=True)


@pytest.fixture
def owner() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for pytest: it waits for its standard input to close."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


async def test_a_test_gets_an_empty_database_through_asyncio(postgresql_database: str) -> None:
    engine = create_async_engine(postgresql_database)
    async with engine.begin() as connection:
        tables = await connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
        isolation = await connection.scalar(text("SHOW server_encoding"))
    await engine.dispose()
    assert (tables, isolation) == (0, "UTF8")


def test_what_one_test_writes_no_other_sees(postgresql_server: PostgresServer) -> None:
    first, second = postgresql_server.create_database(), postgresql_server.create_database()
    with connect(postgresql_server.url_of(first)) as connection:
        connection.execute("CREATE TABLE seen (id integer)")
    with connect(postgresql_server.url_of(second)) as connection:
        found = connection.execute("SELECT to_regclass('seen')").fetchone()
    postgresql_server.drop_database(first)
    postgresql_server.drop_database(second)
    assert found == (None,)


def test_a_database_is_dropped_though_a_connection_was_left_open(postgresql_server: PostgresServer) -> None:
    name = postgresql_server.create_database()
    with connect(postgresql_server.url_of(name)) as connection:
        postgresql_server.drop_database(name)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with connect(postgresql_server.url) as connection:
        left = connection.execute("SELECT count(*) FROM pg_database WHERE datname = %s", (name,)).fetchone()
    assert left == (0,)


def test_a_template_is_built_once_and_copied(postgresql_server: PostgresServer) -> None:
    built: list[str] = []

    def build(url: str) -> None:
        built.append(url)
        with connect(url) as connection:
            connection.execute("CREATE TABLE migrated AS SELECT 7 AS version")

    name = f"template_{os.getpid()}"  # of this worker: another worker may run this same test
    template = postgresql_server.template(name, build)
    assert postgresql_server.template(name, build) == template
    copy = postgresql_server.create_database(template)
    with connect(postgresql_server.url_of(copy)) as connection:
        version = connection.execute("SELECT version FROM migrated").fetchone()
    postgresql_server.drop_database(copy)
    assert (len(built), version) == (1, (7,))


def test_a_template_that_failed_to_build_is_built_again(postgresql_server: PostgresServer) -> None:
    def fail(_: str) -> None:
        raise ValueError("a migration that fails")

    with pytest.raises(ValueError, match="a migration that fails"):
        postgresql_server.template(f"retried_{os.getpid()}", fail)
    template = postgresql_server.template(f"retried_{os.getpid()}", lambda _: None)
    postgresql_server.drop_database(postgresql_server.create_database(template))


@pytest.mark.long
@pytest.mark.parametrize("end", ["stopped", "killed"])
def test_the_cluster_ends_with_its_run_however_the_run_ends(
    owner: subprocess.Popen[bytes], end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECLAVE_TEST_POSTGRES", raising=False)
    run = TestRun.new(owner.pid)
    with connect(shared_server(run).url) as connection:
        server = int((run.folder / "postgresql/data/postmaster.pid").read_text().split()[0])
        keeper = int((run.folder / "keeper").read_text())
        assert connection.execute("SELECT 1").fetchone() == (1,)
    if end == "killed":
        owner.kill()
    else:
        stop_server(run)
    wait_for_end(keeper, 60)
    wait_for_end(server, 60)
    assert not run.folder.exists()
