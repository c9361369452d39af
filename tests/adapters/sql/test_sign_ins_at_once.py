"""Sign-ins on PostgreSQL: a statement before the comparison and one after it, and connections that are lost."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, cast

import psycopg
import pytest
from sqlalchemy import Engine, event, text

from reclave.adapters.sql import sign_ins_at_once
from reclave.adapters.sql.kept_several import Driver, KeptConnections, Statement
from reclave.adapters.sql.store import SqlStore
from reclave.domain.errors import StoreAway
from reclave.domain.throttle import FREE_TRIES, Guess
from reclave.ports.sign_ins import Tried
from tests.contracts.rows import ACCOUNT, PORTAL, an_account, an_entry, new_id
from tests.contracts.test_store_sign_ins import an_attempt, an_opening, failures, with_account

Sent: TypeAlias = list[tuple[Statement, Mapping[str, Any]]]
pytestmark = pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The statements that are sent by themselves from now on, with their parameters."""
    seen: Sent = []
    run = Statement.sent

    async def noting(statement: Statement, driver: Driver, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        seen.append((statement, given))
        return await run(statement, driver, given)

    monkeypatch.setattr(Statement, "sent", noting)
    return seen


@pytest.fixture
def others(writer: Engine) -> Iterator[list[str]]:
    """The statements that SQLAlchemy sends."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(writer, "before_cursor_execute", note)
    yield seen
    event.remove(writer, "before_cursor_execute", note)


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer to what is sent by itself is lost, and the connection with it."""
    run = Statement.sent

    async def losing(statement: Statement, driver: Driver, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        await run(statement, driver, given)
        await driver.close()
        raise psycopg.OperationalError("the connection was lost")

    monkeypatch.setattr(Statement, "sent", losing)


@pytest.mark.req("S26")
async def test_known_unknown_and_recognised_are_the_same_statement_and_no_other(
    store: SqlStore, sent: Sent, others: list[str]
) -> None:
    await with_account(store)
    device = new_id(32)
    async with store.transaction() as tx:
        await tx.sessions.recognise(PORTAL, device, ACCOUNT)
    await store.record(an_entry())  # connects
    others.clear()
    for attempt in (an_attempt(), an_attempt(identifier="9007777777"), an_attempt(device=device)):
        sent.clear()
        await store.try_password(attempt)
        assert [statement for statement, _ in sent] == [sign_ins_at_once._meeting()]
    sent.clear()
    assert await store.open_session(an_opening(an_account())) is not None
    await store.record(an_entry())
    assert len(sent) == 2
    assert others == []


async def test_each_finds_its_rows_by_all_that_an_index_knows(store: SqlStore, sent: Sent) -> None:
    account = await with_account(store)
    await store.try_password(an_attempt())
    await store.open_session(an_opening(account))
    plans = []
    async with store.database.writing() as (connection, _):
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        driver = cast(Driver, (await connection.get_raw_connection()).driver_connection)
        for statement, given in sent:
            cursor = psycopg.AsyncRawCursor(driver)
            await cursor.execute(f"EXPLAIN {statement.text}".encode(), statement.values(given))
            plans += [str(row[0]).strip() for row in await cursor.fetchall()]
    assert not [line for line in plans if "Seq Scan" in line]
    used = {each[1] for line in plans if (each := re.search(r"Index (?:Only )?Scan (?:using|on) (\w+)", line))}
    keys = {"account_pkey", "account_identifier_pkey", "device_pkey", "password_scheme_pkey", "guess_pkey"}
    assert used == keys | {"recovery_grant_by_account"}
    by_subject = [line for line in plans if "(guess = 'password'::text)" in line]
    assert len(by_subject) == 2
    assert all(line.startswith("Index Cond:") and "(subject = " in line for line in by_subject)


async def test_after_a_restart_of_the_server_sign_ins_go_on(store: SqlStore) -> None:
    account, attempt = await with_account(store), an_attempt()
    others = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    async def restart() -> None:
        async with store.database.writing() as (connection, _):
            await connection.execute(others)

    await store.try_password(attempt)
    await restart()
    assert (await store.try_password(attempt)).tried == Tried(0, 2)
    await restart()
    assert await store.open_session(an_opening(account)) is not None
    await store.record(an_entry())
    await restart()
    await store.record(an_entry())
    async with store.reading() as tx:
        assert len(await tx.audit.entries(limit=9)) == 3


@pytest.mark.req("I6")
@pytest.mark.usefixtures("lost")
async def test_a_try_whose_answer_is_lost_is_counted_again_and_never_too_seldom(store: SqlStore) -> None:
    attempt = an_attempt()
    assert (await store.try_password(attempt)).tried == Tried(0, 2)


@pytest.mark.usefixtures("lost")
async def test_a_session_whose_answer_is_lost_is_found_and_opened_once(store: SqlStore) -> None:
    opening = an_opening(await with_account(store))
    session = await store.open_session(opening)
    assert session is not None
    async with store.reading() as tx:
        assert await tx.sessions.of_account(PORTAL, ACCOUNT) == [session]
        assert len(await tx.audit.entries(limit=9)) == 1


async def test_more_callers_than_connections_wait_for_a_turn_and_none_is_lost(store: SqlStore) -> None:
    attempts = [an_attempt() for _ in range(40)]
    met = await asyncio.gather(*map(store.try_password, attempts))
    assert [each.tried for each in met] == [Tried(0, 1)] * 40
    async with store.reading() as tx:
        connections = await tx.accounts._connection.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        )
    assert connections <= sign_ins_at_once.CONNECTIONS + 1


async def test_who_gets_no_turn_hears_that_the_store_is_away(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def without_a_turn(*_: Any) -> list[tuple[Any, ...]]:
        raise TimeoutError

    monkeypatch.setattr(KeptConnections, "run", without_a_turn)
    for work in (store.try_password(an_attempt()), store.record(an_entry())):
        with pytest.raises(StoreAway):
            await work


@pytest.mark.long
async def test_a_try_waits_for_a_lock_three_seconds_and_is_then_not_counted(store: SqlStore) -> None:
    attempt = an_attempt()
    await store.try_password(attempt)
    async with store.transaction() as tx:
        await tx.guesses.add(PORTAL, Guess.PASSWORD, attempt.stranger, identifier=attempt.everyone)
        with pytest.raises(StoreAway):
            await store.try_password(attempt)
    assert await failures(store, attempt.stranger, attempt.everyone) == [2, 1]


async def test_a_try_that_finds_the_last_free_one_taken_meanwhile_waits(store: SqlStore) -> None:
    attempt = an_attempt()
    for _ in range(FREE_TRIES - 2):
        await store.try_password(attempt)
    async with store.transaction() as tx:
        for _ in range(2):
            await tx.guesses.count(PORTAL, Guess.PASSWORD, attempt.stranger, identifier=attempt.everyone)
        late = asyncio.create_task(store.try_password(attempt))
        await tx.guesses.tally(PORTAL, Guess.PASSWORD, attempt.stranger)
    tried = (await late).tried
    assert tried is not None
    assert tried.wait > 0
    assert await failures(store, attempt.stranger, attempt.everyone) == [FREE_TRIES, FREE_TRIES - 2]
