"""Races between processes and between transactions that overtake each other."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from contextlib import AsyncExitStack

import pytest

from reclave.adapters.sql.counters import SqlGuesses, SqlLimits
from reclave.adapters.sql.intakes import SqlIntakes
from reclave.adapters.sql.outbox import SqlOutbox
from reclave.adapters.sql.store import SqlStore
from reclave.domain.limits import Cost, Limit, Scope, admitted
from reclave.domain.outbox import LEASE
from reclave.domain.throttle import FREE_TRIES, Guess
from reclave.domain.time import HOUR, MINUTE, SECOND
from tests.contracts.rows import ACCOUNT, PORTAL, a_message, a_request, an_account, new_id

PROCESSES = 3
TIMES = 80

RAISE_THE_VERSION = """
import asyncio, dataclasses, sys
from reclave.adapters.sql.store import open_store

async def main(url, times):
    store = await open_store(url)
    for _ in range(times):
        async with store.transaction() as tx:
            account = await tx.accounts.get("pagos", "account-1", lock=True)
            was = account.credential_version
            assert await tx.accounts.change(dataclasses.replace(account, credential_version=was + 1), was=was)
    await store.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

TAKE = """
import asyncio, sys
from reclave.adapters.sql.store import open_store
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.time import DAY

async def main(url, times):
    store, passed = await open_store(url), 0
    cost = Cost(b"key", Limit(100, 100 * DAY, Scope.IDENTIFIER))
    for _ in range(times):
        async with store.transaction() as tx:
            passed += sum(await tx.limits.take([cost, cost]))
    await store.close()
    print(passed)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def in_processes(script: str, url: str) -> list[str]:
    """What each process printed, all of them started at the same time."""
    command = (sys.executable, "-c", script, url, str(TIMES))
    started = [await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE) for _ in range(PROCESSES)]
    told = [await process.communicate() for process in started]
    assert {error.decode() for _, error in told} == {""}
    assert {process.returncode for process in started} == {0}
    return [out.decode().strip() for out, _ in told]


async def test_processes_that_read_and_then_write_lose_no_update(store: SqlStore, url: str) -> None:
    async with store.transaction() as tx:
        await tx.accounts.add(an_account(credential_version=0), [])
    await in_processes(RAISE_THE_VERSION, url)
    async with store.reading() as tx:
        account = await tx.accounts.get(PORTAL, ACCOUNT)
    assert account is not None
    assert account.credential_version == PROCESSES * TIMES


@pytest.mark.req("S4")
async def test_processes_take_from_a_limit_exactly_what_it_holds(url: str) -> None:
    assert sum(map(int, await in_processes(TAKE, url))) == 100


async def test_a_limit_counts_as_the_domain_does_over_jumps_of_the_clock(store: SqlStore) -> None:
    limit = Limit(7, MINUTE, Scope.IDENTIFIER)
    start, tat = HOUR * 500_000, None
    key = new_id(32)
    moves = [0, 0, 3 * SECOND, -HOUR, 0, 9 * SECOND, MINUTE, 1, -1, -9 * SECOND, 200 * MINUTE, 0, 8 * SECOND, 0]
    now = start
    for move, amount in zip(moves, [3, 5, 1, 2, 9, 1, 2, 4, 3, 1, 8, 1, 1, 0], strict=True):
        now += move
        expected, tat = admitted(tat, now, limit, amount)
        async with store.database.writing() as (connection, _):
            assert await SqlLimits(connection, now).take([Cost(key, limit, amount)]) == [expected]


async def test_a_lease_taken_by_a_worker_that_began_later_holds(store: SqlStore) -> None:
    await store.accept(a_request())
    async with store.transaction() as tx:
        await tx.outbox.add(a_message())
    async with store.database.writing() as (connection, now):
        assert len(await SqlIntakes(connection, now + SECOND).claim(limit=9, lease=MINUTE)) == 1
        assert len(await SqlOutbox(connection, now + SECOND).claim(limit=9, lease=LEASE)) == 1
    async with store.database.writing() as (connection, _):
        assert await SqlIntakes(connection, now).claim(limit=9, lease=MINUTE) == []
        assert await SqlOutbox(connection, now).claim(limit=9, lease=LEASE) == []
        assert len(await SqlIntakes(connection, now - HOUR).claim(limit=9, lease=MINUTE)) == 1
        assert len(await SqlOutbox(connection, now - HOUR).claim(limit=9, lease=LEASE)) == 1


@pytest.mark.req("I6")
async def test_a_guess_that_began_before_the_last_one_waits_too(store: SqlStore) -> None:
    subject = new_id(32)
    async with store.database.writing() as (connection, now):
        for _ in range(FREE_TRIES):
            assert await SqlGuesses(connection, now + SECOND).count(PORTAL, Guess.PASSWORD, subject) == 0
    async with store.database.writing() as (connection, _):
        assert await SqlGuesses(connection, now).count(PORTAL, Guess.PASSWORD, subject) == 30 * SECOND


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
async def test_two_workers_claim_different_messages_without_waiting(store: SqlStore) -> None:
    async with store.transaction() as tx:
        for _ in range(6):
            await tx.outbox.add(a_message())
    async with AsyncExitStack() as stack:
        one, now = await stack.enter_async_context(store.database.writing())
        two, _ = await stack.enter_async_context(store.database.writing())
        mine = await SqlOutbox(one, now + SECOND).claim(limit=4, lease=LEASE)
        yours = await SqlOutbox(two, now + SECOND).claim(limit=4, lease=LEASE)
    assert (len(mine), len(yours)) == (4, 2)
    assert not {message.id for message in mine} & {message.id for message in yours}
