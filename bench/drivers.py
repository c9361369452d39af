"""psycopg and asyncpg behind SQLAlchemy on the store's own path, with and without prepared statements.

Four stores over one database take turns: each driver as it has to be behind PgBouncer in transaction mode, and as it
may be on a direct connection. Every round draws the same requests again. Commits wait for the disk. CPU is that of this
process and of all of the server's processes, which other work on the machine disturbs less than it does the rates.

    .venv/bin/pip install --require-hashes --no-deps --target build/asyncpg -r requirements/asyncpg.txt
    PYTHONPATH=build/asyncpg .venv/bin/python -m bench.drivers
"""

import argparse
import asyncio
import random
import resource
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import uvloop
from psycopg import pq
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from bench.accept_rate import Requests, databases
from reclave.adapters.sql.clock import no_offset
from reclave.adapters.sql.engine import PostgresqlDatabase
from reclave.adapters.sql.store import SqlStore, open_store
from reclave.domain.accounts import Account, AccountIdentifier, Status
from reclave.domain.audit import Entry, Event
from reclave.domain.grants import Purpose
from reclave.domain.intake import Admission
from reclave.domain.sessions import Session, SessionKind
from reclave.domain.throttle import Guess

SEED = 20261122
ACCOUNTS = 2_000
PORTAL, FIELD = "pagos", "nit"
ASYNCPG_UNCACHED = {"prepared_statement_cache_size": 0, "statement_cache_size": 0}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "psycopg": ("psycopg", {"prepare_threshold": None}),
    "psycopg, prepared": ("psycopg", {"prepare_threshold": 5}),
    "asyncpg": ("asyncpg", ASYNCPG_UNCACHED),
    "asyncpg, prepared": ("asyncpg", {}),
}
"""How each is called: its driver, and what it is told when it connects."""


class OfDriver(PostgresqlDatabase):
    """The product's database with another driver, or another use of its own."""

    def __init__(self, url: str, driver: str, told: dict[str, Any]) -> None:
        super().__init__(make_url(url), no_offset)
        self._engine = create_async_engine(
            make_url(url).set(drivername=f"postgresql+{driver}"),
            connect_args=told,
            isolation_level="READ COMMITTED",
            pool_size=10,
            max_overflow=0,
        )
        self._reading = self._engine.execution_options(postgresql_readonly=True)
        self._alone = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        if driver == "asyncpg":
            event.listen(self._engine.sync_engine, "before_cursor_execute", _in_numbers, retval=True)


def _in_numbers(  # the event's arguments
    _connection: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool
) -> tuple[str, Any]:
    """The statements that the store writes for psycopg itself, as asyncpg takes them."""
    if isinstance(parameters, dict):
        for number, name in enumerate(parameters, 1):
            statement = statement.replace(f"%({name})s", f"${number}")
        parameters = tuple(parameters.values())
    return statement, parameters


@dataclass(slots=True)
class Spent:
    """What each round of one way came to: operations a second, and CPU µs an operation here and in the server."""

    rate: list[float] = field(default_factory=list)
    here: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)


class Person:
    """One caller, who asks for the same things in each round."""

    def __init__(self, store: SqlStore, seed: int) -> None:
        self._store = store
        self._random = random.Random(seed)
        self._requests = Requests(self._random.getrandbits(64))

    async def accept(self) -> None:
        """A recovery request. Raises RuntimeError where a limit turned it away."""
        if await self._store.accept(self._requests.next()) is not Admission.ACCEPTED:
            raise RuntimeError("the benchmark ran into a limit")

    async def look_up(self) -> None:
        """An account by its identifier."""
        async with self._store.reading() as tx:
            await tx.accounts.by_identifier(PORTAL, FIELD, str(self._random.randrange(ACCOUNTS)))

    async def sign_in(self) -> None:
        """The statements of a sign-in that succeeds, without the hash."""
        person = str(self._random.randrange(ACCOUNTS))
        subject = person.encode().rjust(32)
        async with self._store.transaction() as tx:
            await tx.accounts.by_identifier(PORTAL, FIELD, person)
            await tx.sessions.recognised(PORTAL, subject, person)
            await tx.guesses.count(PORTAL, Guess.PASSWORD, subject, identifier=subject)
            await tx.guesses.add(PORTAL, Guess.PASSWORD, subject[::-1], identifier=subject)
            await tx.grants.recent(PORTAL, person, [Purpose.SET_PASSWORD, Purpose.ACTIVATE])
        session = Session(
            portal=PORTAL,
            digest=self._random.randbytes(32),
            account=person,
            kind=SessionKind.FULL,
            credential_version=1,
            started_at=tx.now,
            last_seen_at=tx.now,
        )
        async with self._store.transaction() as tx:
            await tx.accounts.get(PORTAL, person, lock=True)
            await tx.guesses.reset(PORTAL, Guess.PASSWORD, subject)
            await tx.guesses.reset(PORTAL, Guess.PASSWORD, subject[::-1])
            await tx.sessions.add(session)
            await tx.audit.add(Entry(portal=PORTAL, event=Event.SIGN_IN_SUCCEEDED, account=person, client=subject))


