"""What operators see of a running process: its numbers, its spans, and the listener that answers for both."""

import asyncio
import platform
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import structlog

from reclave import __version__
from reclave.adapters.sql.migrate import pending
from reclave.adapters.sql.store import SqlStore
from reclave.adapters.tally import Series, SharedSeries, Tally, merged
from reclave.adapters.watched import WatchedHasher, WatchedStore
from reclave.bootstrap.wiring import NotReady, Wired, wired
from reclave.domain.errors import ReclaveError
from reclave.domain.intake import Admission
from reclave.domain.readiness import Check, Readiness
from reclave.operations.readiness import check_readiness
from reclave.ports.meter import (
    BUILD,
    CHECK_VALUES,
    CHECKS,
    REFUSALS,
    REQUESTS,
    STARTED,
    UNRESOLVED,
    UNSENT,
    Meter,
)
from reclave.ports.store import Store
from reclave.settings import Settings
from reclave.supervisor import Inherited, listening

if TYPE_CHECKING:
    from reclave.adapters.prometheus import Exposition
    from reclave.web.refusal import ErrorPage

PUBLISH_SECONDS = 1.0
"""How old the numbers of another process may be."""
_CONNECTIONS = 64
_log = structlog.get_logger("reclave")


@dataclass(frozen=True, slots=True)
class Watch:
    """A process's numbers, and the listener for operators where the process has one."""

    tally: Tally
    listener: socket.socket | None = None
    own: SharedSeries | None = None
    """Where this process's numbers go, if another one shows them."""
    shared: tuple[SharedSeries, ...] = ()
    """The numbers of others; of all processes, this one too, where any of them may be asked."""

    def series(self) -> list[Series]:
        """The numbers of all processes."""
        # Where any process may be asked, its own are as old as the others': no counter ever seems to fall.
        here = self.tally.series() if self.own is None else []
        return merged(here, *(each.read() for each in self.shared))


def watch(settings: Settings, inherited: Inherited | None = None, *, worker_fd: int | None = None) -> Watch | None:
    """Listen for operators where the settings say so (None: nowhere). Raises `PortTaken`."""
    if not settings.operations_port:
        return None
    if inherited is not None and inherited.numbers is not None:
        own = SharedSeries(inherited.numbers, inherited.place)
        asked = None if inherited.operations is None else socket.socket(fileno=inherited.operations)
        every = tuple(SharedSeries(inherited.numbers, place) for place in range(inherited.places))
        return Watch(Tally(own.read()), asked, own, every)
    listener = listening(settings.operations_host, settings.operations_port, "operations_port")
    return Watch(Tally(), listener, shared=() if worker_fd is None else (SharedSeries(worker_fd),))


@asynccontextmanager
async def watched(parts: Wired, watch: Watch | None, process: str) -> AsyncIterator[Wired]:
    """The installation with what passes through it counted and traced, as far as its settings say.

    Raises `NotReady` where spans are wanted and OpenTelemetry is not installed.
    """
    services = parts.services
    if watch is not None:
        meter = watch.tally
        meter.change(STARTED, int(time.time()), process=process)
        store, hasher = WatchedStore(services.store, meter), WatchedHasher(services.hasher, meter)
        services = replace(services, meter=meter, store=store, hasher=hasher)
    if not parts.settings.otel_endpoint:
        yield replace(parts, services=services)
        return
    try:
        from reclave.adapters.open_telemetry import OpenTelemetryTracer, exporting_to
    except ImportError as error:
        said = "`otel_endpoint` is set, and OpenTelemetry is not installed: install reclave[otel], or empty it"
        raise NotReady(said) from error
    processor = exporting_to(parts.settings.otel_endpoint)
    tracer = OpenTelemetryTracer(processor, process=process, version=__version__)
    try:
        yield replace(parts, services=replace(services, tracer=tracer))
    finally:
        await asyncio.to_thread(tracer.close)


