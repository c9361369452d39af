"""How many recovery requests a second one process accepts, without HTTP: `Store.accept` on SQLite and PostgreSQL.

Every caller sends one request after another, each with four limits: its identifier's and its client's (2^18 of each),
its cooldown (always a new one), and the portal's, which all share. Every commit waits for the disk. PostgreSQL is
`RECLAVE_TEST_POSTGRES` or a throw-away cluster (as in the tests).

    python -m bench.accept_rate --callers 64 --seconds 5
"""

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop
from sqlalchemy import create_engine

from reclave.adapters.sql.migrate import upgrade
from reclave.adapters.sql.store import SqlStore, open_store
from reclave.domain.intake import Admission, Request
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.time import HOUR, MINUTE
from tests.servers import TestRun
from tests.servers.postgresql import URL_VARIABLE, shared_server, stop_server

COOLDOWN = Limit(1, 2 * MINUTE, Scope.COOLDOWN)
PER_IDENTIFIER = Limit(1_000, HOUR, Scope.IDENTIFIER)
PER_CLIENT = Limit(10_000, HOUR, Scope.CLIENT)
PER_PORTAL = Limit(100_000_000, HOUR, Scope.PORTAL)
SEED = 20261122


class Requests:
    """Made-up requests, repeatable by their seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def next(self) -> Request:
        """A request of somebody in the population, from one of as many clients."""
        raw = self._random.randbytes(256)
        person = b"i" * 29 + raw[:2] + bytes([raw[2] % 4])
        client = b"c" * 29 + raw[3:5] + bytes([raw[5] % 4])
        return Request(
            portal="pagos",
            id=raw[8:24],
            journey="temporary_password",
            sealed_fields=raw[96:],
            identifier=person,
            client=client,
            language="es",
            waiting=raw[24:56],
            reference="ABCD-EF12",
            cooldown=Cost(raw[56:88], COOLDOWN),
            costs=(Cost(person, PER_IDENTIFIER), Cost(client, PER_CLIENT), Cost(b"p" * 32, PER_PORTAL)),
        )


async def measure(store: SqlStore, callers: int, seconds: float) -> list[float]:
    """Seconds that each accept took, with so many callers at a time for so long."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def call(requests: Requests) -> None:
        while (began := time.perf_counter()) < until:
            if await store.accept(requests.next()) is not Admission.ACCEPTED:
                raise RuntimeError("the benchmark ran into a limit")
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(call(Requests(random.randrange(2**62))) for _ in range(callers)))
    return took


async def beside_none(store: SqlStore, seconds: float) -> tuple[float, float]:
    """Median seconds of one request at a time: with the group commit, and in a transaction without it, by turns."""
    grouped: list[float] = []
    alone: list[float] = []
    requests, until = Requests(SEED), time.perf_counter() + seconds
    while time.perf_counter() < until:
        first, second = requests.next(), requests.next()
        began = time.perf_counter()
        await store.accept(first)
        between = time.perf_counter()
        await store.admit([second])
        grouped.append(between - began)
        alone.append(time.perf_counter() - between)
    return statistics.median(grouped), statistics.median(alone)


async def report(name: str, url: str, callers: list[int], seconds: float) -> None:
    """Print a line for each number of callers."""
    store = await open_store(url)
    await measure(store, max(callers), 0.5)
    grouped, alone = await beside_none(store, seconds)
    print(
        f"{name:<11} one at a time, median {grouped * 1e3:.2f} ms; without the group commit {alone * 1e3:.2f} ms: "
        f"{grouped / alone:.2f} × (goal: at most 1.2 ×)",
        flush=True,
    )
    for number in callers:
        before = time.process_time()
        took = sorted(await measure(store, number, seconds))
        work = (time.process_time() - before) / len(took)
        median, high = statistics.median(took), took[int(len(took) * 0.99)]
        print(
            f"{name:<11} {number:>3} callers  {len(took) / seconds:>7,.0f} accepts/s  median {median * 1e3:6.2f} ms  "
            f"p99 {high * 1e3:6.2f} ms  this process's CPU {work * 1e6:4.0f} µs an accept",
            flush=True,
        )
    await store.close()


def make_durable(url: str) -> None:
    """Switch on what the tests' throw-away cluster goes without: waiting for the disk."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = on")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()


@contextmanager
def databases(folder: Path, chosen: list[str]) -> Iterator[dict[str, str]]:
    """The URLs of one fresh, migrated database for each engine."""
    urls = {}
    run = TestRun.new(os.getpid())
    try:
        if "sqlite" in chosen:
            urls["SQLite"] = f"sqlite+aiosqlite:///{folder / 'bench.sqlite'}"
        if "postgresql" in chosen:
            server = shared_server(run)
            if URL_VARIABLE not in os.environ:
                make_durable(server.url)
            urls["PostgreSQL"] = server.url_of(server.create_database())
        for url in urls.values():
            upgrade(url)
        yield urls
    finally:
        stop_server(run)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 32, 64])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--folder", help="where SQLite's file goes (its disk is what is measured)")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(dir=given.folder) as folder,
        databases(Path(folder), given.engines) as urls,
    ):
        for name, url in urls.items():
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:  # as the service has it
                loop.run(report(name, url, given.callers, given.seconds))


if __name__ == "__main__":
    main()
