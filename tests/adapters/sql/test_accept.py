"""The door on a real database: few transactions for many requests, and commits that fail half-way."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, Row, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from reclave.adapters.sql.engine import Begun, Database
from reclave.adapters.sql.kept import KeptConnection
from reclave.adapters.sql.store import SqlStore
from reclave.domain.errors import StoreAway
from reclave.domain.intake import Admission, Request
from tests.contracts.rows import PORTAL, a_cooldown, a_cost, a_request


class FailingCommits:
    """A database whose next commits fail, `before` or `after` they happened."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.before = 0
        self.after = 0

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Begun]:
        async with self.database.writing() as begun:
            yield begun
            self.lose_before()
        self.lose_after()

    def reading(self) -> AbstractAsyncContextManager[Begun]:
        return self.database.reading()

    async def close(self) -> None:
        await self.database.close()

    def lose_before(self) -> None:
        if self.before:
            self.before -= 1
            raise self._lost()

    def lose_after(self) -> None:
        if self.after:
            self.after -= 1
            raise self._lost()

    @staticmethod
    def _lost() -> OperationalError:
        return OperationalError("COMMIT", None, Exception("the connection was lost"), connection_invalidated=True)


@pytest.fixture
def failing(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> FailingCommits:
    store.database = failing = FailingCommits(store.database)
    run = KeptConnection.run

    async def run_and_fail(kept: KeptConnection, statement: str, parameters: Mapping[str, Any]) -> list[Row[Any]]:
        failing.lose_before()
        rows = await run(kept, statement, parameters)
        failing.lose_after()
        return rows

    monkeypatch.setattr(KeptConnection, "run", run_and_fail)
    return failing


async def written(store: SqlStore, requests: list[Request]) -> list[bool]:
    async with store.reading() as tx:
        return [await tx.intakes.get(PORTAL, request.id) is not None for request in requests]


@pytest.fixture
def commits(writer: Engine) -> list[str]:
    """What was committed so far: transactions, and statements that are one."""
    seen = []
    event.listen(writer, "commit", lambda _connection: seen.append("commit"))

    @event.listens_for(writer, "before_cursor_execute")
    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("WITH requests"):
            seen.append(statement)

    return seen


async def test_two_hundred_concurrent_requests_share_a_few_transactions(store: SqlStore, commits: list[str]) -> None:
    portal_wide = a_cost(count=10_000)
    requests = [a_request(costs=(a_cost(), portal_wide)) for _ in range(200)]
    answers = await asyncio.gather(*map(store.accept, requests))
    assert set(answers) == {Admission.ACCEPTED}
    assert all(await written(store, requests))
    assert 1 <= len(commits) <= 3


async def test_a_request_alone_is_one_transaction(store: SqlStore, commits: list[str]) -> None:
    for expected in (1, 2, 3):
        await store.accept(a_request())
        assert len(commits) == expected


@pytest.mark.req("I5")
async def test_of_concurrent_requests_only_those_that_cannot_be_written_raise(store: SqlStore) -> None:
    there = a_request()
    await store.accept(there)
    requests = [a_request() for _ in range(30)]
    unwritable = {4: a_request(id=there.id), 17: a_request(reference="a lone \ud800 surrogate"), 29: a_request(id=None)}
    for position, request in unwritable.items():
        requests[position] = request
    answers = await asyncio.gather(*map(store.accept, requests), return_exceptions=True)
    assert isinstance(answers[4], IntegrityError)
    assert {n for n, answer in enumerate(answers) if answer is not Admission.ACCEPTED} == set(unwritable)
    assert all(isinstance(answers[n], Exception) for n in unwritable)


async def test_a_request_that_is_refused_with_others_keeps_what_it_took(store: SqlStore) -> None:
    limit, cooldown = a_cost(count=2), a_cooldown()
    requests = [a_request(costs=(limit,), cooldown=cooldown) for _ in range(3)]
    answers = await asyncio.gather(*map(store.accept, requests))
    assert answers == [Admission.ACCEPTED, Admission.COOLING, Admission.OVER_LIMIT]
    assert await store.accept(a_request(costs=(limit,))) is Admission.OVER_LIMIT
    assert await store.turned_away(PORTAL, since=0) == 3


@pytest.mark.req("I5")
async def test_when_the_commit_is_lost_before_it_happens_all_are_written_once_more(
    store: SqlStore, failing: FailingCommits
) -> None:
    failing.before = 1
    requests = [a_request() for _ in range(20)]
    assert set(await asyncio.gather(*map(store.accept, requests))) == {Admission.ACCEPTED}
    assert all(await written(store, requests))


@pytest.mark.req("I5")
async def test_when_only_the_answer_to_the_commit_is_lost_what_was_written_counts(
    store: SqlStore, failing: FailingCommits
) -> None:
    failing.after = 1
    cooldown = a_cooldown()
    requests = [a_request(cooldown=cooldown) for _ in range(5)]
    answers = await asyncio.gather(*map(store.accept, requests))
    assert answers == [Admission.ACCEPTED] + [Admission.COOLING] * 4
    assert await written(store, requests) == [True] + [False] * 4


@pytest.mark.req("I5")
async def test_while_nothing_can_be_committed_requests_fail_and_afterwards_pass(
    store: SqlStore, failing: FailingCommits
) -> None:
    failing.before = 4  # the batch, and the one that is tried alone; on PostgreSQL over another connection, too
    requests = [a_request() for _ in range(20)]
    answers = await asyncio.gather(*map(store.accept, requests), return_exceptions=True)
    assert all(isinstance(answer, OperationalError | StoreAway) for answer in answers)
    assert not any(await written(store, requests))
    failing.before = 0
    assert await store.accept(requests[0]) is Admission.ACCEPTED


async def test_a_transaction_or_request_within_a_transaction_is_refused_at_once(store: SqlStore) -> None:
    async with store.transaction() as tx:
        with pytest.raises(RuntimeError, match="within a transaction"):
            await store.accept(a_request())
        with pytest.raises(RuntimeError, match="within a transaction"):
            async with store.transaction():
                pass
        assert tx.now > 0
    assert await store.accept(a_request()) is Admission.ACCEPTED


async def test_a_reading_transaction_cannot_write(store: SqlStore) -> None:
    with pytest.raises(DBAPIError):
        async with store.reading() as tx:
            await tx.limits.take([a_cost()])


async def test_after_closing_nothing_is_accepted(store: SqlStore) -> None:
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await store.accept(a_request())
