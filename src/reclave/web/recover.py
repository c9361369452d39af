"""«Recuperar contraseña» (P4) and the page that follows it (P5): neither looks an account up."""

from email.utils import parseaddr

from starlette.responses import Response

from reclave.domain.errors import FieldRefused
from reclave.journeys import temporary_password
from reclave.pages import cookies
from reclave.pages.page import Page

_STEP = "waiting"


async def show(page: Page) -> Response:
    """The form that asks for the registered address."""
    return page.cacheable("recover.html")


async def submit(page: Page) -> Response:
    """Accept the request and move on to the waiting page."""
    values = await page.form("email")
    try:
        asked = await temporary_password.ask(page.services, page.portal, values["email"], page.caller())
    except FieldRefused as refused:
        return page.answer("recover.html", 422, form=page.refused(values, [refused]))
    answer = page.redirect("recover_sent")
    flow = cookies.Flow(
        step=_STEP,
        at=page.services.clock.now(),
        address=asked.address,
        reference=asked.reference,
        cooling=asked.cooling,
        handle=asked.handle,
    )
    cookies.set_flow(answer, page.portal, page.services.vault, flow)
    return answer


async def sent(page: Page) -> Response:
    """The waiting page: the same for everybody but for the typed address and the reference."""
    flow = cookies.read_flow(page.request, page.portal, page.services.vault, _STEP, page.services.clock.now())
    if flow is None:
        return page.redirect("recover")
    return page.answer(
        "recover_sent.html",
        address=flow.address,
        reference=flow.reference,
        cooling=flow.cooling,
        sender=parseaddr(page.portal.file.mail.sender)[1],
        lifetime=page.portal.temporary_password_lifetime,
        cooldown=page.portal.cooldown,
    )
