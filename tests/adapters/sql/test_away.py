"""What happens while PostgreSQL does not answer, or takes no writes, by a clock that stands still between moves."""

import asyncio
import socket

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from reclave.adapters.sql import engine, kept
from reclave.adapters.sql.away import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, Attempts
from reclave.adapters.sql.engine import PostgresqlDatabase, connectable
from reclave.adapters.sql.store import SqlStore, open_store
from reclave.domain.errors import StoreAway
from reclave.domain.intake import Admission
from tests.contracts.rows import a_request, an_entry

ON_POSTGRESQL = pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
LOST = OperationalError("SELECT 1", None, Exception("connection refused\nIs the server running?"))


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


async def fails(attempts: Attempts, error: Exception = LOST) -> StoreAway:
    """Begin, and meet an error; what the caller is told."""
    with pytest.raises(StoreAway) as told:
        async with attempts.one():
            raise error
    return told.value


async def is_let_in(attempts: Attempts) -> bool:
    try:
        async with attempts.one():
            return True
    except StoreAway:
        return False


async def waits(attempts: Attempts, hands: Hands, failures: int) -> list[float]:
    """How long nobody is let in after each of so many failures, to a millisecond."""
    found = []
    for _ in range(failures):
        await fails(attempts)
        began = hands.now
        while attempts._clock() < attempts._until:
            hands.now += 0.001
        found.append(round(hands.now - began, 2))
    return found


async def test_after_each_failure_the_wait_doubles_up_to_its_bound(hands: Hands) -> None:
    found = await waits(Attempts(hands, lambda: 0.0), hands, 8)
    assert found == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0]
    assert (found[0], found[-1]) == (FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)


async def test_waits_are_cut_by_up_to_half_at_random(hands: Hands) -> None:
    assert await waits(Attempts(hands, lambda: 1.0), hands, 3) == [0.05, 0.1, 0.2]


async def test_while_it_waits_everybody_is_refused_at_once_and_told_why_and_when_to_come_back(hands: Hands) -> None:
    attempts = Attempts(hands, lambda: 0.0)
    await waits(attempts, hands, 7)
    refused = await fails(attempts)
    hands.now += 1.5
    with pytest.raises(StoreAway, match=r"^connection refused$") as again:
        async with attempts.one():
            raise AssertionError("it was let in")
    assert (refused.retry_after, again.value.retry_after) == (4, 3)


async def test_one_caller_tries_and_the_others_do_not_wait_for_it(hands: Hands) -> None:
    attempts = Attempts(hands)
    await fails(attempts)
    hands.now = 10
    async with attempts.one():
        assert not await is_let_in(attempts)
    assert await is_let_in(attempts)


async def test_who_tried_and_was_cancelled_leaves_its_turn_to_the_next(hands: Hands) -> None:
    attempts = Attempts(hands)
    await fails(attempts)
    hands.now = 10
    with pytest.raises(asyncio.CancelledError):
        async with attempts.one():
            raise asyncio.CancelledError
    assert await is_let_in(attempts)


async def test_the_first_success_begins_anew(hands: Hands) -> None:
    attempts = Attempts(hands, lambda: 0.0)
    await waits(attempts, hands, 5)
    assert await is_let_in(attempts)
    assert await waits(attempts, hands, 2) == [0.1, 0.2]


async def test_many_that_fail_together_are_one_failure(hands: Hands) -> None:
    attempts = Attempts(hands, lambda: 0.0)
    together = asyncio.Barrier(20)

    async def begin() -> None:
        async with attempts.one():
            await together.wait()
            raise LOST

    told = await asyncio.gather(*(begin() for _ in range(20)), return_exceptions=True)
    assert {type(each) for each in told} == {StoreAway}
    assert attempts._until == FIRST_WAIT_SECONDS


async def test_connections_that_are_all_in_use_keep_nobody_else_out(hands: Hands) -> None:
    attempts = Attempts(hands)
    await fails(attempts, PoolTimeout("all are in use"))
    assert await is_let_in(attempts)


