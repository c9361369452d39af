"""How many accounts a second `reclave accounts import` takes, its peak memory, and how long it holds the writer.

Writes a file of synthetic companies (NIT, address, language; an address in ten is shared), imports it into a fresh
database, then once more: then nothing changes. `--with` adds what else a row may bring: initial passwords to be
generated, hashes of another system (Django's PBKDF2), plain initial passwords. Each engine is measured in a process of
its own; the CPU time beside a rate is what a row costs that process, and on PostgreSQL the server's.

    python -m bench.import_rate --rows 1000000 --engine postgresql --with hashes
"""

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine

from bench.accept_rate import databases
from bench.figures import Figure, at_least, at_most, plain, show
from bench.measure import percentile
from reclave.adapters.sql.engine import is_postgresql
from reclave.bootstrap import new_keyring, wired
from reclave.domain.identifiers import nit_check_digit
from reclave.operations.import_accounts.accounting import Options, Summary
from reclave.operations.import_accounts.running import import_accounts
from reclave.ports.store import Transaction
from reclave.settings import Settings

PORTALS = Path(__file__).parents[1] / "portals"
SEED = 20261122
CORES = os.cpu_count() or 1
GOALS = {"sqlite": 10_000, "postgresql": 25_000}  # rows a second
WITH = ("nothing", "letters", "hashes", "passwords")
HOLD_GOAL = 50  # ms
_FIRST_BASE = 800_000_000
_DOMAINS = 20_000
_SHARED = 0.1


class TimedStore:
    """A store that notes how long each writing transaction lasts, in milliseconds."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.holds: list[float] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction, timed from its begin to the end of its commit."""
        opened = self._store.transaction()
        tx = await opened.__aenter__()
        began = time.perf_counter()
        try:
            yield tx
        finally:
            await opened.__aexit__(*sys.exc_info())
            self.holds.append((time.perf_counter() - began) * 1000)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def write_file(path: Path, rows: int, beside: str = "nothing") -> None:
    """Write the file, row by row."""
    draw = random.Random(SEED)
    column = {"hashes": ",password_hash", "passwords": ",initial_password"}.get(beside, "")
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"nit,email,language{column}\r\n")
        for number in range(rows):
            base = str(_FIRST_BASE + number)
            person = number - 1 if draw.random() < _SHARED and number else number
            domain = f"empresa{person * 7919 % _DOMAINS}.example"
            file.write(f"{base}{nit_check_digit(base)},contacto{person}@{domain},es{_secret(draw, beside)}\r\n")


def _secret(draw: random.Random, beside: str) -> str:
    if beside == "hashes":
        salt, digest = (base64.b64encode(draw.randbytes(size)).decode() for size in (9, 32))
        return f",pbkdf2_sha256$600000${salt}${digest}"
    return f",{draw.randbytes(9).hex()}" if beside == "passwords" else ""


class Cost:
    """CPU seconds of this process and of PostgreSQL's processes, since it was made."""

    def __init__(self, url: str) -> None:
        self._postmaster = _postmaster(url)
        self._before = self._now()

    def per_row(self, rows: int) -> dict[str, float]:
        """Microseconds a row."""
        spent = {name: seconds - self._before[name] for name, seconds in self._now().items()}
        return {f"{name}_µs_a_row": seconds * 1e6 / max(rows, 1) for name, seconds in spent.items()}

    def _now(self) -> dict[str, float]:
        own = resource.getrusage(resource.RUSAGE_SELF)
        spent = {"this_process": own.ru_utime + own.ru_stime}
        if self._postmaster is not None:
            spent["postgres"] = sum(map(_seconds, (self._postmaster, *self._postmaster.children())))
        return spent


def _seconds(process: psutil.Process) -> float:
    """CPU seconds of a process and of those of its children that have ended; of one that has ended, none."""
    with suppress(psutil.NoSuchProcess):
        of = process.cpu_times()
        return float(of.user + of.system + of.children_user + of.children_system)
    return 0.0


