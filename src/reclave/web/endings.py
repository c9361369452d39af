"""Until when a page can be finished, said on the page and once more before the end (WCAG 2.2, 2.2.1)."""

from dataclasses import dataclass

from reclave.domain.time import SECOND, Instant
from reclave.journeys.sessions import SignedInAs
from reclave.pages.page import Page


@dataclass(frozen=True, slots=True)
class Ending:
    """When a page's time is over, how many seconds are left, and the page whose fetching makes them more.

    `extends`: a request moves the end; else it is a limit that stands. `to`: the page that goes on after the end.
    """

    at: Instant
    left: int
    extends: bool
    more: str
    to: str


def of_session(page: Page, who: SignedInAs, name: str = "account", deadline: Instant | None = None) -> Ending:
    """The end of a session in which nothing is done; that of a forced change's grant (`deadline`) may come first."""
    last = who.session.started_at + page.portal.session_absolute
    at = who.session.ends_at(page.portal.session_idle, page.portal.session_absolute)
    to = page.url("sign_in", notice="session_ended")
    return _ending(page, at, last if deadline is None else min(deadline, last), page.url(name), to)


def of_page(page: Page, name: str, at: Instant, deadline: Instant) -> Ending:
    """The end of a page that lives by its flow cookie until `at`, and by its grant until `deadline`."""
    return _ending(page, at, deadline, page.url(name), page.url(name))


def _ending(page: Page, at: Instant, deadline: Instant, more: str, to: str) -> Ending:
    at, extends = min(at, deadline), at < deadline
    return Ending(at, max(0, (at - page.services.clock.now()) // SECOND), extends, more, to)
