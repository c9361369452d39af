"""«Mi cuenta»: change of password and address, own sessions, last sign-ins."""

import base64
import binascii
from typing import Any

from starlette.responses import Response

from reclave.domain.audit import Event
from reclave.domain.errors import FormRefused
from reclave.domain.portal import EMAIL
from reclave.domain.sessions import SessionKind
from reclave.journeys import change_address, change_password, sessions
from reclave.journeys.sessions import SignedInAs
from reclave.pages import cookies
from reclave.pages.forms import FormView
from reclave.pages.page import Page
from reclave.pages.words import N_
from reclave.web import endings
from reclave.web.details import password_rules
from reclave.web.waiting import context as waiting_context

_OUTCOMES = {
    Event.SIGN_IN_SUCCEEDED: N_("Signed in"),
    Event.SIGN_IN_REFUSED: N_("Failed attempt"),
}
_UNKNOWN_DEVICE = N_("Unknown browser")


async def show(page: Page) -> Response:
    """The account, its sessions and its last sign-ins."""
    who = await _who(page)
    seen = await sessions.overview(page.services, page.portal, who)
    _ = page.words.gettext
    account = who.account
    pending = (account.next_address, account.next_address_at) if account.next_address else None
    return page.answer(
        "account.html",
        **_signed_in(page, who),
        identifier=page.show(who.identifier),
        address=account.address or "",
        address_pending=pending,
        sessions=[
            (
                base64.urlsafe_b64encode(session.digest).decode(),
                session.device or _(_UNKNOWN_DEVICE),
                session.started_at,
                session.last_seen_at,
                session.digest == who.session.digest,
            )
            for session in seen.sessions
        ],
        sign_ins=[
            (entry.at, entry.detail.get("device") or _(_UNKNOWN_DEVICE), _(_OUTCOMES[entry.event]), "")
            for entry in seen.sign_ins
        ],
    )


async def end_session(page: Page) -> Response:
    """End one session; one's own is signing out."""
    who = await _who(page)
    values = await page.form("session")
    try:
        digest = base64.urlsafe_b64decode(values["session"])
    except (binascii.Error, ValueError):
        digest = b""
    await sessions.end_session(page.services, page.portal, who, digest, page.caller())
    if digest == who.session.digest:
        answer = page.redirect("sign_in", notice="signed_out")
        cookies.clear_session(answer, page.portal)
        return answer
    return page.redirect("account", notice="sessions_ended")


async def end_other_sessions(page: Page) -> Response:
    """End every session but this one."""
    who = await _who(page)
    await page.form()
    await sessions.end_other_sessions(page.services, page.portal, who, page.caller())
    return page.redirect("account", notice="sessions_ended")


async def show_change_password(page: Page) -> Response:
    """The form for a new password."""
    return _password_form(page, await _who(page), None)


async def submit_change_password(page: Page) -> Response:
    """Change the password and go on in a new session."""
    who = await _who(page)
    values = await page.form("current", "password", "confirm", "identifier")
    try:
        signed_in = await change_password.change_password(
            page.services,
            page.portal,
            who,
            values["current"],
            values["password"],
            values["confirm"],
            page.caller(),
        )
    except FormRefused as refused:
        return _password_form(page, who, page.refused(values, refused.fields), 422)
    answer = page.redirect("account", notice="password_updated")
    cookies.set_session(answer, page.portal, signed_in.handle)
    return answer


async def show_change_address(page: Page) -> Response:
    """The form for a new address; one that waits for its code is filled in."""
    who = await _who(page)
    waiting = await change_address.waiting(page.services, who)
    return _address_form(page, who, FormView({"email": waiting.pending.stored}) if waiting else None)


async def submit_change_address(page: Page) -> Response:
    """Send a code to the new address."""
    who = await _who(page)
    values = await page.form("current", "email", "identifier")
    try:
        await change_address.ask(page.services, page.portal, who, values["current"], values["email"], page.caller())
    except FormRefused as refused:
        return _address_form(page, who, page.refused(values, refused.fields, {"email": EMAIL}), 422)
    return page.redirect("change_address_code")


async def show_change_address_code(page: Page) -> Response:
    """The field for the code that was mailed to the new address."""
    return await _code_form(page, await _who(page), None)


async def submit_change_address_code(page: Page) -> Response:
    """Take the code; the new address counts after its wait."""
    who = await _who(page)
    values = await page.form("code")
    try:
        signed_in = await change_address.confirm(page.services, page.portal, who, values["code"], page.caller())
    except FormRefused as refused:
        return await _code_form(page, who, page.refused(values, refused.fields), 422)
    if signed_in is None:
        return page.redirect("account", notice="address_proposed")
    answer = page.redirect("account", notice="address_registered")
    cookies.set_session(answer, page.portal, signed_in.handle)
    return answer


async def _who(page: Page) -> SignedInAs:
    handle = cookies.read_handle(page.request, page.portal)
    return await sessions.authenticate(page.services, page.portal, handle, {SessionKind.FULL})


def _signed_in(page: Page, who: SignedInAs) -> dict[str, Any]:
    return {"signed_in": {"identifier": page.show(who.identifier)}, "ending": endings.of_session(page, who)}


def _password_form(page: Page, who: SignedInAs, form: FormView | None, status: int = 200) -> Response:
    return page.answer(
        "change_password.html",
        status,
        form=form,
        **_signed_in(page, who),
        identifier=page.show(who.identifier),
        rules=password_rules(page),
    )


def _address_form(page: Page, who: SignedInAs, form: FormView | None, status: int = 200) -> Response:
    return page.answer(
        "change_address.html",
        status,
        form=form,
        **_signed_in(page, who),
        identifier=page.show(who.identifier),
        address=who.account.address or "",
        wait=page.portal.address_wait if who.account.reachable() else 0,
    )


async def _code_form(page: Page, who: SignedInAs, form: FormView | None, status: int = 200) -> Response:
    waiting = await change_address.waiting(page.services, who)
    if waiting is None:
        return (
            page.redirect("change_address")
            if form is None
            else _address_form(page, who, form.moved({}, "email"), status)
        )
    return page.answer(
        "change_address_code.html",
        status,
        form=form,
        **_signed_in(page, who),
        address=waiting.pending.stored,
        deadline=waiting.grant.expires_at,
        tries_left=waiting.tries_left,
        reference=waiting.grant.reference,
        **waiting_context(page, {EMAIL: waiting.pending.canonical}),
        wait=page.portal.address_wait if who.account.reachable() else 0,
    )