def _postmaster(url: str) -> psutil.Process | None:
    """The first process of the server at a URL, where it is PostgreSQL and on this machine."""
    if not is_postgresql(url):
        return None
    engine = create_engine(url)
    with engine.connect() as connection:
        backend = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        found = psutil.Process(backend).parent() if psutil.pid_exists(backend) else None
    engine.dispose()
    return found


async def measured(engine: str, url: str, folder: Path, *, beside: str, once: bool) -> list[Figure]:
    """Import the file, and unless `once` a second time."""
    new_keyring(folder / "keyring")
    settings = Settings(
        base_url="http://localhost:8000",
        database=url,
        keyring=folder / "keyring",
        portals=PORTALS,
        hashing_threads=CORES,
    )
    path = folder / "accounts.csv"
    async with wired(settings) as parts:
        store = TimedStore(parts.services.store)
        services = replace(parts.services, store=store)
        before = psutil.Process().memory_info().rss / 2**20
        options = Options(
            by="bench", hashes_at_once=CORES, generate=folder / "letters.csv" if beside == "letters" else None
        )

        async def run(these: Options) -> Summary:
            def tell(done: int, total: int) -> None:
                if done % 100_000 < 500:  # noqa: PLR2004 - about every tenth of a million
                    print(f"  {engine}: {done:,} of {total:,}", file=sys.stderr, end="\r", flush=True)

            return await import_accounts(services, services.portals["pagos"], path, these, tell)

        cost = Cost(url)
        first = await run(options)
        costs = cost.per_row(first.rows)
        holds = list(store.holds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        again = None if once else await run(replace(options, generate=None))
    what, goal = f"{first.rows:,} rows, {beside} beside", GOALS[engine.lower()]
    figures = [at_least(engine, f"{what}, new", first.rate, "rows/s", goal, seconds=first.seconds, **costs)]
    if again is not None:
        figures.append(at_least(engine, f"{what}, again", again.rate, "rows/s", goal, seconds=again.seconds))
    if first.hashes_now:
        figures.append(at_least(engine, "hashes", first.hashes_now / first.seconds, "hashes/s", 0))
    figures.append(at_most(engine, "peak memory", peak, "MiB", 250, before_the_first_row=before))
    late = sum(hold > HOLD_GOAL for hold in holds) / len(holds) * 100
    detail = {"median": percentile(holds, 0.5), "longest": max(holds), "over_50_ms_%": late, "chunks": len(holds)}
    if engine == "SQLite":
        figures.append(at_most(engine, "the writer is held, p99", percentile(holds, 0.99), "ms", HOLD_GOAL, **detail))
    return figures


def in_a_process(engine: str, url: str, folder: Path, given: argparse.Namespace, answer: Any) -> None:
    """What the process of one engine does."""
    answer.send(asyncio.run(measured(engine, url, folder, beside=given.beside, once=given.once)))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--with", dest="beside", choices=WITH, default="nothing", help="what else a row brings")
    parser.add_argument("--once", action="store_true", help="leave the second import out")
    parser.add_argument("--folder", help="where the files go (its disk is what is measured)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args()
    engines = ["sqlite", "postgresql"] if given.engine == "both" else [given.engine]
    figures: list[Figure] = []
    spawning = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder, databases(Path(folder), engines) as urls:
        write_file(Path(folder) / "accounts.csv", given.rows, given.beside)
        for engine, url in urls.items():
            own = Path(folder) / engine
            own.mkdir()
            (own / "accounts.csv").symlink_to(Path(folder) / "accounts.csv")
            answer, answering = spawning.Pipe(duplex=False)
            process = spawning.Process(target=in_a_process, args=(engine, url, own, given, answering))
            process.start()
            answering.close()  # so that the end of a process that fails is the end of its answer
            figures += answer.recv()
            process.join()
    if given.json:
        machine = {"cores": os.cpu_count(), "load_over_5_minutes": os.getloadavg()[1], "seed": SEED}
        print(json.dumps({"machine": machine, "figures": plain(figures)}, indent=1))
    else:
        show(figures)


if __name__ == "__main__":
    main()
