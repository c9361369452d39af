"""The HTTP server: uvicorn's parser and request cycle in our own event loop, with the limits of S49.

Why uvicorn, and why a connection class of our own: docs/adr/0002-http-server.md.
"""

import asyncio
import resource
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from email.utils import formatdate
from typing import cast

import structlog
from starlette.types import ASGIApp
from uvicorn._types import ASGI3Application
from uvicorn.config import Config

from reclave.web.connection import Connection, Connections, Shared
from reclave.web.listener import AddressInUse, listen
from reclave.web.refusal import ErrorPage, plain_page
from reclave.web.request_head import ServerLimits

__all__ = ["AddressInUse", "ApplicationNotStarted", "ErrorPage", "ServerLimits", "listen", "serve_http"]

_log = structlog.get_logger("reclave.web")
_SPARE_DESCRIPTORS = 192  # for the database, mail and logs, and for refused clients still being told
_TAKEN_SECONDS = 0.2  # until a connection that the kernel has handed over is one of ours to wait for


class ApplicationNotStarted(RuntimeError):
    """The application's own start-up failed; its log says why."""


async def serve_http(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    *,
    limits: ServerLimits,
    stop: asyncio.Event,
    retire: asyncio.Event | None = None,
    ready: Callable[[], None] | None = None,
    error_page: ErrorPage | None = None,
) -> None:
    """Serve `app` on `sockets` until `stop` is set, finish what is in flight (`limits.stop_seconds`), return.

    Once `retire` is set, another process takes the connections on these sockets: here each ends after its next answer,
    which says so, or when its client has said nothing for `limits.keep_alive_seconds`; when none is left, return.

    Takes the sockets over and closes them. Raises the soft limit on open files to what `limits.connections`
    need; where the hard limit is lower, fewer connections are taken. Installs no signal handlers.
    `ready` is called once requests are answered; `error_page` makes the pages of refusals, else plain ones.
    Raises ApplicationNotStarted when the application's lifespan start-up fails.
    """
    server = _Server(app, limits, error_page or plain_page)
    try:
        await server.start(sockets)
        if ready is not None:
            ready()
        if retire is not None:
            await first_of(stop, retire)
            if not stop.is_set():
                await server.retire(stop)
        else:
            await stop.wait()
        await server.drain()
    finally:
        await server.close(sockets)


async def first_of(*events: asyncio.Event) -> None:
    """Wait until one of these is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


class _Server:
    """Listens, watches the clock for every connection, and stops in order."""

    def __init__(self, app: ASGIApp, limits: ServerLimits, error_page: ErrorPage) -> None:
        config = Config(
            cast(ASGI3Application, app),
            interface="asgi3",
            ws="none",
            workers=1,  # else uvicorn reads WEB_CONCURRENCY
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
        )
        config.load()
        self._loop = asyncio.get_running_loop()
        self._lifespan = config.lifespan_class(config)
        self._limits = replace(limits, connections=_raise_open_files(limits.connections))
        self._connections = Connections()
        state = self._lifespan.state
        self._shared = Shared(config, self._limits, self._connections, state, error_page, self._loop)
        reading = limits.header_seconds, limits.body_seconds, limits.keep_alive_seconds
        self._tick = min(0.5, min(*reading, limits.write_seconds, limits.linger_seconds) / 10)
        self._sweeper: asyncio.TimerHandle | None = None
        self._listeners: list[asyncio.Server] = []

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        await self._lifespan.startup()
        if self._lifespan.should_exit:
            raise ApplicationNotStarted("the application did not start")
        self._sweep()
        for taken in sockets:
            listener = await self._loop.create_server(
                lambda: Connection(self._shared), sock=taken, backlog=socket.SOMAXCONN
            )
            self._listeners.append(listener)

    def _sweep(self) -> None:
        # One timer for all connections: one each, set and cancelled at every request, costs more.
        self._sweeper = self._loop.call_later(self._tick, self._sweep)
        self._connections.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        now = self._loop.time()
        for connection in self._connections.all():
            connection.end_if_late(now)

    async def retire(self, stop: asyncio.Event) -> None:
        for listener in self._listeners:
            listener.close()
        self._connections.retiring = True
        for connection in self._connections.all():
            connection.retire()
        await asyncio.sleep(_TAKEN_SECONDS)
        while self._connections.connections and not stop.is_set():
            self._connections.one_ended.clear()
            await first_of(self._connections.one_ended, stop)

    async def drain(self) -> None:
        for listener in self._listeners:
            listener.close()
        for connection in self._connections.all():
            connection.shutdown()
        try:
            async with asyncio.timeout(self._limits.stop_seconds):
                while self._connections.connections:
                    self._connections.one_ended.clear()
                    await self._connections.one_ended.wait()
                while self._connections.tasks:
                    await asyncio.wait(self._connections.tasks)
        except TimeoutError:
            _log.warning("requests_cut_off", requests=len(self._connections.tasks))

    async def close(self, sockets: Sequence[socket.socket]) -> None:
        for listener in self._listeners:
            listener.close()
        for taken in sockets:
            taken.close()
        for connection in self._connections.all():
            connection.transport.abort()
        await asyncio.sleep(0)  # the aborted connections tell their requests before these are cancelled
        for task in self._connections.tasks:
            task.cancel()
        await asyncio.gather(*self._connections.tasks, return_exceptions=True)
        await self._lifespan.shutdown()
        if self._sweeper is not None:
            self._sweeper.cancel()


def _raise_open_files(connections: int) -> int:
    """Make room for `connections` open sockets; return how many of them the hard limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, soft - _SPARE_DESCRIPTORS))