async def test_a_fault_in_a_statement_is_not_the_servers(hands: Hands) -> None:
    attempts = Attempts(hands)
    with pytest.raises(ProgrammingError):
        async with attempts.one():
            raise ProgrammingError("SELECT", None, Exception("syntax error"))
    assert await is_let_in(attempts)


@pytest.mark.parametrize(
    ("hosts", "asked"),
    [
        ("?host=a.example&host=b.example", "read-write"),
        ("?host=a.example,b.example&port=5432,5433", "read-write"),
        ("?host=a.example&host=b.example&target_session_attrs=any", "any"),
        ("?host=/run/postgresql", None),
        ("", None),
    ],
)
def test_of_several_hosts_the_one_that_takes_writes_is_asked_for(hosts: str, asked: str | None) -> None:
    found = connectable(make_url(f"postgresql+psycopg://reclave@/reclave{hosts}"))
    assert found.query.get("target_session_attrs") == asked
    assert found.query["connect_timeout"] == "5"


@ON_POSTGRESQL
@pytest.mark.req("I5")
async def test_a_lock_that_is_never_given_back_ends_in_an_answer_and_loses_nothing(
    store: SqlStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = engine._BEGIN_POSTGRESQL.replace("'lock_timeout', '3s'", "'lock_timeout', '100ms'")
    monkeypatch.setattr(engine, "_BEGIN_POSTGRESQL", impatient)
    monkeypatch.setattr(kept, "LONGEST_SECONDS", 0.1)
    other = await open_store(url)
    request = a_request()
    async with other.database.writing() as (stuck, _now):
        await stuck.execute(text("LOCK TABLE intake IN ACCESS EXCLUSIVE MODE"))
        async with asyncio.timeout(5):
            with pytest.raises(StoreAway, match="lock timeout"):
                await store.accept(request)
        async with store.transaction() as tx:  # nobody else is kept out
            await tx.audit.add(an_entry())
    assert await store.accept(request) is Admission.ACCEPTED
    await other.close()


async def backend(store: SqlStore, *, then: str = "SELECT 1") -> int:
    """The server's process behind a store's connection, and what to have it do."""
    async with store.database.writing() as (connection, _now):
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
        await connection.execute(text(then))
    return int(pid or 0)


@ON_POSTGRESQL
async def test_connections_to_a_server_that_takes_no_writes_any_more_are_thrown_away(store: SqlStore) -> None:
    before = await backend(store, then="SET default_transaction_read_only = on")  # of this connection alone
    assert await store.accept(a_request()) is Admission.ACCEPTED
    assert await backend(store) != before


@ON_POSTGRESQL
async def test_while_no_server_takes_writes_requests_are_refused_and_afterwards_pass(
    store: SqlStore, url: str, hands: Hands
) -> None:
    assert isinstance(store.database, PostgresqlDatabase)
    store.database._attempts = Attempts(hands)
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    setting = "ALTER DATABASE {} SET default_transaction_read_only = {}"
    async with await psycopg.AsyncConnection.connect(address, autocommit=True) as operator:
        name = sql.Identifier(make_url(url).database or "")
        await operator.execute(sql.SQL(setting).format(name, sql.Literal("on")))
        for _ in range(2):
            with pytest.raises(StoreAway, match="takes no writes"):
                await store.accept(a_request())
        await operator.execute(sql.SQL(setting).format(name, sql.Literal("off")))
    hands.now += LONGEST_WAIT_SECONDS
    assert await store.accept(a_request()) is Admission.ACCEPTED


async def test_a_server_that_refuses_connections_is_not_asked_by_everybody() -> None:
    tried = []
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        store = await open_store(f"postgresql+psycopg://reclave@127.0.0.1:{nobody.getsockname()[1]}/reclave")
        assert isinstance(store.database, PostgresqlDatabase)
        event.listen(store.database._engine.sync_engine, "do_connect", lambda *_: tried.append(1))
        for _ in range(50):
            with pytest.raises(StoreAway, match="refused"):
                await store.accept(a_request())
    assert len(tried) < 4
    await store.close()
