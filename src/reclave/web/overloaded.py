"""The page that says that too many are here, which must cost next to nothing: many get it at once, and at once."""

from starlette.responses import Response

from reclave.pages.page import Page, Site
from reclave.web.errors import error_page

_MOST = 64


class OverloadedPages:
    """The pages of one second of the clock, rendered once for each place, portal and language that asks."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._holds = (0, 0)
        self._kept: dict[tuple[str, str, str], Response] = {}

    def answer(self, page: Page, retry_after: int) -> Response:
        """503 with Retry-After (RFC 9110, 10.2.3), in seconds."""
        if page.request.scope["query_string"]:
            return error_page(page, 503, retry_after=retry_after)
        now = self._site.moment()
        if self._holds != now or len(self._kept) >= _MOST:
            self._holds = now
            self._kept.clear()
        asked = page.portal.id, page.language, page.request.url.path
        kept = self._kept.get(asked)
        if kept is None:
            kept = self._kept[asked] = error_page(page, 503)
        answer = Response(kept.body, 503, dict(kept.headers))
        answer.headers["retry-after"] = str(retry_after)
        return answer
