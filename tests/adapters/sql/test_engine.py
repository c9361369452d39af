"""What a transaction is on each engine: who waits for whom, what survives, and what a connection is set to."""

import asyncio
import random
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from psycopg import pq
from sqlalchemy import Engine, QueuePool, text
from sqlalchemy.exc import DBAPIError

from reclave.adapters.sql.engine import PostgresqlDatabase
from reclave.adapters.sql.store import SqlStore, open_store
from reclave.domain.intake import Admission
from reclave.domain.throttle import Guess
from reclave.domain.time import HOUR, MINUTE
from tests.contracts.rows import PORTAL, a_request, an_account, an_entry
from tests.stores import Clock


async def pragma(store: SqlStore, name: str) -> object:
    async with store.database.writing() as (connection, _now):
        return await connection.scalar(text(f"PRAGMA {name}"))


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def shown(store: SqlStore, name: str) -> object:
    async with store.database.writing() as (connection, _now):
        return await connection.scalar(text(f"SHOW {name}"))


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
async def test_sqlite_keeps_every_commit_on_disk_and_checks_references(store: SqlStore) -> None:
    assert await pragma(store, "journal_mode") == "wal"
    assert await pragma(store, "synchronous") == 2  # FULL
    assert await pragma(store, "foreign_keys") == 1
    assert await pragma(store, "busy_timeout") == 10_000


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
@pytest.mark.req("S50")
async def test_only_its_owner_may_read_a_sqlite_database_and_its_journal(empty_url: str, tmp_path: Path) -> None:
    store = await open_store(empty_url)
    async with store.database.writing() as (connection, _now):
        await connection.execute(text("CREATE TABLE something (id INTEGER)"))
    assert modes_in(tmp_path) == dict.fromkeys([f"empty.sqlite{end}" for end in ("", "-wal", "-shm", ".lock")], 0o600)
    await store.close()


async def test_a_sqlite_database_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await open_store(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'reclave.sqlite'}")


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
async def test_on_sqlite_readers_see_the_last_commit_while_a_writer_writes(store: SqlStore) -> None:
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(), [])
        async with asyncio.timeout(5):
            async with store.reading() as other:
                assert await other.accounts.get(PORTAL, an_account().id) is None
    async with store.reading() as other:
        assert await other.accounts.get(PORTAL, an_account().id) == an_account()


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
async def test_on_sqlite_writers_of_a_process_take_turns_in_order(store: SqlStore) -> None:
    turns: list[int] = []

    async def write(number: int) -> None:
        async with store.transaction() as tx:
            turns.append(number)
            await tx.audit.add(an_entry())

    await asyncio.gather(*map(write, range(20)))
    assert turns == list(range(20))


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_on_postgresql_time_outs_hold_for_the_transaction_alone(store: SqlStore) -> None:
    assert await shown(store, "statement_timeout") == "5s"
    assert await shown(store, "lock_timeout") == "3s"
    assert await shown(store, "idle_in_transaction_session_timeout") == "30s"
    assert await shown(store, "transaction_isolation") == "read committed"
    assert await shown(store, "application_name") == "reclave"
    async with store.database.writing() as (connection, _now):
        await connection.commit()
        assert await connection.scalar(text("SHOW statement_timeout")) == "0"


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_on_postgresql_limits_are_in_an_unlogged_table_and_guesses_in_a_logged_one(store: SqlStore) -> None:
    query = text("SELECT relname::text, relpersistence::text FROM pg_class WHERE relname IN ('rate_limit', 'guess')")
    async with store.database.reading() as (connection, _now):
        assert {tuple(row) for row in await connection.execute(query)} == {("rate_limit", "u"), ("guess", "p")}


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_on_a_direct_connection_to_postgresql_what_comes_again_is_prepared(store: SqlStore) -> None:
    for _ in range(12):
        async with store.reading() as tx:
            await tx.intakes.waiting()
    async with store.database.reading() as (connection, _now):
        prepared = await connection.scalars(text("SELECT statement FROM pg_prepared_statements"))
        assert any("FROM intake" in statement for statement in prepared)


def test_the_driver_for_postgresql_runs_in_c() -> None:
    assert pq.__impl__ in {"binary", "c"}


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_connections_that_the_server_closed_while_they_rested_are_replaced(
    store: SqlStore, url: str, writer: Engine
) -> None:
    everyone = asyncio.Barrier(3)

    async def occupy() -> None:
        async with store.transaction():
            await everyone.wait()

    await asyncio.gather(*(occupy() for _ in range(3)))
    assert isinstance(writer.pool, QueuePool)
    assert writer.pool.checkedin() == 3
    other = await open_store(url)
    ended = text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    here = text(" AND datname = current_database()")
    async with other.database.writing() as (connection, _now):
        await connection.execute(text(f"{ended} {here}"))
    assert await store.accept(a_request()) is Admission.ACCEPTED
    async with store.reading() as tx:
        assert (await tx.intakes.waiting())[0] == 1
    await other.close()


async def test_the_clock_is_the_databases_and_can_be_made_to_jump(store: SqlStore, clock: Clock) -> None:
    async def now() -> int:
        async with store.transaction() as tx:
            return tx.now

    before = await now()
    assert abs(before - Clock().started_at) < MINUTE
    clock.move(-HOUR)
    assert -HOUR <= await now() - before < -HOUR + MINUTE


async def cancel_somewhere(work: Callable[[], Awaitable[object]], chance: random.Random) -> bool:
    """Cancel the work wherever it is after a few milliseconds; whether it was."""
    try:
        async with asyncio.timeout(chance.uniform(0, 0.02)):
            await work()
    except TimeoutError:
        return True
    return False


@pytest.mark.req("I5")
async def test_callers_that_are_cancelled_anywhere_leave_no_lock_and_no_connection_behind(
    store: SqlStore, writer: Engine
) -> None:
    chance = random.Random(20261122)

    async def write() -> None:
        async with store.transaction() as tx:
            await tx.guesses.add(PORTAL, Guess.PASSWORD, b"somebody")
            await tx.audit.add(an_entry())

    async def read() -> None:
        async with store.reading() as tx:
            await tx.intakes.waiting()

    async def accept() -> None:
        await store.accept(a_request())

    cancelled = 0
    for _ in range(25):
        cancelled += sum(
            await asyncio.gather(*(cancel_somewhere(work, chance) for work in (write, read, accept, write)))
        )
    assert cancelled > 10
    async with asyncio.timeout(20):
        assert await store.accept(a_request()) is Admission.ACCEPTED
        await asyncio.gather(*(write() for _ in range(12)))
        await asyncio.gather(*(read() for _ in range(12)))
    assert isinstance(writer.pool, QueuePool)
    kept = isinstance(store.database, PostgresqlDatabase)  # one, by the door
    assert writer.pool.checkedout() == kept


async def test_an_error_in_a_block_undoes_all_of_it(store: SqlStore) -> None:
    async def fail() -> None:
        async with store.transaction() as tx:
            await tx.accounts.add(an_account(), [])
            await tx.accounts._connection.execute(text("SELECT nothing FROM nowhere"))

    with pytest.raises(DBAPIError):
        await fail()
    async with store.transaction() as tx:
        assert await tx.accounts.get(PORTAL, an_account().id) is None
