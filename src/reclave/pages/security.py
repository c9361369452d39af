"""What every answer carries and every unsafe request must prove (S28, S30, S46)."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
}
DEFAULTS = [(name.encode(), value.encode()) for name, value in (HEADERS | {"cache-control": "no-store"}).items()]
_SAFE = {"GET", "HEAD", "OPTIONS"}


def proves_origin(headers: Headers, origins: Collection[str]) -> bool:
    """Whether an unsafe request comes from one of our own pages: Sec-Fetch-Site, else Origin, else Referer.

    Source: W3C Fetch Metadata, OWASP cross-site request forgery prevention. A request with none of the three is
    refused, and so is `same-site`.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is not None:
        return origin in origins
    referer = headers.get("referer")
    if referer is None:
        return False
    try:
        scheme, netloc = urlsplit(referer)[:2]
    except ValueError:
        return False
    return f"{scheme}://{netloc}" in origins


def is_safe(method: str) -> bool:
    """Whether a method changes nothing (RFC 9110, 9.2.1)."""
    return method in _SAFE


def complete_headers(headers: list[tuple[bytes, bytes]]) -> None:
    """Add the headers of S46 to an answer's (names in lower case), and `no-store` where nothing else was said."""
    said = {name for name, _ in headers}
    headers += [default for default in DEFAULTS if default[0] not in said]


class SecurityHeaders:
    """ASGI middleware: every answer with its headers completed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything through and complete the headers of HTTP answers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                complete_headers(message["headers"])
            await send(message)

        await self._app(scope, receive, complete)
