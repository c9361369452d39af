"""The portals' pages on Starlette: routes, and each error mapped to its page once."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router
from starlette.types import ASGIApp

from reclave.domain.errors import JourneyPaused, Overloaded, SecretEnded, SessionEnded
from reclave.domain.portal import Language, Portal
from reclave.pages import cookies
from reclave.pages.assets import Assets
from reclave.pages.forms import BadForm
from reclave.pages.i18n import negotiate
from reclave.pages.page import Page, Site
from reclave.pages.security import SecurityHeaders, is_safe, proves_origin
from reclave.pages.urls import REPORT_LINK, RESET_LINK, page_path, path_of, portal_origin
from reclave.ports.meter import REFUSALS
from reclave.web import accessibility, account, details, front, pauses, recover, report, reset, sign_in, user_names
from reclave.web.compression import SMALLEST, Compression, chosen, compress_often
from reclave.web.dispatch import Dispatch, Endpoint
from reclave.web.errors import SPOKEN, error_page, neutral_page, on_failure, on_http_error
from reclave.web.observed import Observed, name_page
from reclave.web.overloaded import OverloadedPages
from reclave.web.prepared import Prepared
from reclave.web.well_known import well_known

TEMPLATES = Path(__file__).with_name("templates")
Handler = Callable[[Page], Awaitable[Response]]

_PAGES: dict[str, dict[str, Handler]] = {
    "front": {"GET": front.show},
    "sign_in": {"GET": sign_in.show, "POST": sign_in.submit},
    "sign_out": {"POST": sign_in.sign_out},
    "recover": {"GET": recover.show, "POST": recover.submit},
    "recover_sent": {"GET": recover.sent},
    "recover_code": {"GET": recover.sent, "POST": recover.submit_code},
    "reset": {"GET": reset.show, "POST": reset.submit},
    "user_names": {"GET": user_names.show, "POST": user_names.submit},
    "user_names_sent": {"GET": user_names.sent},
    "details": {"GET": details.show, "POST": details.submit},
    "details_code": {"GET": details.show_code, "POST": details.submit_code},
    "accessibility": {"GET": accessibility.show},
    "account": {"GET": account.show},
    "change_password": {"GET": account.show_change_password, "POST": account.submit_change_password},
    "change_address": {"GET": account.show_change_address, "POST": account.submit_change_address},
    "change_address_code": {
        "GET": account.show_change_address_code,
        "POST": account.submit_change_address_code,
    },
    "end_session": {"POST": account.end_session},
    "end_other_sessions": {"POST": account.end_other_sessions},
    "report": {"GET": report.show, "POST": report.submit},
    "report_done": {"GET": report.done},
}


def _pages_of(portal: Portal) -> Iterator[str]:
    """The pages of the journeys that a portal offers; one that it does not offer has none."""
    offered = portal.file.journeys
    only_for = {
        "front": portal.file.portal.front_page,
        "recover": portal.recovery or offered.find_user_id,
        "recover_sent": portal.recovery,
        "recover_code": offered.reset_link and "code" in offered.reset_link.presents,
        "reset": offered.reset_link,
        "user_names": offered.recover_user_name,
        "user_names_sent": offered.recover_user_name or offered.find_user_id,
    }
    return (name for name in _PAGES if only_for.get(name, True))


def web_app(site: Site) -> ASGIApp:
    """The ASGI application of every portal's pages."""
    overloaded = OverloadedPages(site)
    by_host: dict[str, dict[str, Endpoint]] = {"": {}}
    for portal in site.services.portals.values():
        by_host.setdefault(portal.file.portal.host, {}).update(_endpoints(site, portal, overloaded))
    others = SecurityHeaders(Compression(router(site, overloaded)))
    pages = Dispatch(others, by_host.pop(""), by_host, Prepared(site), on_failure(site))
    return Observed(pages, services=site.services)


def _endpoints(site: Site, portal: Portal, overloaded: OverloadedPages) -> Iterator[tuple[str, Endpoint]]:
    languages = tuple(portal.file.portal.languages)
    for name in _pages_of(portal):
        handlers, journeys = _PAGES[name], pauses.begun_on(portal, name)
        naming = partial(name_page, page=name, portal=portal.id, journeys=journeys)
        answer = _endpoint(site, portal, handlers, name, overloaded)
        yield page_path(portal, name), Endpoint(frozenset(handlers), languages, answer, naming)


