"""«No fui yo»: the link moves its token out of the address bar, the page asks, a ticked box acts (S12, S36)."""

from starlette.responses import Response

from reclave.domain.errors import FormRefused, SecretEnded
from reclave.journeys import report_not_me
from reclave.journeys.report_not_me import Kind, Report
from reclave.pages import cookies
from reclave.pages.forms import FormView
from reclave.pages.page import Page
from reclave.web.reset import Alert, for_another_account

_STEP = "report"
_DONE = "reported"


async def open_link(page: Page) -> Response:
    """The mail's link: changes nothing, keeps the token in the flow cookie and moves to a clean URL."""
    answer = page.redirect("report")
    token = page.request.path_params["token"][:200]
    cookies.set_flow(
        answer,
        page.portal,
        page.services.vault,
        cookies.Flow(step=_STEP, at=page.services.clock.now(), token=token),
    )
    return answer


async def show(page: Page) -> Response:
    """What the report will do, and a box to tick."""
    token = _token(page)
    try:
        report = await report_not_me.look(page.services, page.portal, token)
    except SecretEnded as ended:
        return await _ended(page, ended, token)
    return _ask(page, report, None)


async def submit(page: Page) -> Response:
    """Act on the report."""
    values = await page.form("confirm", "about")
    token = _token(page)
    try:
        shown = await report_not_me.look(page.services, page.portal, token)
        if values["about"] and values["about"] != _about(page, shown):
            return _ask(page, shown, None, 409, alert=for_another_account(page))
        report = await report_not_me.confirm(
            page.services, page.portal, token, values["confirm"] == "yes", page.caller()
        )
    except SecretEnded as ended:
        return await _ended(page, ended, token)
    except FormRefused as refused:
        report = await report_not_me.look(page.services, page.portal, token)
        return _ask(page, report, page.refused(values, refused.fields), 422)
    return _reported(page, report)


async def done(page: Page) -> Response:
    """What was done, and the case's number."""
    flow = _done(page)
    if flow is None:
        return page.redirect("sign_in")
    return page.answer(
        "report_done.html", changed=flow.kind != Kind.ASKED, case_reference=flow.reference, kind=flow.kind
    )


def _done(page: Page) -> cookies.Flow | None:
    return cookies.read_flow(page.request, page.portal, page.services.vault, _DONE, page.services.clock.now())


def _token(page: Page) -> str:
    flow = cookies.read_flow(page.request, page.portal, page.services.vault, _STEP, page.services.clock.now())
    return flow.token if flow else ""


def _about(page: Page, report: Report) -> str:
    """What the page asked about: a second link opened in the same browser must not turn the answer around."""
    return f"{report.kind} {page.show(report.identifier)}"


def _ask(page: Page, report: Report, form: FormView | None, status: int = 200, alert: Alert | None = None) -> Response:
    return page.answer(
        "report.html",
        status,
        form=form,
        alert=alert,
        shown_for=_about(page, report),
        identifier=page.show(report.identifier),
        changed=report.kind is not Kind.ASKED,
        kind=report.kind,
    )


def _reported(page: Page, report: Report) -> Response:
    answer = page.redirect("report_done")
    flow = cookies.Flow(step=_DONE, at=page.services.clock.now(), reference=report.reference, kind=report.kind)
    cookies.set_flow(answer, page.portal, page.services.vault, flow)
    return answer


async def _ended(page: Page, ended: SecretEnded, token: str) -> Response:
    report = await report_not_me.reported(page.services, page.portal, token)
    if report is not None:
        return _reported(page, report)
    if _done(page) is not None:
        return page.redirect("report_done")
    return page.answer("secret_ended.html", 410 if ended.how != "damaged" else 404, how=ended.how, what="link")
