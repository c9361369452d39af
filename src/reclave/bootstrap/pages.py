"""The processes that answer pages: `reclave serve` with its worker beside it, or one of many (`reclave web`)."""

import asyncio
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from reclave.adapters.argon2 import MEMORY_KIB
from reclave.adapters.bell import PipeBell
from reclave.adapters.hashing_pool import threads_for
from reclave.bootstrap.running import keep_fresh, keep_pace, reloaded
from reclave.bootstrap.telemetry import Watch, answer_operators, counting_refusals, publish, watch, watched
from reclave.bootstrap.waking import end, end_with_parent, on_signals, say_begun
from reclave.bootstrap.wiring import Wired, build_site, warm_up, wired
from reclave.settings import Settings
from reclave.supervisor import Inherited, WorkerProcess, listening
from reclave.web.app import web_app

STOP_SECONDS = 7.0
"""How long requests may take to finish once a process stops, so that it has ended after 10 s."""
_log = structlog.get_logger("reclave")


class Swappable:
    """An ASGI application that another one may take the place of; requests under way stay with theirs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the application of the moment."""
        await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class _Post:
    """Where a process answers, what ends it, and whom it wakes."""

    listener: socket.socket
    watching: Watch | None
    stop: asyncio.Event
    retire: asyncio.Event
    bell: PipeBell | None = None
    worker: WorkerProcess | None = None


async def serve(settings: Settings, worker: WorkerProcess, ready: Callable[[str], None]) -> None:
    """Serve pages here and have the worker work, until SIGTERM or SIGINT; SIGHUP reads the portal files again.

    `ready` is told the address once pages are answered. Raises `NotReady`, `PortTaken` and what `wired` raises.
    """
    stop = on_signals(signal.SIGTERM, signal.SIGINT)
    listener = listening(settings.host, settings.port, "port")
    watching = watch(settings, worker_fd=worker.numbers_fd)
    await _answer(settings, _Post(listener, watching, stop, asyncio.Event(), worker.bell, worker), ready)


async def run_web(settings: Settings, inherited: Inherited | None, ready: Callable[[str], None]) -> None:
    """Serve pages and nothing else, until SIGTERM or SIGINT; SIGUSR2 has it leave new connections to others, and end.

    `ready` is told the address where it is one of its own. Raises as `serve` does.
    """
    stop, retire = on_signals(signal.SIGTERM, signal.SIGINT), on_signals(signal.SIGUSR2)
    if inherited is None or inherited.listener is None:
        listener = listening(settings.host, settings.port, "port")
        await _answer(settings, _Post(listener, watch(settings), stop, retire), ready)
        return
    parent = end_with_parent(inherited.parent, stop)
    listener = socket.socket(fileno=inherited.listener)
    bell = None if inherited.bell is None else PipeBell(inherited.bell)
    threads = settings.hashing_threads or threads_for(MEMORY_KIB * 1024, inherited.siblings)
    post = _Post(listener, watch(settings, inherited), stop, retire, bell)
    await _answer(replace(settings, hashing_threads=threads), post, lambda _: say_begun(inherited))
    parent.close()


async def _answer(settings: Settings, post: _Post, ready: Callable[[str], None]) -> None:
    from reclave.web.server import ServerLimits, serve_http

    stop, watching, hangup = post.stop, post.watching, on_signals(signal.SIGHUP)
    async with (
        wired(settings, post.bell, sending=True) as opened,
        watched(opened, watching, "pages") as parts,
        asyncio.TaskGroup() as group,
    ):
        if post.worker is not None:
            group.create_task(post.worker.supervise(stop))
        port = post.listener.getsockname()[1]
        site = build_site(parts)
        pages = Swappable(web_app(site))
        warming = group.create_task(asyncio.to_thread(warm_up, site))
        refreshing = [keep_fresh(parts, stop), keep_pace(parts, stop)]
        reloading = group.create_task(_reload_pages(parts, pages, post.worker, hangup))
        group.create_task(publish(watching, stop))

        def begun() -> None:
            ready(f"http://{settings.host}:{port}")
            group.create_task(answer_operators(parts, opened.services.store, watching, stop, post.retire))

        await serve_http(
            pages,
            [post.listener],
            limits=ServerLimits(stop_seconds=STOP_SECONDS),
            stop=stop,
            retire=post.retire,
            ready=begun,
            error_page=counting_refusals(parts.services.meter),
        )
        stop.set()
        await end([reloading, *refreshing])
        await warming


async def _reload_pages(parts: Wired, pages: Swappable, worker: WorkerProcess | None, hangup: asyncio.Event) -> None:
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
            if worker is not None:
                worker.hang_up()
