"""«Recuperar contraseña» and «Reiniciar clave» (P4, A3–A13, C2) and the page that follows (P5, C3).

None of them looks an account up, but for the search with `reveal = "screen"` and the typed code.
"""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from reclave.domain.errors import FormRefused, Throttled
from reclave.domain.portal import CLASSIFICATION, EMAIL, ResetLink, TemporaryPassword
from reclave.domain.time import SECOND
from reclave.journeys import find_user_id, reset_link, temporary_password
from reclave.journeys.asking import Asked, read_facts
from reclave.pages import cookies
from reclave.pages.forms import FormView
from reclave.pages.page import Page
from reclave.pages.render import spoken_span
from reclave.pages.understood import shown_facts
from reclave.web import finding, waiting

STEP, NAMES = "waiting", "names"
"""The steps of the flow cookie: waiting for what recovers, and for user names."""


async def show(page: Page) -> Response:
    """The form, with the search for the user name above it where the portal offers one.

    Who asks again finds what they typed before (WCAG 2.2, 3.3.7).
    """
    searched, asked = _flow(page, NAMES), _flow(page, STEP)
    known = searched.filled if searched else waiting_for(asked) if asked else {}
    if known:
        return _form(page, FormView(known), {})
    return page.cacheable("recover.html", **_context(page, {}))


async def submit(page: Page) -> Response:
    """Search, reload for a classification, or accept the request, as the pressed button says."""
    values = await page.form("action", "confirmed", *finding.names(page.portal), *_proves(page))
    action = values["action"] or _meant(page, values)
    if values["confirmed"]:
        action = "send"
    if action == "continue":
        return _form(page, FormView(values), values)
    if action == "search" and page.portal.file.journeys.find_user_id is not None:
        return await _search(page, values)
    if page.portal.recovery is None:
        return page.redirect("recover")
    return await _ask(page, page.portal.recovery, values)


def _meant(page: Page, values: Mapping[str, str]) -> str:
    """What Enter means in a form with a search: without a user name there is nothing to send yet."""
    named = values.get(page.portal.file.sign_in.identifier, "").strip()
    searching = page.portal.file.journeys.find_user_id is not None and any(
        values[name].strip() for name in finding.names(page.portal)
    )
    return "search" if searching and not named else "send"


async def _ask(page: Page, recovery: TemporaryPassword | ResetLink, values: Mapping[str, str]) -> Response:
    journey = reset_link if isinstance(recovery, ResetLink) else temporary_password
    try:
        if recovery.confirm and values["confirmed"] != "yes":
            elsewhere = {name: values[name] for name in finding.names(page.portal)}
            facts = read_facts(page.services, page.portal, recovery.proves, values)
            if values["confirmed"]:
                return _form(page, FormView(dict(values)), values)
            shown = shown_facts(page.portal, facts)
            context = waiting.slips(page, shown)
            return page.answer("confirm_request.html", values=shown, elsewhere=elsewhere, **context)
        asked = await journey.ask(page.services, page.portal, values, page.caller())
    except FormRefused as refused:
        return _form(page, page.refused(values, refused.fields, _asked(page)), values, 422)
    return wait_for_mail(page, asked, STEP, "recover_sent")


def wait_for_mail(
    page: Page, asked: Asked, step: str, next_page: str, filled: Mapping[str, str] | None = None
) -> Response:
    """Move on to a waiting page; within the cooldown a browser keeps the request that its mail answers.

    The page shows what was understood: an address that was all that was asked for stands in its sentence. `filled` is
    what the person need not type again on the way back (A13).
    """
    shown = shown_facts(page.portal, asked.facts)
    address = shown[EMAIL] if list(asked.facts) == [EMAIL] else ""
    now = page.services.clock.now()
    before = cookies.read_flow(page.request, page.portal, page.services.vault, step, now)
    same = before is not None and asked.cooling and before.request == asked.request
    answer = page.redirect(next_page)
    flow = cookies.Flow(
        step=step,
        at=now,
        address=address,
        understood={} if address else shown,
        reference=before.reference if before and same else asked.reference,
        handle=before.handle if before and same else asked.handle,
        request=asked.request,
        cooling=asked.cooling,
        filled=dict(filled or {}),
    )
    cookies.set_flow(answer, page.portal, page.services.vault, flow)
    return answer


