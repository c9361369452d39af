"""Well-known addresses (RFC 8615): the change of password, and whom to tell about a weakness (S48)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from reclave.domain.portal import Portal
from reclave.pages.urls import page_path

_VALID = timedelta(days=180)
Endpoint = Callable[[Request], Awaitable[Response]]


def well_known(portal: Portal | None, security_contact: str) -> list[BaseRoute]:
    """The routes at the root of a host: `change-password` (W3C), which leads to the list of portals where several
    share the host, and `security.txt` (RFC 9116) where a contact is configured. Any other well-known address is 404.
    """
    target = page_path(portal, "change_password") if portal is not None else "/"
    routes: list[BaseRoute] = [
        Route("/.well-known/change-password", _change_password(target), methods=["GET"]),
    ]
    if security_contact:
        routes.append(Route("/.well-known/security.txt", _security(security_contact), methods=["GET"]))
    return routes


def _change_password(target: str) -> Endpoint:
    async def answer(_request: Request) -> Response:
        return RedirectResponse(target, status_code=302)

    return answer


def _security(contact: str) -> Endpoint:
    async def answer(_request: Request) -> Response:
        expires = (datetime.now(UTC) + _VALID).strftime("%Y-%m-%dT00:00:00Z")
        return PlainTextResponse(f"Contact: {contact}\nExpires: {expires}\nPreferred-Languages: es, en, pt\n")

    return answer
