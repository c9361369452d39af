"""«Olvidé el usuario» (C9): by registered address, answered by mail alone."""

from starlette.responses import Response

from reclave.domain.errors import FormRefused
from reclave.domain.portal import EMAIL
from reclave.journeys import recover_user_name
from reclave.pages import cookies
from reclave.pages.forms import FormView
from reclave.pages.page import Page
from reclave.web import waiting
from reclave.web.recover import NAMES, wait_for_mail, waiting_for


async def show(page: Page) -> Response:
    """The form that asks for the registered address; who asks again finds it filled in."""
    flow = _flow(page)
    if flow is not None and flow.address:
        return page.answer("user_names.html", form=FormView({EMAIL: flow.address}))
    return page.cacheable("user_names.html")


async def submit(page: Page) -> Response:
    """Accept the request and move on to the waiting page."""
    values = await page.form("email")
    try:
        asked = await recover_user_name.ask(page.services, page.portal, values, page.caller())
    except FormRefused as refused:
        return page.answer("user_names.html", 422, form=page.refused(values, refused.fields))
    return wait_for_mail(page, asked, NAMES, "user_names_sent")


async def sent(page: Page) -> Response:
    """The waiting page: the same for everybody but for what was typed and the reference."""
    flow = _flow(page)
    if flow is None:
        return page.redirect("sign_in")
    terms = page.portal.terms["recover_user_name" if flow.address else "find_user_id"]
    return page.answer(
        "user_names_sent.html",
        address=flow.address,
        reference=flow.reference,
        cooling=flow.cooling,
        understood=flow.understood,
        cooldown=terms.cooldown,
        **waiting.context(page, waiting_for(flow)),
    )


def _flow(page: Page) -> cookies.Flow | None:
    return cookies.read_flow(page.request, page.portal, page.services.vault, NAMES, page.services.clock.now())