async def answer_operators(
    parts: Wired, store: Store, watch: Watch | None, stop: asyncio.Event, retire: asyncio.Event | None = None
) -> None:
    """Answer on the operators' listener until `stop` or `retire` is set. `store`: the one that is not watched."""
    if watch is None or watch.listener is None:
        return
    from reclave.telemetry.app import operations_app
    from reclave.web.server import ServerLimits, serve_http

    for portal in parts.services.portals.values():
        for journey in portal.terms:
            for outcome in Admission:
                watch.tally.count(REQUESTS, 0, portal=portal.id, journey=journey, outcome=outcome)
    exposition, said = await asyncio.to_thread(_exposition), _Changes()

    async def readiness() -> Readiness:
        return said.noted(await readiness_of(parts, store))

    async def metrics() -> bytes:
        numbers = merged(watch.series(), standing(await readiness()))
        return exposition.write(numbers, process=watch.own is None)

    port = watch.listener.getsockname()[1]
    await serve_http(
        operations_app(readiness, metrics, exposition.media_type),
        [watch.listener],
        limits=ServerLimits(connections=_CONNECTIONS),
        stop=stop,
        retire=retire,
        ready=lambda: _log.info("operations_listening", port=port),
    )


def _exposition() -> "Exposition":
    """What takes a tenth of a second to import, which pages that are being answered meanwhile do not wait for."""
    from reclave.adapters.prometheus import Exposition

    return Exposition()


class _Changes:
    """Logs a check when what it says changes, whoever asked."""

    def __init__(self) -> None:
        self._failing: set[str] = set()

    def noted(self, readiness: Readiness) -> Readiness:
        for check in readiness.checks:
            if check.ok == (check.name in self._failing):
                self._failing ^= {check.name}
                _log.warning("readiness_changed", check=check.name, ok=check.ok, why=check.why, remedy=check.remedy)
        return readiness


def standing(readiness: Readiness) -> list[Series]:
    """What the store holds and the checks say, as numbers; and what runs."""
    values = {check.name: check.value for check in readiness.checks if check.value is not None}
    waiting = {UNRESOLVED: readiness.unresolved, UNSENT: readiness.unsent}
    return [
        *(Series(CHECKS.name, (check.name,), (float(check.ok),)) for check in readiness.checks),
        *(Series(CHECK_VALUES.name, (name,), (float(value),)) for name, value in values.items()),
        *(Series(metric.name, (), (float(count),)) for metric, count in waiting.items() if count is not None),
        Series(BUILD.name, (__version__, platform.python_version()), (1.0,)),
    ]


def counting_refusals(meter: Meter) -> "ErrorPage":
    """The plain page of a request that the server refuses before any page is asked, counted."""
    from reclave.web.refusal import plain_page

    def page(status: int, path: bytes | None, language: bytes | None) -> bytes:
        meter.count(REFUSALS, portal="", reason="unreadable")
        return plain_page(status, path, language)

    return page


async def publish(watch: Watch | None, stop: asyncio.Event) -> None:
    """Write a process's numbers every second, and once more at the end, where the one that shows them reads them."""
    if watch is None or watch.own is None:
        return
    while not stop.is_set():
        watch.own.write(watch.tally.series())
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PUBLISH_SECONDS)
    watch.own.write(watch.tally.series())


async def readiness_of(parts: Wired, store: Store) -> Readiness:
    """Every check, over an open installation."""

    async def migrated() -> bool:
        return not await pending(cast(SqlStore, store))

    return await check_readiness(parts.services, migrated)


async def status_of(settings: Settings) -> Readiness:
    """Every check, from outside of the service; an installation that cannot be opened fails them in its own words."""
    try:
        async with wired(settings) as parts:
            return await readiness_of(parts, parts.services.store)
    except ReclaveError as refused:
        return Readiness((Check("installation", ok=False, why=str(refused), for_pages=True),))
