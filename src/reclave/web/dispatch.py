"""The short way to a page: by its exact path, past the router and its layers, which take longer than most pages do."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from reclave.pages.security import complete_headers
from reclave.web.compression import compress_page
from reclave.web.prepared import Asked, Prepared
from reclave.web.whole import Whole

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers at one path: with which methods, in which languages, and what observers call it."""

    methods: frozenset[str]
    languages: Sequence[str]
    answer: Answer
    name: Callable[[Scope], None]


Endpoints = Mapping[str, Endpoint]
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
        shared: Endpoints,
        hosted: Mapping[str, Endpoints],
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
        endpoint = self._endpoint(scope) if scope["type"] == "http" else None
        if endpoint is None or scope["method"] not in endpoint.methods:
            await self._router(scope, receive, send)
            return
        asked = self._prepared.asked(scope, endpoint.languages) if scope["method"] == "GET" else None
        if asked is None:
            await self._answer(endpoint, scope, receive, send)
        else:
            await self._answer_prepared(asked, endpoint, scope, receive, send)

    async def _answer(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        answer = await self._answered(endpoint, request)
        await _send(answer, request, send)

    async def _answer_prepared(
        self, asked: Asked, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send
    ) -> None:
        page = self._prepared.page(asked)
        if page is not None:
            endpoint.name(scope)
        else:
            # Whoever has the page is told so by the bytes that are kept, not by the page.
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"if-none-match"]
            request = Request(scope, receive, send)
            answer = await self._answered(endpoint, request)
            page = self._prepared.keep(asked, answer)
            if page is None:
                await _send(answer, request, send)
                return
        await page.answer(asked.known).send(scope, send)

    async def _answered(self, endpoint: Endpoint, request: Request) -> Response:
        try:
            return await endpoint.answer(request)
        except Exception as error:  # noqa: BLE001 - logged whole under the reference that its page carries
            return await self._failed(request, error)

    def _endpoint(self, scope: Scope) -> Endpoint | None:
        endpoints = self._shared
        if self._hosted:
            host = next((value for name, value in scope["headers"] if name == b"host"), b"")
            endpoints = self._hosted.get(host.partition(b":")[0].decode("latin-1"), endpoints)
        return endpoints.get(scope["path"])


async def _send(answer: Response, request: Request, send: Send) -> None:
    compress_page(answer, request.headers.get("accept-encoding", ""))
    complete_headers(answer.raw_headers)
    await Whole(answer.status_code, answer.raw_headers, bytes(answer.body)).send(request.scope, send)
