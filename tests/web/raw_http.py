"""A client that sends raw bytes, and a server of its own to send them to."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from reclave.web.server import ErrorPage, ServerLimits, listen, serve_http
from reclave.web.whole import Whole

HOST = b"Host: portal.example\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
SECONDS = 10  # no answer takes so long; a test that waits for one fails instead of hanging


class WholeResponse(PlainTextResponse):
    """An answer that is sent in one piece."""

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        await Whole(self.status_code, self.raw_headers, bytes(self.body)).send(scope, send)
        if self.background is not None:
            await self.background()


response: type[PlainTextResponse] = PlainTextResponse
"""What servers answer with; a test that wants the other one sets it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, as its client reads it."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


@dataclass(slots=True)
class Client:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, sent: bytes) -> None:
        self.writer.write(sent)
        await self.writer.drain()

    async def answer(self) -> Answer:
        async with asyncio.timeout(SECONDS):
            line, *fields = (await self.reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[:-2]
            headers = {name.lower(): value for name, _, value in (field.partition(b": ") for field in fields)}
            body = await self.reader.readexactly(int(headers.get(b"content-length", b"0")))
        return Answer(int(line.split()[1]), headers, body)

    async def is_closed(self) -> bool:
        """Whether the server sends nothing more and ends the connection."""
        async with asyncio.timeout(SECONDS):
            return await self.reader.read() == b""


@dataclass(slots=True)
class Running:
    """A server on a free port, and what its application saw."""

    port: int
    stop: asyncio.Event
    retire: asyncio.Event
    serving: asyncio.Task[None]
    seen: list[tuple[str, bytes]] = field(default_factory=list)
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    clients: list[Client] = field(default_factory=list)

    async def client(self, sent: bytes = b"", receive_buffer: int | None = None) -> Client:
        """Connect and send; with a small `receive_buffer` (bytes) little fits between server and reader."""
        connection = socket.socket()
        connection.setblocking(False)
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        client = Client(*await asyncio.open_connection(sock=connection))
        self.clients.append(client)
        await client.send(sent)
        return client

    async def page(self, request: Request) -> Response:
        self.seen.append((request.url.path, await request.body()))
        self.headers.extend(request.headers.raw)
        self.arrived.set()
        if request.url.path == "/slow":
            await self.release.wait()
        if request.url.path == "/until-gone":
            while (await request.receive())["type"] != "http.disconnect":
                pass
            self.release.set()
        size = request.path_params["path"].removeprefix("bytes-")
        text = "a" * int(size) if size.isdigit() else request.url.path
        return response(text, background=BackgroundTask(self.finish) if text == "/later" else None)

    async def finish(self) -> None:
        await self.release.wait()
        self.seen.append(("finished", b""))


@contextlib.asynccontextmanager
async def server(
    limits: ServerLimits | None = None,
    error_page: ErrorPage | None = None,
    send_buffer: int | None = None,
) -> AsyncIterator[Running]:
    """Serve until the block ends; then every connection and the server's task are gone."""
    stop, retire, ready = asyncio.Event(), asyncio.Event(), asyncio.Event()
    app = Starlette()
    listener = listen("127.0.0.1", 0)
    if send_buffer is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    port: int = listener.getsockname()[1]
    serving = asyncio.create_task(
        serve_http(
            app,
            [listener],
            limits=limits or ServerLimits(),
            stop=stop,
            retire=retire,
            ready=ready.set,
            error_page=error_page,
        )
    )
    running = Running(port, stop, retire, serving)
    app.router.routes.append(Route("/{path:path}", running.page, methods=["GET", "POST"]))
    await ready.wait()
    try:
        yield running
    finally:
        running.release.set()
        for client in running.clients:
            client.writer.close()
        stop.set()
        await serving


def post(body: bytes, *fields: bytes) -> bytes:
    """A POST with these header fields before its body."""
    return b"POST /form HTTP/1.1\r\n" + HOST + b"".join(line + b"\r\n" for line in fields) + b"\r\n" + body


def chunks(*parts: bytes) -> bytes:
    """A body in chunks."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def assert_refused(answer: Answer, status: int) -> None:
    assert answer.status == status
    assert answer.headers[b"connection"] == b"close"
    assert answer.headers[b"content-type"] == b"text/html; charset=utf-8"
    assert answer.headers[b"x-content-type-options"] == b"nosniff"
    assert answer.headers[b"cache-control"] == b"no-store"
    assert answer.headers[b"content-security-policy"] == b"default-src 'none'"
    assert b"date" in answer.headers
    assert b"server" not in answer.headers
    assert answer.body.endswith(b"</html>\n")
