"""Every request of the pages: counted, timed, traced, and written down at log level debug, but for address and path."""

import logging
import time
from collections.abc import MutableMapping, Sequence
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reclave.journeys.services import Services
from reclave.ports.meter import PAGE_SECONDS, PAGES, NoMeter
from reclave.ports.tracer import NoTracer

_log = structlog.get_logger("reclave.web")
_stdlib = logging.getLogger("reclave.web")
_NAMED = "reclave.page"
_METHODS = {"GET", "HEAD", "POST"}


def name_page(scope: MutableMapping[str, Any], page: str, portal: str = "", journeys: Sequence[str] = ()) -> None:
    """Note which page a request is for, and which journeys begin there.

    The path may hold a secret: nothing but these names is written anywhere.
    """
    scope[_NAMED] = page, portal, ",".join(journeys)


def page_of(scope: MutableMapping[str, Any]) -> tuple[str, str, str]:
    """The page's name, its portal's id and its journeys; `other` where no page has the path."""
    named: tuple[str, str, str] = scope.get(_NAMED, ("other", "", ""))
    return named


class Observed:
    """ASGI middleware; where nobody looks it only passes requests on."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._meter = services.meter
        self._tracer = services.tracer
        nobody_looks = isinstance(services.meter, NoMeter) and isinstance(services.tracer, NoTracer)
        self._idle = nobody_looks and not _stdlib.isEnabledFor(logging.DEBUG)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note how it was answered."""
        if self._idle or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        method = scope["method"] if scope["method"] in _METHODS else "other"
        with self._tracer.span("page", method=method) as span:
            try:
                await self._app(scope, receive, noting)
            finally:
                page, portal, journey = page_of(scope)
                span.note(portal=portal, page=page, journey=journey, status=str(status))
                self._note(portal, page, method, status, time.perf_counter() - began)

    def _note(self, portal: str, page: str, method: str, status: int, seconds: float) -> None:
        self._meter.count(PAGES, portal=portal, page=page, method=method, status=str(status))
        self._meter.observe(PAGE_SECONDS, seconds, portal=portal, page=page)
        if _stdlib.isEnabledFor(logging.DEBUG):
            ms = round(seconds * 1000, 2)
            _log.debug("page_answered", portal=portal, page=page, method=method, status=status, ms=ms)
