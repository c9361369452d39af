"""The HTTP server: uvicorn's parser and request cycle in our own event loop, with the limits of S49.

Why uvicorn, and why a connection class of our own: docs/adr/0002-http-server.md.
"""

import asyncio
import errno
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
from reclave.web.refusal import ErrorPage, plain_page
from reclave.web.request_head import ServerLimits

__all__ = ["AddressInUse", "ApplicationNotStarted", "ErrorPage", "ServerLimits", "listen", "serve_http"]

_log = structlog.get_logger("reclave.web")
_SPARE_DESCRIPTORS = 192  # for the database, mail and logs, and for refused clients still being told


class AddressInUse(OSError):
    """Another program listens on this host and port."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(errno.EADDRINUSE, f"{host} port {port} is in use by another program")
        self.host = host
        self.port = port


class ApplicationNotStarted(RuntimeError):
    """The application's own start-up failed; its log says why."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the first address of `host` (a name, IPv4, IPv6); port 0: any free one.

    An IPv6 socket takes IPv6 only: mapped IPv4 clients would all share one /64, the key of the rate limits.
    Raises AddressInUse for a taken port, OSError for anything else (an unknown host, a privileged port).
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(host, port) from error
        raise
    return listener


async def serve_http(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    *,
    limits: ServerLimits,
    stop: asyncio.Event,
    ready: Callable[[], None] | None = None,
    error_page: ErrorPage | None = None,
) -> None:
    """Serve `app` on `sockets` until `stop` is set, finish what is in flight (`limits.stop_seconds`), return.

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
        await stop.wait()
        await server.drain()
    finally:
        await server.close(sockets)


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