def router(site: Site, overloaded: OverloadedPages) -> Starlette:
    """Every path by Starlette's routes: those of links, files and errors, HEAD, and the pages once more."""
    hosted = [portal for portal in site.services.portals.values() if portal.file.portal.host]
    routes: list[BaseRoute] = [
        Host(portal.file.portal.host, _portal_routes(site, portal, overloaded)) for portal in hosted
    ]
    shared = [portal for portal in site.services.portals.values() if not portal.file.portal.host]
    # A portal at the root takes every path that no other portal has.
    by_depth = sorted(shared, key=lambda portal: portal.file.portal.path == "")
    routes += [Mount(portal.file.portal.path, app=_portal_routes(site, portal, overloaded)) for portal in by_depth]
    if not any(portal.file.portal.path == "" for portal in shared):
        routes += _front(site, shared)
    return Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: on_http_error(site),
            404: on_http_error(site),
            405: on_http_error(site),
            Exception: on_failure(site),
        },
    )


def _portal_routes(site: Site, portal: Portal, overloaded: OverloadedPages) -> Router:
    routes: list[BaseRoute] = [
        Route(path_of(portal, name), _endpoint(site, portal, handlers, name, overloaded), methods=list(handlers))
        for name, handlers in ((name, _PAGES[name]) for name in _pages_of(portal))
    ]
    links = {REPORT_LINK: ("report_link", report.open_link)}
    if portal.file.journeys.reset_link is not None:
        links[RESET_LINK] = ("reset_link", reset.open_link)
    for path, (name, handler) in links.items():
        routes.append(Route(path, _endpoint(site, portal, {"GET": handler}, name, overloaded), methods=["GET"]))
    routes.append(Route("/static/{name}", _asset(site.assets[portal.id]), methods=["GET"]))
    if not portal.file.portal.path:
        routes += well_known(portal, site.security_contact)
    return Router(routes, redirect_slashes=True)


def _endpoint(
    site: Site, portal: Portal, handlers: dict[str, Handler], name: str, overloaded: OverloadedPages
) -> Callable[[Request], Awaitable[Response]]:
    origins = {portal_origin(portal, site.base_url)}
    journeys = pauses.begun_on(portal, name)

    async def answer(request: Request) -> Response:
        name_page(request.scope, name, portal.id, journeys)
        page = Page(site, portal, request, journeys)
        if not is_safe(request.method) and not proves_origin(request.headers, origins):
            site.services.meter.count(REFUSALS, portal=portal.id, reason="origin")
            return error_page(page, 403)
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        try:
            pauses.check(page)
            return await handler(page)
        except (JourneyPaused, BadForm, SessionEnded, SecretEnded, Overloaded) as refused:
            site.services.meter.count(REFUSALS, portal=portal.id, reason=refused.code)
            return _refused(page, refused, overloaded)

    return answer


def _refused(
    page: Page,
    refused: JourneyPaused | BadForm | SessionEnded | SecretEnded | Overloaded,
    overloaded: OverloadedPages,
) -> Response:
    match refused:
        case JourneyPaused():
            return pauses.show(page, refused)
        case BadForm(status=status):
            return error_page(page, status)
        case Overloaded(retry_after=seconds):
            return overloaded.answer(page, seconds)
        case SecretEnded(how=how):
            answer = page.answer("secret_ended.html", 410, how=how, what="temporary_password")
        case _:
            answer = page.redirect("sign_in", notice="session_ended")
    cookies.clear_session(answer, page.portal)
    return answer


def _index(site: Site) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        name_page(request.scope, "index")
        chosen = request.query_params.get("lang")
        spoken = chosen if chosen in SPOKEN else negotiate(request.headers.get("accept-language"), SPOKEN)
        portals = [
            (
                p.file.portal.name,
                p.file.portal.motto,
                portal_origin(p, site.base_url) + page_path(p, "front" if p.file.portal.front_page else "sign_in"),
            )
            for p in site.services.portals.values()
        ]
        return neutral_page(site, "index.html", cast(Language, spoken), 200, portals=portals)

    return answer


def _front(site: Site, shared: list[Portal]) -> list[BaseRoute]:
    """What stands at the root of a host that portals share."""
    routes: list[BaseRoute] = [
        Route("/", _index(site)),
        Route("/static/{name}", _asset(site.assets[""]), methods=["GET"]),
    ]
    return routes + well_known(shared[0] if len(shared) == 1 else None, site.security_contact)


def _asset(assets: Assets) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        name_page(request.scope, "asset")
        found = assets.of_any_version(request.url.path)
        if found is None:
            raise HTTPException(404)
        lasts = f"public, max-age={365 * 24 * 3600}, immutable" if found.path == request.url.path else "no-store"
        headers = {
            "cache-control": lasts,
            "vary": "Accept-Encoding",
        }
        coding = chosen(request.headers.get("accept-encoding", ""), SMALLEST)
        if coding:
            headers["content-encoding"] = coding
            content = compress_often(coding, found.content)
            return Response(content, media_type=found.media_type, headers=headers)
        return Response(found.content, media_type=found.media_type, headers=headers)

    return answer
