"""The service's two processes: how they run, are told of changes, and end."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from reclave.adapters.bell import BellReader
from reclave.adapters.tally import SharedSeries, Tally
from reclave.bootstrap.listening import listening
from reclave.bootstrap.portals import check_portals
from reclave.bootstrap.telemetry import Watch, answer_operators, counting_refusals, publish, watch, watched
from reclave.bootstrap.wiring import (
    Wired,
    build_mailer,
    build_site,
    build_worker,
    warm_mails,
    warm_up,
    wired,
)
from reclave.domain.errors import ReclaveError
from reclave.settings import Settings
from reclave.supervisor import WorkerProcess
from reclave.web.app import web_app
from reclave.worker.loop import Worker

REFRESH_SECONDS = 2.0
"""How soon every process notices what an operator's command changed."""
_log = structlog.get_logger("reclave")


async def run_worker(settings: Settings, bell_fd: int | None, numbers_fd: int | None = None) -> None:
    """Work until SIGTERM or SIGINT, or until the process at the other end of the bell is gone.

    A worker with a bell is a child of `serve`: it begins when the bell rings for the first time. SIGHUP has it finish
    what is under way and go on with the portal files as they are now. Its numbers go to `serve` by `numbers_fd`.
    """
    stop, hangup = _on_signals(signal.SIGTERM, signal.SIGINT), _on_signals(signal.SIGHUP)
    bell = None if bell_fd is None else Doorbell(bell_fd, stop)
    if bell is not None and not await bell.first():
        return
    shared = SharedSeries(numbers_fd) if numbers_fd is not None and settings.operations_port else None
    watching = watch(settings) if shared is None else Watch(Tally(shared.read()))
    async with wired(settings) as opened, watched(opened, watching, "worker") as begun:
        parts, mailer = begun, build_mailer(settings)
        beside = [asyncio.create_task(asyncio.to_thread(warm_mails, parts.services)), keep_fresh(parts, stop)]
        telling = asyncio.gather(
            answer_operators(parts, opened.services.store, watching, stop), publish(watching, shared, stop)
        )
        while not stop.is_set():
            await _work(build_worker(parts, mailer), bell, _first_of(stop, hangup))
            if hangup.is_set():
                hangup.clear()
                parts = reloaded(parts)
                _log.info("worker_reloaded", portals=sorted(parts.services.portals))
        for task in beside:
            task.cancel()
        await mailer.close()
        await telling


async def _work(worker: Worker, bell: "Doorbell | None", until: asyncio.Event) -> None:
    """Have a worker work, woken by the bell, until an event."""
    ringing = None if bell is None else asyncio.create_task(bell.pass_on(worker.wake))
    worker.wake()
    await worker.run(until)
    if ringing is not None:
        ringing.cancel()


class Doorbell:
    """A worker's end of the pipe over which `serve` wakes it; at the pipe's end it stops."""

    def __init__(self, fd: int, stop: asyncio.Event) -> None:
        self._rung = asyncio.Event()
        self._stop = stop
        self._reader = BellReader(fd, self._rung)
        self._reader.start()
        self._ending = asyncio.create_task(self._end_with_parent())

    async def first(self) -> bool:
        """Wait for the first ring; False when the worker was told to stop instead."""
        rung, stopped = asyncio.create_task(self._rung.wait()), asyncio.create_task(self._stop.wait())
        await asyncio.wait({rung, stopped}, return_when=asyncio.FIRST_COMPLETED)
        rung.cancel()
        stopped.cancel()
        return not self._reader.ended.is_set() and not self._stop.is_set()

    async def pass_on(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever the bell rings."""
        while not self._stop.is_set():
            await self._rung.wait()
            self._rung.clear()
            wake()

    async def _end_with_parent(self) -> None:
        await self._reader.ended.wait()
        self._stop.set()


class Swappable:
    """An ASGI application that another one may take the place of; requests under way stay with theirs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the application of the moment."""
        await self.app(scope, receive, send)


async def serve(settings: Settings, worker: WorkerProcess, ready: Callable[[str], None]) -> None:
    """Serve pages here and have the worker work, until SIGTERM or SIGINT; SIGHUP reads the portal files again.

    `ready` is told the address once pages are answered. Raises `NotReady` and what `wired` raises.
    """
    from reclave.web.server import ServerLimits, serve_http

    stop, hangup = _on_signals(signal.SIGTERM, signal.SIGINT), _on_signals(signal.SIGHUP)
    listener = listening(settings.host, settings.port, "port")
    watching = watch(settings, worker_fd=worker.numbers_fd)
    async with (
        wired(settings, worker.bell, sending=True) as opened,
        watched(opened, watching, "pages") as parts,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(worker.supervise(stop))
        port = listener.getsockname()[1]
        site = build_site(parts)
        pages = Swappable(web_app(site))
        warming = group.create_task(asyncio.to_thread(warm_up, site))
        refreshing = keep_fresh(parts, stop)
        reloading = group.create_task(_reload_pages(parts, pages, worker, hangup))

        def begun() -> None:
            ready(f"http://{settings.host}:{port}")
            group.create_task(answer_operators(parts, opened.services.store, watching, stop))

        await serve_http(
            pages,
            [listener],
            limits=ServerLimits(),
            stop=stop,
            ready=begun,
            error_page=counting_refusals(parts.services.meter),
        )
        stop.set()
        reloading.cancel()
        refreshing.cancel()
        await warming


async def _reload_pages(parts: Wired, pages: Swappable, worker: WorkerProcess, hangup: asyncio.Event) -> None:
    while True:
        await hangup.wait()
        hangup.clear()
        renewed = reloaded(parts)
        if renewed is not parts:
            parts = renewed
            site = build_site(parts)
            await asyncio.to_thread(warm_up, site)
            pages.app = web_app(site)
            _log.info("pages_reloaded", portals=sorted(parts.services.portals))
            worker.hang_up()


def reloaded(parts: Wired) -> Wired:
    """The installation with its portal files as they are now; as it was, with a line in the log, if they are refused.

    Whoever reloads keeps the same store, keyring and switchboard.
    """
    try:
        files = check_portals(parts.settings.portals)
    except ReclaveError as refused:
        for problem in str(refused).splitlines():
            _log.error("reload_refused", why=problem)
        return parts
    return Wired(parts.settings, replace(parts.services, portals=dict(files.portals)), files)


def keep_fresh(parts: Wired, stop: asyncio.Event) -> asyncio.Task[None]:
    """Notice, until `stop` is set, what operators change beside the running processes: the keyring and the switches."""
    return asyncio.create_task(_refreshed(parts, stop))


async def _refreshed(parts: Wired, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            if parts.services.vault.reload():
                _log.info("keyring_reloaded", key_id=parts.services.vault.key_id, epoch=parts.services.vault.epoch)
            await parts.services.switchboard.refresh(parts.services.store)
        except Exception:  # noqa: BLE001 - the reason follows
            # A keyring being edited or a database that is away: what was read before stays in force.
            _log.exception("refresh_failed")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), REFRESH_SECONDS)


def _on_signals(*numbers: signal.Signals) -> asyncio.Event:
    """An event that these signals set."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, event.set)
    return event


def _first_of(*events: asyncio.Event) -> asyncio.Event:
    """An event that is set with the first of these."""
    first = asyncio.Event()

    async def pass_on(wait: Awaitable[object]) -> None:
        await wait
        first.set()

    first_of = [asyncio.create_task(pass_on(event.wait())) for event in events]

    def forget() -> None:
        for task in first_of:
            task.cancel()

    asyncio.create_task(first.wait()).add_done_callback(lambda _: forget())
    return first
