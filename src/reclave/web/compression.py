"""Pages compressed for whoever takes it (RFC 9110, 8.4.1): gzip, Brotli (RFC 7932) or Zstandard (RFC 8878).

A page's length tells nothing (BREACH needs a secret and a stranger's words in one answer): no page holds a token, for
forms are told by headers and sessions by cookies, and a form from elsewhere is refused before it is read.
"""

import gzip
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import brotli
from backports import zstd
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALLEST = ("br", "zstd", "gzip")
"""What to choose, of equally welcome codings, for what is compressed once and sent often."""
QUICKEST = ("zstd", "br", "gzip")
"""What to choose for what is sent once: 3 KB of page take 20, 50 and 80 µs."""
_ONCE: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstd.compress(body, 3),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
    "br": lambda body: brotli.compress(body, quality=4),
}
_OFTEN: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstd.compress(body, 19),
    "gzip": lambda body: gzip.compress(body, 9, mtime=0),
    "br": lambda body: brotli.compress(body, quality=11),
}
_LEAST = 500
_CODING = re.compile(r"([a-z]+|\*)(?:;q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?", re.IGNORECASE)
_LONGEST_HEADER = 200


def chosen(accept_encoding: str, preferred: Sequence[str]) -> str:
    """The coding that Accept-Encoding likes best, of equals the first preferred (RFC 9110, 12.5.3); empty for none."""
    return _chosen(accept_encoding[:_LONGEST_HEADER], tuple(preferred)) if accept_encoding else ""


@lru_cache(maxsize=256)
def _chosen(accept_encoding: str, preferred: Sequence[str]) -> str:
    weights: dict[str, float] = {}
    for written in accept_encoding.split(","):
        matched = _CODING.fullmatch("".join(written.split()))
        if matched:
            weights[matched[1].lower()] = float(matched[2] or 1)
    rest = weights.get("*", 0.0)
    best = max(preferred, key=lambda coding: weights.get(coding, rest))
    return best if weights.get(best, rest) else ""


@lru_cache(maxsize=128)
def compress_often(coding: str, body: bytes) -> bytes:
    """As small as it gets, for what is sent often: the last such bodies are remembered."""
    return _OFTEN[coding](body)


def compress_page(response: Response, accept_encoding: str) -> None:
    """Compress the body of an answer that is a page; whatever else it is stays as it comes."""
    body = _compressed(response.headers, bytes(response.body), accept_encoding)
    if body is not None:
        response.body = body


class Compression:
    """ASGI middleware: HTML in one piece, compressed; anything else as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; compress the page that answers it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        accepts = MutableHeaders(scope=scope).get("accept-encoding", "")
        started: Message | None = None

        async def compressing(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = message  # its length is not known before the body
                return
            if started is not None:
                start, started = started, None
                if not message.get("more_body"):
                    body = _compressed(MutableHeaders(scope=start), message["body"], accepts)
                    message = message if body is None else {**message, "body": body}
                await send(start)
            await send(message)

        await self._app(scope, receive, compressing)


def _compressed(headers: MutableHeaders, body: bytes, accept_encoding: str) -> bytes | None:
    """A page's body compressed, its headers brought in line; a strong ETag turns weak (RFC 9110, 8.8.1)."""
    if not headers.get("content-type", "").startswith("text/html") or "content-encoding" in headers:
        return None
    headers.add_vary_header("Accept-Encoding")
    coding = chosen(accept_encoding, QUICKEST)
    if not coding or len(body) < _LEAST:
        return None
    body = _ONCE[coding](body)
    headers["content-encoding"] = coding
    headers["content-length"] = str(len(body))
    tag = headers.get("etag")
    if tag and not tag.startswith("W/"):
        headers["etag"] = f"W/{tag}"
    return body
