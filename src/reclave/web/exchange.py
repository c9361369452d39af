"""One request and its answer: uvicorn's cycle, which here also sends an answer in one piece (docs/adr/0002)."""

from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from reclave.web.whole import WHOLE_RESPONSE, lines_of

EXTENSIONS: dict[str, dict[object, object]] = {WHOLE_RESPONSE: {}}
"""What a scope says of it."""


def describe(
    scope: HTTPScope, parser: httptools.HttpRequestParser, target: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    """Complete a scope of ASGI with a request's head, of which the parser has read the last line."""
    url = httptools.parse_url(target)
    path = url.path.decode("ascii")
    scope["method"] = parser.get_method().decode("ascii")
    scope["http_version"] = parser.get_http_version()
    scope["path"] = unquote(path) if "%" in path else path
    scope["raw_path"] = url.path
    scope["query_string"] = url.query or b""
    scope["headers"] = headers
    scope["extensions"] = EXTENSIONS


class Exchange(RequestResponseCycle):
    """Sends whole answers by one write, and all others as uvicorn does."""

    async def send(self, message: Any) -> None:
        """Send a message of ASGI, or a whole answer, whose head `lines_of` has checked.

        Raises RuntimeError for a whole answer after another one has begun.
        """
        if message["type"] != WHOLE_RESPONSE:
            await super().send(message)
            return
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if self.response_started:
            raise RuntimeError("an answer has begun already")
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        closing = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        lines = lines_of(self.default_headers), message["head"], closing
        self.transport.write(b"".join((STATUS_LINE[message["status"]], *lines, message["body"])))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