Work = Callable[[Person], Awaitable[None]]
WORK: dict[str, tuple[int, Work]] = {
    "accept, 32 at a time": (32, Person.accept),
    "accept, 1 at a time": (1, Person.accept),
    "sign-in, 8 at a time": (8, Person.sign_in),
    "look-up, 8 at a time": (8, Person.look_up),
}
"""What is done: by how many at a time, and what."""


def server_of(url: str) -> psutil.Process:
    """The server's first process, on this machine."""
    engine = create_engine(url)
    with engine.connect() as connection:
        pid = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        server = psutil.Process(pid).parent()
    engine.dispose()
    if server is None:
        raise RuntimeError("PostgreSQL runs elsewhere")
    return server


def cpu_of(server: psutil.Process) -> float:
    """CPU seconds that the server's processes have used so far, those that have ended too."""
    own = server.cpu_times()
    used: float = own.children_user + own.children_system
    for each in server.children():
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            used += times.user + times.system
    return used


def cpu_here() -> float:
    """CPU seconds that this process has used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def measure(store: SqlStore, server: psutil.Process, callers: int, work: Work, seconds: float) -> list[float]:
    """Operations a second, CPU µs an operation of this process and of the server."""
    done, until = 0, time.perf_counter() + seconds

    async def call(person: Person) -> None:
        nonlocal done
        while time.perf_counter() < until:
            await work(person)
            done += 1

    began, here, there = time.perf_counter(), cpu_here(), cpu_of(server)
    await asyncio.gather(*(call(Person(store, SEED + number)) for number in range(callers)))
    took, here, there = time.perf_counter() - began, cpu_here() - here, cpu_of(server) - there
    return [done / took, here / done * 1e6, there / done * 1e6]


async def seed(url: str) -> None:
    """Accounts to look up."""
    store = await open_store(url)
    async with store.transaction() as tx:
        for number in range(ACCOUNTS):
            account = Account(portal=PORTAL, id=str(number), status=Status.ACTIVE)
            await tx.accounts.add(account, [AccountIdentifier(FIELD, str(number))])
    await store.close()


def emptied(url: str) -> None:
    """Take away what earlier rounds wrote: the same ids come again."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("TRUNCATE intake, rate_limit, guess, session, audit")
    engine.dispose()


async def run(url: str, rounds: int, seconds: float, chosen: list[str]) -> None:
    """Let all take turns and print the figures."""
    await seed(url)
    server = server_of(url)
    stores = {name: SqlStore(OfDriver(url, *way)) for name, way in WAYS.items() if name in chosen}
    for title, (callers, work) in WORK.items():
        found = {name: Spent() for name in stores}
        for number in range(-1, rounds):  # the first is a warm-up
            for name in random.Random(SEED + number).sample(list(stores), len(stores)):
                emptied(url)
                rate, here, there = await measure(stores[name], server, callers, work, seconds if number >= 0 else 0.5)
                if number >= 0:
                    found[name].rate.append(rate)
                    found[name].here.append(here)
                    found[name].server.append(there)
        show(title, found)
    for store in stores.values():
        await store.close()


def show(title: str, found: dict[str, Spent]) -> None:
    """Print a line for each way: medians, and the rate of each round."""
    print(title)
    for name, spent in found.items():
        medians = [statistics.median(each) for each in (spent.rate, spent.here, spent.server)]
        each = " ".join(f"{rate:.0f}" for rate in spent.rate)
        print(
            f"  {name:<18} {medians[0]:>6,.0f}/s  CPU µs: here {medians[1]:>5,.0f}  server {medians[2]:>5,.0f}  "
            f"both {medians[1] + medians[2]:>5,.0f}  rounds {each}",
            flush=True,
        )


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    given = parser.parse_args()
    print(f"psycopg's {pq.__impl__} implementation, libpq {pq.version()}, seed {SEED}")
    with databases(Path(), ["postgresql"]) as urls:
        uvloop.run(run(urls["PostgreSQL"], given.rounds, given.seconds, given.ways))


if __name__ == "__main__":
    main()
