"""Behind PgBouncer in transaction mode: the store's contract, and a recovery through several processes."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, make_url, text
from structlog.testing import capture_logs

from reclave.adapters.sql.direct import ServerConnection
from reclave.adapters.sql.engine import PostgresqlDatabase
from reclave.adapters.sql.listen import listen
from reclave.adapters.sql.notify import CHANNEL, NotifyBell
from reclave.adapters.sql.store import SqlStore, open_store
from reclave.ports.store import Store
from tests.servers.pgbouncer import SERVER_CONNECTIONS, pgbouncer_before
from tests.servers.postgresql import PostgresServer
from tests.stores import Clock, OpenAnother, clock, emptied, store, template_name
from tests.test_fleet import fleet, folder
from tests.test_serve import MAIL_SECONDS, ONE, STOP_SECONDS, TWO, Start, mail_server, start, write_settings

__all__ = ["clock", "folder", "start", "store", "template_name"]

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]
CONTRACT = (
    "accept",
    "accounts",
    "grants",
    "guesses",
    "imports",
    "intakes",
    "leases",
    "limits",
    "outbox",
    "sessions",
    "sign_ins",
    "transactions",
)
"""What of the store's contract is tried; all of it runs on direct connections."""
for about in CONTRACT:
    module = import_module(f"tests.contracts.test_store_{about}")
    tests = {name: each for name, each in vars(module).items() if name.startswith("test_")}
    globals().update({f"test_store_{about}_{name}": each for name, each in tests.items()})


@pytest.fixture(scope="module")
def pgbouncer(postgresql_server: PostgresServer) -> Iterator[URL]:
    """PgBouncer in front of this run's server."""
    with pgbouncer_before(postgresql_server.url) as through:
        yield through


def through(pgbouncer: URL, direct: str) -> str:
    """The way to a database through PgBouncer."""
    return pgbouncer.set(database=make_url(direct).database).render_as_string(hide_password=False)


@pytest.fixture
async def open_another(
    pgbouncer: URL, postgresql_server: PostgresServer, template_name: str, clock: Clock
) -> AsyncIterator[OpenAnother]:
    """Opens stores through PgBouncer over one fresh database."""
    # PgBouncer keeps its connections to the server from test to test.
    url = through(pgbouncer, emptied(postgresql_server, template_name, ending_others=False))
    async with AsyncExitStack() as opened:

        async def another() -> Store:
            store = await open_store(url, clock_offset=clock)
            opened.push_async_callback(store.close)
            return store

        yield another


async def test_nothing_is_prepared_listened_to_or_locked_in_a_session_that_is_shared(
    pgbouncer: URL, postgresql_database: str
) -> None:
    stores = [await open_store(through(pgbouncer, postgresql_database)) for _ in range(2)]
    await asyncio.gather(*(look_often(store) for store in stores for _ in range(SERVER_CONNECTIONS)))
    everyone, seen = asyncio.Barrier(SERVER_CONNECTIONS), set()

    async def inspect() -> None:
        async with stores[0].database.reading() as (connection, _now):
            await everyone.wait()
            left = "(SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels())"
            locks = "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())"
            seen.add(tuple((await connection.execute(text(f"SELECT pg_backend_pid(), {left}, {locks}"))).one()))

    await asyncio.gather(*(inspect() for _ in range(SERVER_CONNECTIONS)))
    assert len({pid for pid, *_ in seen}) == SERVER_CONNECTIONS
    assert {tuple(left) for _, *left in seen} == {(0, 0, 0)}
    for each in stores:
        await each.close()


@pytest.mark.parametrize(("past", "kept"), [(False, 1), (True, 0)], ids=["through_pgbouncer", "past_it"])
async def test_a_statement_whose_caller_is_cancelled_is_finished_where_pgbouncer_would_have_to_cancel_it(
    pgbouncer: URL, postgresql_database: str, past: bool, kept: int
) -> None:
    store = await open_store(postgresql_database if past else through(pgbouncer, postgresql_database))
    async with store.database.writing() as (connection, _now):
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, ServerConnection)
        assert driver.direct == past
    await driver.set_autocommit(True)
    await driver.execute("CREATE TABLE seen (at int)")
    slow = asyncio.create_task(driver.execute("INSERT INTO seen SELECT 1 FROM pg_sleep(0.5)"))
    await running(postgresql_database, "INSERT INTO seen")
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert await (await driver.execute("SELECT count(*) FROM seen")).fetchone() == (kept,)
    await driver.close()
    await store.close()


