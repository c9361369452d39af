"""What operators' machines ask the service, on a listener of its own: health, readiness, metrics."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reclave.domain.readiness import Readiness

_NEVER_KEPT = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def operations_app(
    readiness: Callable[[], Awaitable[Readiness]], metrics: Callable[[], Awaitable[bytes]], media_type: str
) -> Starlette:
    """`/healthz`: the process answers. `/readyz`: everything that must work does; `/readyz/pages`: what pages need.

    `metrics` are in the format that `media_type` names.
    """

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_NEVER_KEPT)

    async def readyz(_: Request) -> Response:
        return _answer(await readiness())

    async def readyz_pages(_: Request) -> Response:
        return _answer((await readiness()).for_pages())

    async def numbers(_: Request) -> Response:
        return Response(await metrics(), media_type=media_type, headers=_NEVER_KEPT)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/readyz/pages", readyz_pages),
            Route("/metrics", numbers),
        ]
    )


def as_document(readiness: Readiness) -> dict[str, object]:
    """Readiness as JSON: `ready`, and each check's name, ok, value, limit, why and remedy."""
    return {"ready": readiness.ready, "checks": [asdict(check) for check in readiness.checks]}


def _answer(readiness: Readiness) -> Response:
    return JSONResponse(as_document(readiness), 200 if readiness.ready else 503, headers=_NEVER_KEPT)
