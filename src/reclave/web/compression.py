"""Pages compressed with gzip (RFC 9110, 8.4.1.3) for whoever takes it; style sheets and scripts are so already.

A page's length tells nothing (BREACH needs a secret and a stranger's words in one answer): no page holds a token, for
forms are told by headers and sessions by cookies, and a form from elsewhere is refused before it is read.
"""

import gzip
import re
from functools import lru_cache

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TAKEN = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[^,]*)?(?=,|$)", re.IGNORECASE)
_SMALLEST = 500
_LEVEL = 6


class Compression:
    """ASGI middleware: HTML in one piece, compressed; anything else as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; compress the page that answers it."""
        if scope["type"] != "http" or not _TAKEN.search(Headers(scope=scope).get("accept-encoding", "")):
            await self._app(scope, receive, send)
            return
        started: Message | None = None

        async def compressing(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start" and _is_page(message):
                started = message  # its length is not known before the body
                return
            if started is not None:
                start, started = started, None
                if not message.get("more_body") and len(message["body"]) >= _SMALLEST:
                    message = _compressed(start, message)
                await send(start)
            await send(message)

        await self._app(scope, receive, compressing)


def _is_page(message: Message) -> bool:
    headers = Headers(raw=message["headers"])
    return headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers


def _compressed(start: Message, page: Message) -> Message:
    """The page's body compressed, its headers brought in line; a strong ETag turns weak (RFC 9110, 8.8.1)."""
    headers = MutableHeaders(scope=start)
    tag = headers.get("etag")
    body = _same_for_everybody(page["body"]) if tag else _gzip(page["body"])
    headers["content-encoding"] = "gzip"
    headers["content-length"] = str(len(body))
    headers.add_vary_header("Accept-Encoding")
    if tag and not tag.startswith("W/"):
        headers["etag"] = f"W/{tag}"
    return {**page, "body": body}


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)


@lru_cache(maxsize=128)
def _same_for_everybody(body: bytes) -> bytes:
    return _gzip(body)
