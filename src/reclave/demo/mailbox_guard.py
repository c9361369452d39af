"""Who may look into the demo's mailbox, and what a browser may do with what it is given."""

import re

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK_HOST = re.compile(rb"(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?", re.IGNORECASE)

PAGE_POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
"""For a mail's own HTML: no script, nothing fetched, no origin; its links open windows of their own."""

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": PAGE_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class LoopbackGuard:
    """ASGI middleware: refuses requests under a foreign host name, and sets the security headers.

    A page elsewhere can point a name of its own at 127.0.0.1 and read the demo's mails from a visitor's
    browser (DNS rebinding). Its requests carry that name as Host, and get 421 (RFC 9110 section 15.5.20).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self._app if _is_for_loopback(scope) else _MISDIRECTED
        await app(scope, receive, send_with_headers)


def _is_for_loopback(scope: Scope) -> bool:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and _LOOPBACK_HOST.fullmatch(hosts[0]) is not None


_MISDIRECTED = PlainTextResponse(
    "Este buzón de demostración solo se abre en este equipo, con la dirección localhost o 127.0.0.1.\n",
    status_code=421,
)
