"""The sign-in page (P1, P2, P7) and sign-out."""

from typing import Any

from starlette.responses import Response

from reclave.domain.errors import FormRefused, PasswordPaused, SecretEnded, SignInRefused, Throttled
from reclave.domain.sessions import SessionKind
from reclave.domain.time import SECOND
from reclave.journeys import sessions, sign_in
from reclave.pages import cookies
from reclave.pages.forms import FormView
from reclave.pages.page import Page
from reclave.pages.render import spoken_span
from reclave.pages.words import N_

_ENDED = {
    "expired": N_("This temporary password has expired. Ask for a new one."),
    "consumed": N_("This temporary password was already used. Sign in with the password that you chose."),
    "replaced": N_("A newer password took the place of this temporary one. Use the one in the latest e-mail."),
    "revoked": N_("This temporary password was cancelled. Ask for a new one."),
}


async def show(page: Page) -> Response:
    """The sign-in page; after a change the user name is filled in."""
    flow = cookies.read_flow(page.request, page.portal, page.services.vault, "changed", page.services.clock.now())
    if flow is None and not page.request.query_params.get("notice"):
        return page.cacheable("sign_in.html", **_context(page))
    values = {"identifier": page.show(flow.identifier)} if flow else {}
    return page.answer("sign_in.html", form=FormView(values), **_context(page))


async def submit(page: Page) -> Response:
    """Sign in: to the account, or to the forced change that a temporary or initial password opens (P8)."""
    values = await page.form("identifier", "password")
    try:
        signed_in = await sign_in.sign_in(
            page.services, page.portal, values["identifier"], values["password"], page.caller()
        )
    except FormRefused as refused:
        form = page.refused(values, refused.fields, _asked(page))
        return page.answer("sign_in.html", 422, form=form, **_context(page))
    except (SignInRefused, Throttled, PasswordPaused, SecretEnded) as refused:
        alert, status = _alert(page, refused)
        form = page.refused(values, (), _asked(page))
        answer = page.answer("sign_in.html", status, form=form, **(_context(page) | {"alert": alert}))
        if isinstance(refused, Throttled):
            answer.headers["retry-after"] = str(-(-refused.wait // SECOND))
        return answer
    full = signed_in.session.kind is SessionKind.FULL
    answer = page.redirect("account" if full else "details")
    cookies.set_session(answer, page.portal, signed_in.handle)
    cookies.clear_flow(answer, page.portal)
    if signed_in.device:
        cookies.set_device(answer, page.portal, signed_in.device)
    return answer


async def sign_out(page: Page) -> Response:
    """End the session and go back to the sign-in page."""
    await page.form()
    await sessions.sign_out(page.services, page.portal, cookies.read_handle(page.request, page.portal), page.caller())
    answer = page.redirect("sign_in", notice="signed_out")
    cookies.clear_session(answer, page.portal)
    return answer


def _asked(page: Page) -> dict[str, str]:
    return {"identifier": page.portal.file.sign_in.identifier}


def _context(page: Page) -> dict[str, Any]:
    first_use = page.portal.file.journeys.first_sign_in is not None
    return {"first_use": first_use, "alert": None}


def _alert(
    page: Page, refused: SignInRefused | Throttled | PasswordPaused | SecretEnded
) -> tuple[tuple[str, str, str, str], int]:
    _ = page.words.gettext
    recover = (_("Recover password"), page.url("recover") if page.portal.recovery else "")
    match refused:
        case Throttled(wait=wait):
            text = _("Try again in %(span)s. Meanwhile you can recover your password.")
            said = text % {"span": spoken_span(page.words, wait)}
            return (_("Too many attempts"), said, *recover), 429
        case PasswordPaused():
            text = _("Sign-in with the password is paused to protect the account. Recover your password to continue.")
            return (_("Too many attempts"), text, *recover), 429
        case SecretEnded(how=how):
            return (_("This temporary password no longer works"), _(_ENDED[how]), *recover), 422
        case _:
            text = _("The user name or the password is not right. Check both and try again.")
            return (_("We could not sign you in"), text, *recover), 422
