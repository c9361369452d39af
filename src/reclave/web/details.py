"""«Registro de datos de ingreso» (P3, P8) and the typed code that confirms a new address."""

from starlette.responses import Response

from reclave.domain.errors import FormRefused
from reclave.domain.portal import EMAIL
from reclave.domain.sessions import SessionKind
from reclave.journeys import first_sign_in, register_details, sessions
from reclave.journeys.new_password import policy_of
from reclave.journeys.sessions import SignedInAs
from reclave.pages import cookies
from reclave.pages.forms import FormView
from reclave.pages.page import Page
from reclave.web import endings, waiting


async def show(page: Page) -> Response:
    """The form, its address filled in; the code's page when one is waited for."""
    who = await _who(page)
    details = await register_details.look(page.services, page.portal, who)
    if details.waiting and "correct" not in page.request.query_params:
        return page.redirect("details_code")
    return await _form(page, who, FormView({"email": _known_address(who, details)}))


async def submit(page: Page) -> Response:
    """Set the password, or go on to the code."""
    who = await _who(page)
    values = await page.form("email", "password", "confirm", "identifier")
    try:
        done = await register_details.submit(
            page.services,
            page.portal,
            who,
            values["email"],
            values["password"],
            values["confirm"],
            page.caller(),
        )
    except FormRefused as refused:
        return await _form(page, who, page.refused(values, refused.fields, {"email": EMAIL}), 422)
    return password_changed(page, who.identifier) if done else page.redirect("details_code")


async def show_code(page: Page) -> Response:
    """The field for the code that was mailed."""
    who = await _who(page)
    return await _code(page, who, None)


async def submit_code(page: Page) -> Response:
    """Complete the registration."""
    who = await _who(page)
    values = await page.form("code")
    try:
        await register_details.confirm(page.services, page.portal, who, values["code"], page.caller())
    except FormRefused as refused:
        return await _code(page, who, page.refused(values, refused.fields), 422)
    return password_changed(page, who.identifier)


async def _who(page: Page) -> SignedInAs:
    handle = cookies.read_handle(page.request, page.portal)
    return await sessions.authenticate(page.services, page.portal, handle, {SessionKind.CHANGE_ONLY})


async def _form(page: Page, who: SignedInAs, form: FormView, status: int = 200) -> Response:
    details = await register_details.look(page.services, page.portal, who)
    return page.answer(
        "details.html",
        status,
        form=form,
        identifier=page.show(who.identifier),
        first=details.first,
        deadline=details.grant.expires_at,
        ending=endings.of_session(page, who, "details", details.grant.expires_at),
        rules=password_rules(page),
    )


async def _code(page: Page, who: SignedInAs, form: FormView | None, status: int = 200) -> Response:
    details = await register_details.look(page.services, page.portal, who)
    if details.waiting is None:
        values = {"email": _known_address(who, details)}
        return await _form(page, who, form.moved(values, "email") if form else FormView(values), status)
    deadline = min(details.grant.expires_at, details.waiting.grant.expires_at)
    return page.answer(
        "details_code.html",
        status,
        form=form,
        address=details.waiting.pending.stored,
        deadline=deadline,
        ending=endings.of_session(page, who, "details", deadline),
        tries_left=details.waiting.tries_left,
        reference=details.waiting.grant.reference,
        **waiting.context(page, {EMAIL: details.waiting.pending.canonical}),
    )


def _known_address(who: SignedInAs, details: register_details.Details) -> str:
    """What the field is filled in with. Who knows a shared initial password does not see the owner's address (S15)."""
    if details.waiting:
        return details.waiting.pending.stored
    return "" if details.grant.context == first_sign_in.SHARED else who.account.address or ""


def password_changed(page: Page, identifier: str) -> Response:
    """To the sign-in page, with the user name (canonical) filled in: nobody is signed in by a change (S21)."""
    answer = page.redirect("sign_in", notice="password_changed")
    cookies.clear_session(answer, page.portal)
    flow = cookies.Flow(step="changed", at=page.services.clock.now(), identifier=identifier)
    cookies.set_flow(answer, page.portal, page.services.vault, flow)
    return answer


def password_rules(page: Page) -> list[str]:
    """The rules for a new password, as sentences."""
    _ = page.words.gettext
    minimum = policy_of(page.portal).minimum
    by_nit = "co.nit" in page.portal.identifier_field.kinds
    return [
        _("Use at least %(minimum)s characters. A phrase of four words works well.") % {"minimum": minimum},
        _("You can use letters, digits, spaces and symbols."),
        _("Do not use the NIT, the portal's name or a password of another site.")
        if by_nit
        else _("Do not use your user name, the portal's name or a password of another site."),
    ]
