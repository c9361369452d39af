"""One client's connection: uvicorn's httptools protocol with the limits of S49 that it lacks.

Everything is refused here, below ASGI, so that an application only ever sees a whole, well-formed request of
bounded size. Why it is made like this: docs/adr/0002-http-server.md.
"""

import asyncio
import math
from dataclasses import dataclass
from typing import Any, cast

import httptools
import structlog
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from reclave.web.exchange import Exchange, describe
from reclave.web.refusal import ErrorPage, plain_page, refusal
from reclave.web.request_head import Refused, ServerLimits, check_head

_log = structlog.get_logger("reclave.web")
_SLICE = 4096  # bytes given to the parser at once: how far a count of raw bytes can be off
_PIPELINE = 8  # requests that may wait behind the one being answered; the connection ends after that many
_REFUSED_AT_ONCE = 64  # connections over the limit that are told so; beyond, they are dropped
_VERSION_AND_SPACES = len(b"  HTTP/1.1")
_NOTHING, _HEAD, _BODY = range(3)  # what is being read; an Enum's members are slow to look up in Python 3.11


class Connections(ServerState):
    """The connections of one server: uvicorn's bookkeeping, and the refused ones still being told."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[Connection] = set()
        self.one_ended = asyncio.Event()
        self.retiring = False

    def all(self) -> "list[Connection]":
        return [cast(Connection, connection) for connection in (*self.connections, *self.refused)]


@dataclass(frozen=True, slots=True)
class Shared:
    """What the connections of one server have in common."""

    config: Config
    limits: ServerLimits
    connections: Connections
    app_state: dict[str, Any]
    error_page: ErrorPage
    loop: asyncio.AbstractEventLoop


class Connection(HttpToolsProtocol):
    """One client. A request reaches the application when the last byte of its body is here, never before."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared.config, shared.connections, shared.app_state, shared.loop)
        self._shared = shared
        self._limits = limits = shared.limits
        self._seconds = limits.keep_alive_seconds, limits.header_seconds, limits.body_seconds
        self._deadline = math.inf
        self._reading = _NOTHING
        self._raw_bytes = -_SLICE  # of the part being read; low by a slice, as a part seldom starts with one
        self._raw_limit = limits.header_bytes + limits.request_line_bytes
        self._held: tuple[RequestResponseCycle, ASGI3Application] | None = None
        self._running: RequestResponseCycle | None = None
        self._refusal: int | None = None
        self._stopping = False
        self._ending = False
        self.url = b""
        self.headers = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn narrows it
        super().connection_made(transport)
        refused = self._shared.connections.refused
        if len(self.connections) <= self._limits.connections:
            self._stopping = self._shared.connections.retiring
            self._wait()
            return
        self.connections.discard(self)
        if len(refused) < _REFUSED_AT_ONCE:
            refused.add(self)
            self._refuse(503)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._running is not None:  # uvicorn tells the newest request of a pipeline only
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)
        self._shared.connections.refused.discard(self)
        self._shared.connections.one_ended.set()

    def data_received(self, data: bytes) -> None:
        if self._ending or self._refusal:
            return
        before = self._reading
        try:
            if len(data) <= _SLICE:
                self._parse(data)
            else:
                view = memoryview(data)
                for start in range(0, len(view), _SLICE):
                    self._parse(view[start : start + _SLICE])
        except Refused as refused:
            self._stop_reading(refused.status)
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, Refused):
                raise  # a fault of ours, not of the client's
            self._stop_reading(error.__context__.status)
        except httptools.HttpParserError:
            self._stop_reading(400)
        else:
            if self._reading != before:
                self._wait()

    def _stop_reading(self, status: int) -> None:
        self._refusal = status
        if self._running is None:  # else after its answer, unless the connection ends with that
            self._refuse(status)

    def _parse(self, piece: bytes | memoryview) -> None:
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:  # we stay with HTTP/1.1: the next request follows
            self._parse(piece[upgrade.args[0] :])
            return
        self._raw_bytes += len(piece)
        if self._raw_bytes > self._raw_limit:
            raise Refused(413 if self._reading == _BODY else 431)
        if len(self.headers) > self._limits.header_count:
            raise Refused(431)

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= _PIPELINE:
            self.cycle.keep_alive = False
            raise Refused(503)
        super().on_message_begin()
        self._reading = _HEAD
        self._raw_bytes = -_SLICE

    def on_url(self, url: bytes) -> None:
        self.url += url
        line = len(self.parser.get_method()) + len(self.url) + _VERSION_AND_SPACES
        if line > self._limits.request_line_bytes:
            raise Refused(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.expect_100_continue = check_head(
            self.parser.get_http_version(),
            self.url,
            self.headers,
            self._limits,
            upgrade=self.parser.should_upgrade(),
        )
        self._reading = _BODY
        self._raw_bytes = -_SLICE
        # Chunks of one byte take six each; what goes beyond that is padding (extensions, trailers).
        self._raw_limit = 8 * self._limits.body_bytes + self._limits.header_bytes
        exchange = self._exchange()
        self.cycle = exchange
        if self._running is not None:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))
        else:
            self._start_asgi_task(exchange, self.app)

    def _exchange(self) -> Exchange:
        describe(self.scope, self.parser, self.url, self.headers[:])  # trailers join our list, not the application's
        return Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=not self._stopping and self.scope["http_version"] != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def on_body(self, body: bytes) -> None:
        self.cycle.body += body
        if len(self.cycle.body) > self._limits.body_bytes:
            raise Refused(413)

    def on_message_complete(self) -> None:
        self._reading = _NOTHING
        self._raw_bytes = -_SLICE
        self._raw_limit = self._limits.header_bytes + self._limits.request_line_bytes
        self.url = b""
        self.headers = []
        self.cycle.more_body = False
        self.cycle.message_event.set()
        if self._held is not None:
            (cycle, app), self._held = self._held, None
            self._start_asgi_task(cycle, app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if not cycle.more_body:
            self._running = cycle
            if not self.flow.write_paused:
                self._deadline = math.inf
            super()._start_asgi_task(cycle, app)
            return
        self._held = cycle, app
        if cycle.waiting_for_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False

    def on_response_complete(self) -> None:
        self._running = None
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if self._running is None:
            if self._refusal:
                self._refuse(self._refusal)
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._wait()

    def shutdown(self) -> None:
        """Take no further request; what is half received or being answered still ends well."""
        self._stopping = True
        if self._reading == _NOTHING and self._running is None:
            self.transport.close()
        elif self._reading != _HEAD:
            self.cycle.keep_alive = False

    def retire(self) -> None:
        """End after the next answer that can still say so: a client that sends meanwhile finds nothing closed."""
        self._stopping = True
        if self._reading == _BODY:
            self.cycle.keep_alive = False
        elif self._running is not None and not self._running.response_started:
            self._running.keep_alive = False

    def _wait(self) -> None:
        if self._ending:
            return
        if self.flow.write_paused:
            seconds = self._limits.write_seconds
        elif self._running is not None:
            seconds = math.inf
        else:
            seconds = self._seconds[self._reading]  # of nothing, the head, the body
        self._deadline = self.loop.time() + seconds

    def end_if_late(self, now: float) -> None:
        """End the connection when its time, in the loop's seconds, is over."""
        if self.transport.is_closing() and not self._ending:
            self._ending = True  # the close waits until the client has read what was written
            self._deadline = now + self._limits.write_seconds
        elif now < self._deadline:
            return
        elif self._ending or self.flow.write_paused:
            self.transport.abort()
        elif self._reading == _NOTHING:
            self.transport.close()
        else:
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        language = next((value for name, value in self.headers if name == b"accept-language"), None)
        path = self.url.partition(b"?")[0] or None
        try:
            page = self._shared.error_page(status, path, language)
        except Exception:  # noqa: BLE001 - logged whole, and the client gets an answer all the same
            _log.exception("refusal_page_failed", status=status)
            page = plain_page(status, path, language)
        self.transport.write(refusal(status, page, self._shared.connections.default_headers))
        self._ending = True
        self._deadline = self.loop.time() + self._limits.linger_seconds
        if self.transport.can_write_eof():
            self.transport.write_eof()
