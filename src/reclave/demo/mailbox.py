"""The demo's mailbox: what people would see in their mail program, as pages and as JSON."""

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from reclave.demo.mailbox_guard import MAIL_POLICY, LoopbackGuard
from reclave.demo.mailbox_rendering import (
    PAGE_LENGTH,
    MomentInWords,
    Selection,
    framed,
    linked,
    moment_in_words,
)
from reclave.demo.maildrop import Maildrop
from reclave.demo.stored_message import StoredMessage
from reclave.domain.time import MINUTE, SECOND, Instant

_FOLDER = Path(__file__).parent
_VIEWS = {"html": "HTML", "text": "Texto", "headers": "Encabezados", "source": "Fuente"}
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
_WORDS_LENGTH = 200
_CHIPS = 3


def _system_now() -> Instant:
    return time.time_ns() // 1_000


def mailbox_app(
    maildrop: Maildrop,
    *,
    portal_links: Sequence[tuple[str, str]] = (),
    now: Callable[[], Instant] = _system_now,
    timezone: tzinfo | None = None,
) -> Starlette:
    """The mailbox over `maildrop`, for loopback only, to be served at `/`.

    Args:
        maildrop: the mails; it has to live in the event loop that serves the app.
        portal_links: label and http(s) address of the demo's portals, where people send themselves mail.
        now: the clock, microseconds since the Unix epoch, UTC.
        timezone: the zone of the points in time shown; None for the machine's.

    Raises:
        ValueError: a portal's address is neither http nor https.
    """
    for label, address in portal_links:
        if urlsplit(address).scheme not in {"http", "https"}:
            raise ValueError(f"the address of {label} is neither http nor https: {address}")
    pages = _Pages(maildrop, tuple(portal_links), now, timezone)
    return Starlette(
        routes=[
            Route("/", pages.inbox),
            Route("/messages/{id}", pages.message),
            Route("/messages/{id}/body", pages.body),
            Route("/messages/{id}/source", pages.source),
            Route("/api/version", pages.api_version),
            Route("/api/messages", pages.api_messages),
            Route("/api/messages/{id}", pages.api_message),
            Mount("/static", StaticFiles(directory=_FOLDER / "static")),
        ],
        middleware=[Middleware(LoopbackGuard)],
        exception_handlers={HTTPException: pages.refusal},
    )


@dataclass(frozen=True, slots=True)
class _Row:
    message: StoredMessage
    moment: MomentInWords
    current: bool


@dataclass(frozen=True, slots=True)
class _Chip:
    label: str
    count: int
    link: str
    current: bool


