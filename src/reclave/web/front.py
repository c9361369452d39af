"""A portal's front page (A2), where its file asks for one: the ways in, each one press away."""

from starlette.responses import Response

from reclave.pages.page import Page


async def show(page: Page) -> Response:
    """The front page."""
    return page.cacheable("front.html")
