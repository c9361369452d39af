"""The accessibility statement: the standard, how it was tested, known limits, and whom to tell of a barrier."""

from starlette.responses import Response

from reclave.pages.page import Page


async def show(page: Page) -> Response:
    """The statement (WCAG 2.2; W3C's model statement), the same for everybody."""
    return page.cacheable("accessibility.html")
