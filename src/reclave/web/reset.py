"""«Cambiar contraseña» (C8): the mail's link moves its token out of the address bar; only a form's POST uses it up."""

from starlette.responses import Response

from reclave.domain.errors import FormRefused, SecretEnded
from reclave.journeys import reset_link
from reclave.pages import cookies
from reclave.pages.forms import FormView
from reclave.pages.page import Page
from reclave.web import endings
from reclave.web.details import password_changed, password_rules

_STEP = "reset"
Alert = tuple[str, str, str, str]
"""What `alert_box` shows: title, text, and a link's text and address."""


async def open_link(page: Page) -> Response:
    """The mail's link: changes nothing, keeps the token in the flow cookie and moves to a clean URL (S12, S36)."""
    answer = page.redirect("reset")
    token = page.request.path_params["token"][:200]
    flow = cookies.Flow(step=_STEP, at=page.services.clock.now(), token=token)
    cookies.set_flow(answer, page.portal, page.services.vault, flow)
    return answer


async def show(page: Page) -> Response:
    """The form for the new password."""
    return await _form(page, None)


async def submit(page: Page) -> Response:
    """Set the new password."""
    values = await page.form("password", "confirm", "identifier")
    try:
        if values["identifier"] and values["identifier"] != await _identifier(page):
            return await _form(page, None, 409, alert=for_another_account(page))
        reset = await reset_link.complete(
            page.services, page.portal, _token(page), values["password"], values["confirm"], page.caller()
        )
    except SecretEnded as ended:
        return _ended(page, ended)
    except FormRefused as refused:
        return await _form(page, page.refused(values, refused.fields), 422)
    return password_changed(page, reset.identifier)


def _token(page: Page) -> str:
    flow = cookies.read_flow(page.request, page.portal, page.services.vault, _STEP, page.services.clock.now())
    return flow.token if flow else ""


async def _identifier(page: Page) -> str:
    """The user name of the account that the link opened last in this browser is for, as the form shows it."""
    return page.show((await reset_link.look(page.services, page.portal, _token(page))).identifier)


def for_another_account(page: Page) -> Alert:
    """What a form says that was shown for another account than the link opened last is for."""
    _ = page.words.gettext
    said = _("You opened another link in this browser. Check the user name, or open the right link from the e-mail.")
    return _("This form is for another account now"), said, "", ""


async def _form(page: Page, form: FormView | None, status: int = 200, alert: Alert | None = None) -> Response:
    try:
        reset = await reset_link.look(page.services, page.portal, _token(page))
    except SecretEnded as ended:
        return _ended(page, ended)
    now = page.services.clock.now()
    answer = page.answer(
        "reset.html",
        status,
        form=form,
        alert=alert,
        ending=endings.of_page(page, "reset", now + cookies.FLOW_LIFE, reset.grant.expires_at),
        identifier=page.show(reset.identifier),
        deadline=reset.grant.expires_at,
        rules=password_rules(page),
    )
    cookies.set_flow(answer, page.portal, page.services.vault, cookies.Flow(step=_STEP, at=now, token=_token(page)))
    return answer


def _ended(page: Page, ended: SecretEnded) -> Response:
    status = 410 if ended.how != "damaged" else 404
    return page.answer("secret_ended.html", status, how=ended.how, what="reset_link")
