"""The short way to a page: by its exact path, past the router and its layers, which take longer than most pages do."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reclave.pages.security import complete_headers
from reclave.web.compression import compress_page
from reclave.web.prepared import Asked, Prepared

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Place:
    """What answers at one path: with which methods, in which languages, and what observers call it."""

    methods: frozenset[str]
    languages: Sequence[str]
    answer: Answer
    name: Callable[[Scope], None]


Places = Mapping[str, Place]
"""By whole path."""


class Dispatch:
    """ASGI application: the pages of portals, and a router for whatever is not one of their paths.

    Args:
        router: knows every path, also those of pages.
        shared: the pages of the portals that share a host.
        hosted: the pages of portals that have a host of their own, by host.
        prepared: the pages that are the same for everybody.
        failed: answers for a page that raised.
    """

    def __init__(
        self,
        router: ASGIApp,
        shared: Places,
        hosted: Mapping[str, Places],
        prepared: Prepared,
        failed: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._router = router
        self._shared = shared
        self._hosted = hosted
        self._prepared = prepared
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; a GET from what is prepared, where everybody gets the same."""
        place = self._place(scope) if scope["type"] == "http" else None
        if place is None or scope["method"] not in place.methods:
            await self._router(scope, receive, send)
            return
        asked = self._prepared.asked(scope, place.languages) if scope["method"] == "GET" else None
        if asked is None:
            await self._answer(place, scope, receive, send)
        else:
            await self._answer_prepared(asked, place, scope, receive, send)

    async def _answer(self, place: Place, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        answer = await self._answered(place, request)
        await _send(answer, request, send)

    async def _answer_prepared(self, asked: Asked, place: Place, scope: Scope, receive: Receive, send: Send) -> None:
        page = self._prepared.page(asked)
        if page is not None:
            place.name(scope)
        else:
            # Whoever has the page is told so by the bytes that are kept, not by the page.
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"if-none-match"]
            request = Request(scope, receive, send)
            answer = await self._answered(place, request)
            page = self._prepared.keep(asked, answer)
            if page is None:
                await _send(answer, request, send)
                return
        for message in page.messages(asked.known):
            await send(message)

    async def _answered(self, place: Place, request: Request) -> Response:
        try:
            return await place.answer(request)
        except Exception as error:  # noqa: BLE001 - logged whole under the reference that its page carries
            return await self._failed(request, error)

    def _place(self, scope: Scope) -> Place | None:
        places = self._shared
        if self._hosted:
            host = next((value for name, value in scope["headers"] if name == b"host"), b"")
            places = self._hosted.get(host.partition(b":")[0].decode("latin-1"), places)
        return places.get(scope["path"])


async def _send(answer: Response, request: Request, send: Send) -> None:
    compress_page(answer, request.headers.get("accept-encoding", ""))
    complete_headers(answer.raw_headers)
    await answer(request.scope, request.receive, send)