async def _search(page: Page, values: Mapping[str, str]) -> Response:
    typed = finding.typed(page.portal, values)
    try:
        if finding.by_mail(page.portal):
            asked = await find_user_id.ask(page.services, page.portal, typed, page.caller())
            filled = finding.carried_over(page.portal, values, None)
            known = {name: filled[name] for name in _proves(page) if filled[name].strip()}
            return wait_for_mail(page, asked, NAMES, "user_names_sent", known)
        found = await find_user_id.find(page.services, page.portal, typed, page.caller())
    except FormRefused as refused:
        return _form(page, page.refused(values, finding.renamed(refused.fields), _asked(page)), values, 422)
    except Throttled as refused:
        _ = page.words.gettext
        said = _("Try again in %(span)s, or call the help desk.") % {"span": spoken_span(page.words, refused.wait)}
        form = page.refused(values, (), _asked(page))
        answer = _form(page, form, values, 429, alert=(_("Too many attempts"), said, "", ""))
        answer.headers["retry-after"] = str(-(-refused.wait // SECOND))
        return answer
    filled = finding.carried_over(page.portal, values, found.identifier)
    if found.identifier:
        return _form(page, FormView(filled), filled, found=found)
    _ = page.words.gettext
    said = _("No account matches everything that you entered. Check each field, or call the help desk.")
    form = page.refused(filled, (), finding.asked(page.portal))
    return _form(page, form, filled, 422, alert=(_("We did not find your user name"), said, "", ""))


def _form(page: Page, form: FormView, values: Mapping[str, str], status: int = 200, **context: Any) -> Response:
    return page.answer("recover.html", status, form=form, **(_context(page, values) | context))


def _context(page: Page, values: Mapping[str, str]) -> dict[str, Any]:
    recovery = page.portal.recovery
    return {
        "recovery": recovery,
        "found": None,
        "alert": None,
        "search": finding.view(page, values.get(finding.control(CLASSIFICATION), "")),
    }


def _asked(page: Page) -> dict[str, str]:
    """The field that each control of the page asks for."""
    return finding.asked(page.portal) | {name: name for name in _proves(page)}


def _proves(page: Page) -> tuple[str, ...]:
    return page.portal.recovery.proves if page.portal.recovery else ()


async def sent(page: Page) -> Response:
    """The waiting page: the same for everybody but for what was typed and the reference."""
    flow = _flow(page, STEP)
    return page.redirect("recover") if flow is None else await _sent(page, flow, None)


async def submit_code(page: Page) -> Response:
    """Compare the typed code; when it is right, go on as if the link had been opened."""
    values = await page.form("code")
    flow = _flow(page, STEP)
    if flow is None:
        return page.redirect("recover")
    try:
        token = await reset_link.enter_code(page.services, page.portal, flow.handle, values["code"], page.caller())
    except FormRefused as refused:
        return await _sent(page, flow, page.refused(values, refused.fields), 422)
    answer = page.redirect("reset")
    opened = cookies.Flow(step="reset", at=page.services.clock.now(), token=token)
    cookies.set_flow(answer, page.portal, page.services.vault, opened)
    return answer


def _flow(page: Page, step: str) -> cookies.Flow | None:
    return cookies.read_flow(page.request, page.portal, page.services.vault, step, page.services.clock.now())


def waiting_for(flow: cookies.Flow) -> dict[str, str]:
    """What was asked with, by field, as the person reads it."""
    return flow.understood or {EMAIL: flow.address}


async def _sent(page: Page, flow: cookies.Flow, form: FormView | None, status: int = 200) -> Response:
    recovery = page.portal.recovery
    presents = recovery.presents if isinstance(recovery, ResetLink) else ()
    terms = page.portal.terms["reset_link" if presents else "temporary_password"]
    tries = await reset_link.tries_left(page.services, page.portal, flow.handle) if "code" in presents else 0
    return page.answer(
        "recover_sent.html",
        status,
        form=form,
        address=flow.address,
        reference=flow.reference,
        cooling=flow.cooling,
        understood=flow.understood,
        lifetime=terms.lifetime,
        code_lifetime=min(terms.code_lifetime, cookies.FLOW_LIFE),
        cooldown=terms.cooldown,
        presents=presents,
        tries_left=tries,
        **waiting.context(page, waiting_for(flow)),
    )
