"""«Olvidé el usuario» (C9): by registered address, answered by mail alone."""

from email.utils import parseaddr

from starlette.responses import Response

from reclave.domain.errors import FormRefused
from reclave.journeys import recover_user_name
from reclave.pages import cookies
from reclave.pages.page import Page
from reclave.web.recover import NAMES, wait_for_mail


async def show(page: Page) -> Response:
    """The form that asks for the registered address."""
    return page.cacheable("user_names.html")


async def submit(page: Page) -> Response:
    """Accept the request and move on to the waiting page."""
    values = await page.form("email")
    try:
        asked = await recover_user_name.ask(page.services, page.portal, values, page.caller())
    except FormRefused as refused:
        return page.answer("user_names.html", 422, form=page.refused(values, refused.fields))
    return wait_for_mail(page, asked, NAMES, "user_names_sent", values["email"].strip())


async def sent(page: Page) -> Response:
    """The waiting page: the same for everybody but for what was typed and the reference."""
    flow = cookies.read_flow(page.request, page.portal, page.services.vault, NAMES, page.services.clock.now())
    if flow is None:
        return page.redirect("sign_in")
    terms = page.portal.terms["recover_user_name" if flow.address else "find_user_id"]
    return page.answer(
        "user_names_sent.html",
        address=flow.address,
        reference=flow.reference,
        cooling=flow.cooling,
        sender=parseaddr(page.portal.file.mail.sender)[1],
        cooldown=terms.cooldown,
    )
