"""The whole path on this machine: latency, throughput, cold start, memory, and whether known accounts show.

Starts the real `reclave serve` (web and worker), a real SMTP server and a real database in temporary folders, and
prints each figure with its goal. Everything is on loopback, and ends by itself. Run it with `make bench-local`.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # `python bench/local.py` finds bench/ and tests/, too

from bench import measure, timing
from bench.accept_rate import databases
from bench.figures import Figure, at_least, at_most, plain, show, unseen
from bench.service import Service, prepared

STARTS = 5
RATE = 20  # requests a second
WEIGHED_AFTER = 10_000  # requests
ONE_KNOWN_IN = 16
DRAIN_SECONDS = 600
PAUSE_SECONDS = 0.02  # after a pair
ACCEPTED_GOALS = {"SQLite": 3_300, "PostgreSQL": 4_300}
PARTS = ("start", "latency", "requests", "pairs", "sign-in", "memory", "rate")


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
        """Every figure that was asked for."""
        wanted = [part for part in PARTS if part in self._options.only]
        if "start" in wanted:
            yield self._start()
        running = {
            "latency": self._latency,
            "requests": self._requests,
            "pairs": self._pairs,
            "sign-in": self._sign_ins,
        }
        if running.keys() & set(wanted):
            with self._service.started():
                for part in filter(running.__contains__, wanted):
                    async for figure in running[part]():
                        yield figure
                    await self._service.drained(DRAIN_SECONDS)
        for part, measured in (("memory", self._memory), ("rate", self._rate)):
            if part in wanted:
                async for figure in measured():
                    yield figure

    def _start(self) -> Figure:
        took = [measure.cold_start(self._service) for _ in range(STARTS)]
        return at_most(
            self._engine, "cold start, median", statistics.median(took), "s", 1.5, best=min(took), starts=STARTS
        )

    async def _latency(self) -> AsyncIterator[Figure]:
        found = await measure.latency(self._service, self._known.take(RATE * self._options.seconds), RATE)
        beside = {
            "since_the_303": (found.since_answered),
            "303_after": (found.answers),
        }
        for name, share, goal in (("p50", 0.5, 100), ("p99", 0.99, 500)):
            detail = {key: measure.percentile(values, share) for key, values in beside.items()}
            yield at_most(
                self._engine,
                f"request to mail at {RATE}/s, {name}",
                measure.percentile(found.since_sent, share),
                "ms",
                goal,
                **detail,
                mails=len(found.since_sent),
            )
        yield at_most(self._engine, "mails lost", found.lost, "", 0)

    async def _requests(self) -> AsyncIterator[Figure]:
        count = self._options.samples
        found = timing.recovery_requests(self._service, self._known.take(count), self._unknown.take(count))
        yield unseen(self._engine, "recovery request, known or not", found)

    async def _pairs(self) -> AsyncIterator[Figure]:
        count = self._options.pairs
        known, unknown = self._known.take(count), self._unknown.take(count)
        found = timing.pairs(self._service, known, unknown, PAUSE_SECONDS, self._options.pair_seconds)
        yield unseen(self._engine, "a stranger's request 5 ms later", found.second)
        yield unseen(self._engine, "the request before it", found.first)

    async def _sign_ins(self) -> AsyncIterator[Figure]:
        count = self._options.sign_ins
        found = timing.sign_ins(self._service, self._known.take(count), self._unknown.take(count))
        yield unseen(self._engine, "wrong password, known or not", found)

    async def _memory(self) -> AsyncIterator[Figure]:
        known = self._known.take(WEIGHED_AFTER // ONE_KNOWN_IN)
        unknown = [self._service.people.fresh() for _ in range(WEIGHED_AFTER - len(known))]
        with self._service.started() as web:
            before = measure.memory(web)
            measure.ask_for(self._service, [*known, *unknown])
            at_once = measure.memory(web)
            drained = await self._service.drained(DRAIN_SECONDS)
            after = measure.memory(web)
        beside = f"all {'sent' if drained else 'but the last sent'}"
        yield at_most(self._engine, "memory, web", max(at_once.web, after.web), "MiB", 120, at_the_start=before.web)
        yield at_most(
            self._engine,
            "memory, web and worker",
            max(one.web + one.worker for one in (at_once, after)),
            "MiB",
            180,
            at_the_start=before.web + before.worker,
            mails=beside,
        )

    async def _rate(self) -> AsyncIterator[Figure]:
        with self._service.started():
            rate, program = measure.accepted_a_second(
                self._service, self._known.take(ONE_KNOWN_IN * 10), self._options.seconds
            )
        yield at_least(
            self._engine, "requests accepted a second", rate, "/s", ACCEPTED_GOALS[self._engine], load=program
        )


async def measured(engine: str, database: str, options: argparse.Namespace) -> list[Figure]:
    """Every figure on one engine."""
    accounts = (
        options.seconds * RATE
        + options.samples
        + options.pairs
        + options.sign_ins
        + WEIGHED_AFTER // ONE_KNOWN_IN
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


def main() -> None:
    """Parse the command line and print what was measured."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--samples", type=int, default=10_000, help="recovery requests a side")
    parser.add_argument("--pairs", type=int, default=10_000, help="pairs of requests a side, at most")
    parser.add_argument("--pair-seconds", type=int, default=180, help="when the pairs end at the latest")
    parser.add_argument("--sign-ins", type=int, default=2_000, help="sign-ins a side")
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
        print(json.dumps(plain(figures), indent=1))
    else:
        show(figures)


if __name__ == "__main__":
    main()