async def running(direct: str, beginning: str) -> None:
    """Wait until a statement that begins like this runs in a database."""
    address = make_url(direct).set(drivername="postgresql").render_as_string(hide_password=False)
    asked = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND starts_with(query, %s)"
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
        while await (await connection.execute(asked, [beginning])).fetchone() is None:
            pass


async def look_often(store: SqlStore) -> None:
    """Send a statement more often than it takes to have it prepared where connections are direct."""
    for _ in range(10):
        async with store.reading() as tx:
            await tx.intakes.waiting()


@pytest.mark.req("I5")
async def test_a_recovery_passes_through_several_processes_with_a_direct_connection_for_the_listener(
    start: Start, folder: Path, pgbouncer: URL, postgresql_database: str
) -> None:
    async with mail_server() as (maildrop, smtp_port):
        ways = {"database": through(pgbouncer, postgresql_database), "database_direct": postgresql_database}
        service = await fleet(start, write_settings(folder, smtp_port=smtp_port, **ways))
        for address in (ONE, TWO):
            await service.ask(address)
            await maildrop.wait_for(address, timeout=MAIL_SECONDS)
        assert await listeners(postgresql_database) == 1
        service.program.process.terminate()
        assert await service.program.ends(STOP_SECONDS) == 0
    assert [line for line in service.program.stderr if not line.startswith("listening on ")] == []


async def listeners(direct: str) -> int:
    """How many connections of a database listen."""
    address = make_url(direct).set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(address) as connection:
        found = await connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reclave listener'"
            " AND datname = current_database()"
        )
        counted: tuple[int] | None = await found.fetchone()
    return counted[0] if counted else 0


@pytest.mark.req("I5")
async def test_without_a_direct_connection_a_worker_says_so_and_looks_by_itself(
    start: Start, folder: Path, pgbouncer: URL, postgresql_database: str
) -> None:
    async with mail_server() as (maildrop, smtp_port):
        settings = write_settings(folder, smtp_port=smtp_port, database=through(pgbouncer, postgresql_database))
        service = await fleet(start, settings)
        await service.program.says("listener_not_direct")
        await service.ask(ONE)
        await maildrop.wait_for(ONE, timeout=MAIL_SECONDS)


@asynccontextmanager
async def heard(direct: str) -> AsyncIterator[asyncio.Event]:
    """An event that is set for each notification."""
    event = asyncio.Event()
    listening = asyncio.create_task(listen(direct, event.set))
    await event.wait()
    yield event
    listening.cancel()


async def test_who_listens_directly_is_awake_10_ms_after_a_ring_through_pgbouncer(
    pgbouncer: URL, postgresql_database: str
) -> None:
    database = (await open_store(through(pgbouncer, postgresql_database))).database
    assert isinstance(database, PostgresqlDatabase)
    bell = NotifyBell(lambda: database.notify(CHANNEL))
    took = []
    async with heard(postgresql_database) as event:
        for _ in range(50):
            event.clear()
            began = time.perf_counter()
            bell.ring()
            await event.wait()
            took.append(time.perf_counter() - began)
            await bell.close()
    await database.close()
    print(f"from a ring to a wake: median {statistics.median(took) * 1e3:.2f} ms of {len(took)}")  # noqa: T201 - the figure, for -rP
    assert statistics.median(took) <= 0.010


async def test_listening_through_pgbouncer_is_noticed(pgbouncer: URL, postgresql_database: str) -> None:
    with capture_logs() as logs:
        async with heard(through(pgbouncer, postgresql_database)):
            pass
    assert [line["event"] for line in logs] == ["listener_not_direct"]
