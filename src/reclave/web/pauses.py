"""Pages of a journey that an operator has paused."""

from starlette.responses import Response

from reclave.domain.errors import JourneyPaused
from reclave.domain.portal import Portal
from reclave.domain.switches import SIGN_IN
from reclave.domain.time import SECOND
from reclave.journeys import find_user_id, recover_user_name, reset_link, temporary_password
from reclave.pages.page import Page

_RETRY_AFTER = 300
"""Seconds after which it is worth a try where the operator said no time."""


def begun_on(portal: Portal, name: str) -> tuple[str, ...]:
    """The journeys that begin on a page."""
    offered = portal.file.journeys
    if name == "sign_in":
        return (SIGN_IN,)
    if name == "user_names":
        return (recover_user_name.JOURNEY,)
    if name == "recover":
        ways = {
            temporary_password.JOURNEY: offered.temporary_password,
            reset_link.JOURNEY: offered.reset_link,
            find_user_id.JOURNEY: offered.find_user_id,
        }
        return tuple(journey for journey, offer in ways.items() if offer is not None)
    return ()


def check(page: Page) -> None:
    """Raise `JourneyPaused` for a page on which every journey is paused."""
    paused = []
    for journey in page.journeys:
        try:
            page.services.switchboard.check(page.portal.id, journey, page.services.clock.now())
        except JourneyPaused as each:
            paused.append(each)
    if paused and len(paused) == len(page.journeys):
        raise paused[0]


def show(page: Page, paused: JourneyPaused) -> Response:
    """The page that says so, and until when."""
    answer = page.answer("paused.html", 503, until=paused.until, elsewhere=SIGN_IN not in page.journeys)
    wait = _RETRY_AFTER if paused.until is None else (paused.until - page.services.clock.now()) // SECOND + 1
    answer.headers["retry-after"] = str(max(1, wait))
    return answer