class _Pages:
    """The mailbox's endpoints; mails are parsed in a thread, since 500 of them take a second or two."""

    def __init__(
        self,
        maildrop: Maildrop,
        portal_links: tuple[tuple[str, str], ...],
        now: Callable[[], Instant],
        timezone: tzinfo | None,
    ) -> None:
        self._maildrop = maildrop
        self._now = now
        self._timezone = timezone
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["portal_links"] = portal_links

    async def inbox(self, request: Request) -> Response:
        """GET /: the list, and beside it a word on what to do next."""
        return await self._page("mailbox.html", _selection(request))

    async def message(self, request: Request) -> Response:
        """GET /messages/{id}: one mail beside the list; reading it marks it as read."""
        message = self._found(request)
        if request.method == "GET":
            self._maildrop.mark_seen(message.id)
        absent = {"html": message.html is None, "text": message.text is None and message.html is not None}
        views = {name: label for name, label in _VIEWS.items() if not absent.get(name)}
        view = request.query_params.get("view", "")
        detail = {
            "message": message,
            "moment": self._words(message.received_at, self._now()),
            "view": view if view in views else next(iter(views)),
            "views": views,
            "linked": linked,
        }
        return await self._page("mailbox_message.html", _selection(request), detail)

    async def body(self, request: Request) -> Response:
        """GET /messages/{id}/body: the mail's own HTML, for the frame on its page."""
        html = self._found(request).html
        if html is None:
            raise HTTPException(404)
        return HTMLResponse(framed(html), headers={"Content-Security-Policy": MAIL_POLICY})

    async def source(self, request: Request) -> Response:
        """GET /messages/{id}/source: the mail as a file to keep, byte for byte."""
        message = self._found(request)
        disposition = f'attachment; filename="{message.id}.eml"'
        return Response(message.raw, 200, {"Content-Disposition": disposition}, "message/rfc822")

    async def api_version(self, _request: Request) -> Response:
        """GET /api/version: a word that changes when the list would look different."""
        return JSONResponse({"version": self._version()})

    async def api_messages(self, request: Request) -> Response:
        """GET /api/messages?to=&q=: the mails, newest first, without their bodies."""
        selected = await self._selected(_selection(request))
        return JSONResponse({"messages": await run_in_threadpool(lambda: [_summary(m) for m in selected])})

    async def api_message(self, request: Request) -> Response:
        """GET /api/messages/{id}: one mail with its bodies and headers; looking doesn't mark it as read."""
        message = self._found(request)
        content = {"text": message.text, "html": message.html, "headers": message.headers}
        return JSONResponse(_summary(message) | content)

    async def refusal(self, request: Request, error: Exception) -> Response:
        """What an address that leads nowhere, or a method other than GET, gets."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": HTTPStatus(status).phrase}, status)
        return await self._page("mailbox_missing.html", Selection(), status=status)

    def _words(self, instant: Instant, now: Instant) -> MomentInWords:
        return moment_in_words(instant, now, self._timezone)

    def _found(self, request: Request) -> StoredMessage:
        message = self._maildrop.get(request.path_params["id"])
        if message is None:
            raise HTTPException(404)
        return message

    async def _selected(self, selection: Selection) -> list[StoredMessage]:
        messages = self._maildrop.messages(selection.to or None)
        if not selection.words:
            return messages
        return await run_in_threadpool(lambda: [m for m in messages if m.mentions(selection.words)])

    async def _page(
        self,
        template: str,
        selection: Selection,
        detail: Mapping[str, object] | None = None,
        *,
        status: int = 200,
    ) -> Response:
        selected = await self._selected(selection)
        everything = self._maildrop.messages()
        shown = selected[: selection.shown]
        now = self._now()
        current = (detail or {}).get("message")
        context: dict[str, object] = {
            "version": self._version(),
            "listing": template == "mailbox.html",
            "selection": selection,
            "total": len(everything),
            "unseen": sum(not message.seen for message in everything),
            "found": len(selected),
            "more": selection.link(n=selection.shown + PAGE_LENGTH) if len(selected) > len(shown) else None,
            "chips": self._chips(everything, selection),
            "chips_in_sight": _CHIPS,
            "rows": [_Row(m, self._words(m.received_at, now), m is current) for m in shown],
            **(detail or {}),
        }
        html = await run_in_threadpool(self._templates.get_template(template).render, context)
        return HTMLResponse(html, status)

    @staticmethod
    def _chips(messages: Sequence[StoredMessage], selection: Selection) -> list[_Chip]:
        counts = Counter(address.lower() for message in messages for address in message.recipients)
        chosen = selection.to.lower()
        chips = [_Chip(to, n, selection.link(to=to, n=0), to == chosen) for to, n in counts.items()]
        # The chosen one stays in sight however many there are.
        return sorted(chips, key=lambda chip: not chip.current)

    def _version(self) -> str:
        messages = self._maildrop.messages()
        newest = messages[0].id if messages else "none"
        # The minute is part of it: «hace 2 minutos» has to move on, too.
        return f"{newest}-{sum(m.seen for m in messages)}-{self._now() // MINUTE}"


def _selection(request: Request) -> Selection:
    query = request.query_params
    shown = query.get("n", "")
    return Selection(
        to=query.get("to", "").strip()[:_WORDS_LENGTH],
        words=query.get("q", "").strip()[:_WORDS_LENGTH],
        shown=int(shown) if _COUNT.fullmatch(shown) else PAGE_LENGTH,
    )


def _summary(message: StoredMessage) -> dict[str, object]:
    received_at = datetime.fromtimestamp(message.received_at / SECOND, UTC)
    return {
        "id": message.id,
        "received_at": received_at.isoformat(timespec="microseconds"),
        "unread": not message.seen,
        "sender": message.sender,
        "recipients": list(message.recipients),
        "from": message.from_,
        "to": message.to,
        "subject": message.subject,
        "message_id": message.message_id,
    }
