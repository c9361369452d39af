"""Errors as pages: what happened and what to do next, in the portal's look where there is a portal."""

from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from reclave.domain.portal import Language, Portal
from reclave.pages.i18n import negotiate
from reclave.pages.page import Page, Site
from reclave.pages.render import LANGUAGE_NAMES
from reclave.pages.words import ERROR_PAGES
from reclave.ports.meter import REFUSALS
from reclave.web.observed import page_of

_log = structlog.get_logger("reclave.web")
_REASONS = {404: "not_found", 405: "method_not_allowed"}
SPOKEN: Sequence[Language] = ("es", "en", "pt")


def error_page(page: Page, status: int, *, reference: str | None = None, retry_after: int | None = None) -> Response:
    """A page that says what happened and what to do next, in the reader's language."""
    _ = page.words.gettext
    title, text = ERROR_PAGES.get(status, ERROR_PAGES[400])
    answer = page.answer(
        "error.html",
        status,
        title=_(title),
        text=_(text),
        next_label=_("Go to the sign-in page"),
        next_href=page.url("sign_in"),
        reference=reference,
    )
    if retry_after is not None:
        answer.headers["retry-after"] = str(retry_after)
    return answer


def on_http_error(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answers 404, 405 and their like with a page."""

    async def answer(request: Request, error: Exception) -> Response:
        status = cast(HTTPException, error).status_code
        reason = _REASONS.get(status)
        if reason is not None:
            site.services.meter.count(REFUSALS, portal="", reason=reason)
        allow = (cast(HTTPException, error).headers or {}).get("allow")
        response = _plain_error(site, request, status, None)
        if allow:
            response.headers["allow"] = allow
        return response

    return answer


def on_failure(site: Site) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Answers what nobody foresaw with a page that carries a reference, and logs it under that reference."""

    async def answer(request: Request, error: Exception) -> Response:
        reference = site.services.new_reference()
        page, portal, _ = page_of(request.scope)
        _log.error("request_failed", reference=reference, portal=portal, page=page, exc_info=error)
        return _plain_error(site, request, 500, reference)

    return answer


def _plain_error(site: Site, request: Request, status: int, reference: str | None) -> Response:
    portal = _portal_of(site, request)
    if portal is not None:
        return error_page(Page(site, portal, request), status, reference=reference)
    language = cast(Language, negotiate(request.headers.get("accept-language"), SPOKEN))
    words = site.renderer.words(None, language)
    title, text = ERROR_PAGES.get(status, ERROR_PAGES[400])
    return neutral_page(
        site,
        "error.html",
        language,
        status,
        title=words.gettext(title),
        text=words.gettext(text),
        next_label=words.gettext("Choose your portal"),
        next_href="/",
        reference=reference,
    )


def _portal_of(site: Site, request: Request) -> Portal | None:
    host = request.headers.get("host", "").partition(":")[0]
    path = request.url.path
    portals = [p.file.portal for p in site.services.portals.values()]
    hosted = any(about.host == host for about in portals if about.host)
    for portal in sorted(site.services.portals.values(), key=lambda p: -len(p.file.portal.path)):
        about = portal.file.portal
        here = path == about.path or path.startswith(about.path + "/")
        if about.host == host if hosted else here and not about.host:
            return portal
    return None


def neutral_page(site: Site, template: str, language: Language, status: int, **context: object) -> Response:
    """A page of no portal: the list of portals, or an error outside of them."""
    languages = [(code, LANGUAGE_NAMES[code], f"/?lang={code}", code == language) for code in SPOKEN]
    content = site.renderer.render(
        template,
        None,
        language,
        {
            "languages": languages,
            "url": lambda _name, **_query: "/",
            "asset": site.assets[""].url,
            "signed_in": None,
            "notice": None,
            "form": None,
            "banners": (),
            "explicit_lang": False,
            **context,
        },
    )
    return Response(content, status, media_type="text/html", headers={"content-language": language})
