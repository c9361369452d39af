"""The whole path on this machine: latency, throughput, cold start, memory, and whether known accounts show.

Starts the real `reclave serve` (web and worker), a real SMTP server and a real database in temporary folders, and
prints each figure with its goal. Everything is on loopback, and ends by itself. Run it with `make bench-local`.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # `python bench/local.py` finds bench/ and tests/, too

from bench import foreign, forms, measure, timing
from bench.accept_rate import databases
from bench.figures import Figure, at_least, at_most, plain, show, unseen
from bench.service import SEED, Service, prepared

STARTS = 5
RATES = ((20, 100, 500), (100, 30, 250))
"""Requests a second, and the goals at that rate: p50 and p99, in milliseconds."""
WEIGHED_AFTER = (10_000, 50_000, 100_000)  # requests
ONE_KNOWN_IN = 16
DRAIN_SECONDS = 60
GAPS_MS = (5, 20)
"""When the second request of a pair comes: before the worker begins with the first, and while it is at it."""
ACCEPTED_GOALS = {"SQLite": 3_300, "PostgreSQL": 4_300}
PARTS = ("start", "latency", "pairs", "sign-in", "foreign", "requests", "forms", "codes", "memory", "rate")


class Draw:
    """Hands out people who were not asked for before."""

    def __init__(self, people: Sequence[int]) -> None:
        self._people = iter(people)

    def take(self, count: int) -> list[int]:
        """So many. Raises ValueError when there are not enough."""
        taken = [person for _, person in zip(range(count), self._people, strict=False)]
        if len(taken) < count:
            raise ValueError("not enough accounts were seeded")
        return taken


class Run:
    """The measurements on one engine, in an order in which none disturbs the next."""

    def __init__(self, engine: str, service: Service, options: argparse.Namespace) -> None:
        self._engine = engine
        self._service = service
        self._options = options
        self._known = Draw(service.people.known)
        self._unknown = Draw(service.people.unknown)

    async def figures(self) -> AsyncIterator[Figure]:
        """Every figure that was asked for. What leaves the worker with work to do comes last."""
        parts: dict[str, Callable[[], AsyncIterator[Figure]]] = {
            "start": self._start,
            "latency": self._latency,
            "pairs": self._pairs,
            "sign-in": self._sign_ins,
            "foreign": self._foreign,
            "requests": self._requests,
            "forms": self._forms,
            "codes": self._codes,
            "memory": self._memory,
            "rate": self._rate,
        }
        for part in filter(self._options.only.__contains__, parts):
            async for figure in parts[part]():
                yield figure

    async def _start(self) -> AsyncIterator[Figure]:
        took = [measure.cold_start(self._service) for _ in range(STARTS)]
        beside = {"best": min(took), "starts": STARTS}
        yield at_most(self._engine, "cold start, median", statistics.median(took), "s", 1.5, **beside)

    async def _latency(self) -> AsyncIterator[Figure]:
        for rate, median, high in RATES:
            people = self._known.take(rate * self._options.seconds)
            with self._service.started():
                found = await measure.latency(self._service, people, rate)
            for figure in self._latencies(found, rate, median, high):
                yield figure

    def _latencies(self, found: measure.Latency, rate: int, median: float, high: float) -> Iterator[Figure]:
        for name, share, goal in (("p50", 0.5, median), ("p99", 0.99, high)):
            beside = {
                "from_the_303": measure.percentile(found.since_answered, share),
                "303_after": measure.percentile(found.answers, share),
                "mails": len(found.since_sent),
            }
            took = measure.percentile(found.since_sent, share)
            yield at_most(self._engine, f"request to mail at {rate}/s, {name}", took, "ms", goal, **beside)
        yield at_most(self._engine, f"mails late by {measure.PATIENCE} s, at {rate}/s", found.lost, "", 0)

    async def _pairs(self) -> AsyncIterator[Figure]:
        count = self._options.pairs
        for gap in GAPS_MS:
            known, unknown = self._known.take(count), self._unknown.take(count)
            with self._service.started():
                found = timing.pairs(self._service, known, unknown, gap, self._options.pair_seconds)
                await self._service.drained(DRAIN_SECONDS)
            yield unseen(self._engine, f"a stranger's request {gap} ms later", found.second)
            yield unseen(self._engine, f"the request {gap} ms before it", found.first)

    async def _sign_ins(self) -> AsyncIterator[Figure]:
        count = self._options.sign_ins
        with self._service.started():
            found = timing.sign_ins(self._service, self._known.take(count), self._unknown.take(count))
        yield unseen(self._engine, "wrong password, known or not", found)

    async def _foreign(self) -> AsyncIterator[Figure]:
        count = self._options.sign_ins
        imported, unknown = self._unknown.take(count), self._unknown.take(count)
        await foreign.seed(self._service, imported)
        with self._service.started():
            found = timing.sign_ins(self._service, imported, unknown)
        yield unseen(self._engine, "wrong password, imported with a foreign hash or not", found)

    async def _requests(self) -> AsyncIterator[Figure]:
        count = self._options.samples
        with self._service.started():
            found = timing.recovery_requests(self._service, self._known.take(count), self._unknown.take(count))
        yield unseen(self._engine, "recovery request, known or not", found)

    async def _forms(self) -> AsyncIterator[Figure]:
        count = self._options.forms
        known, unknown = self._known.take(count), self._unknown.take(count)
        await forms.seed(self._service, known)
        with self._service.started():
            for name, found in forms.forms(self._service, known, unknown):
                yield unseen(self._engine, name, found)

    async def _codes(self) -> AsyncIterator[Figure]:
        count = self._options.forms
        asked_for = self._known.take(count), self._unknown.take(count)
        await forms.seed(self._service, asked_for[0])
        with self._service.started():
            cookies = forms.waiting(self._service, *asked_for)
            await self._service.drained(DRAIN_SECONDS)
            yield unseen(self._engine, "a wrong code", forms.codes(self._service, *asked_for, cookies))

    async def _memory(self) -> AsyncIterator[Figure]:
        asked, weighed = 0, {}
        with self._service.started() as web:
            first = measure.memory(web)
            for after in WEIGHED_AFTER:
                measure.ask_for(self._service, self._crowd(after - asked))
                asked = after
                weighed[after] = measure.memory(web)
            await self._service.drained(DRAIN_SECONDS)
            last = measure.memory(web)
        engine, after_all = self._engine, f"after {asked:,} requests"
        beside = {"at_the_start": first.web} | {f"after_{count:,}": one.web for count, one in weighed.items()}
        most = max(one.web for one in (*weighed.values(), last))
        yield at_most(engine, f"memory, web, {after_all}", most, "MiB", 120, **beside)
        both = max(one.web + one.worker for one in (*weighed.values(), last))
        beside = {"at_the_start": first.web + first.worker, "drained": last.web + last.worker}
        yield at_most(engine, f"memory, web and worker, {after_all}", both, "MiB", 180, **beside)

    def _crowd(self, count: int) -> Iterator[int]:
        """So many people, one in so many with an account."""
        for number in range(count):
            yield self._service.people.fresh() if number % ONE_KNOWN_IN else self._known.take(1)[0]

    async def _rate(self) -> AsyncIterator[Figure]:
        known = self._known.take(ONE_KNOWN_IN * 10)
        with self._service.started():
            rate, program = measure.accepted_a_second(self._service, known, self._options.seconds)
        goal = ACCEPTED_GOALS[self._engine]
        yield at_least(self._engine, "requests accepted a second", rate, "/s", goal, load=program)


async def measured(engine: str, database: str, options: argparse.Namespace) -> list[Figure]:
    """Every figure on one engine."""
    accounts = (
        options.seconds * sum(rate for rate, *_ in RATES)
        + options.samples
        + options.pairs * len(GAPS_MS)
        + options.sign_ins * 3
        + 2 * options.forms
        + WEIGHED_AFTER[-1] // ONE_KNOWN_IN
        + ONE_KNOWN_IN * 10
    )
    figures = []
    with tempfile.TemporaryDirectory(prefix="reclave-bench-") as folder:
        disk = measure.disk(Path(folder))
        print(f"{engine}: the disk keeps 4 KiB in {disk:.2f} ms, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
        async with prepared(Path(folder), database, accounts) as service:
            async for figure in Run(engine, service, options).figures():
                figures.append(figure)
                print(f"  {figure.name}: {figure.value:.4g} {figure.unit}", file=sys.stderr, flush=True)
    return figures


def machine() -> dict[str, float | int | str]:
    """Where this was measured; a load well over what the benchmark makes (about 2) spoils the figures."""
    return {
        "cores": os.cpu_count() or 1,
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_over_5_minutes": os.getloadavg()[1],
        "seed": SEED,
    }


def main() -> None:
    """Parse the command line and print what was measured."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--samples", type=int, default=10_000, help="recovery requests a side")
    parser.add_argument("--pairs", type=int, default=10_000, help="pairs of requests a side, at most")
    parser.add_argument("--pair-seconds", type=int, default=180, help="when the pairs end at the latest")
    parser.add_argument("--sign-ins", type=int, default=2_000, help="sign-ins a side")
    parser.add_argument("--forms", type=int, default=2_000, help="requests a side for each of the other forms")
    parser.add_argument("--seconds", type=int, default=20, help="length of the latency and the rate runs")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    engines = ["sqlite", "postgresql"] if options.engine == "both" else [options.engine]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="reclave-bench-") as folder, databases(Path(folder), engines) as urls:
        for engine, url in urls.items():
            figures += asyncio.run(measured(engine, url, options))
    if options.json:
        print(json.dumps({"machine": machine(), "figures": plain(figures)}, indent=1))
    else:
        show(figures)


if __name__ == "__main__":
    main()
