"""A page that fails in a way that nobody foresaw answers with a page all the same, with a reference to read out."""

import httpx2
import pytest
from structlog.testing import capture_logs

from reclave.bootstrap import build_web
from reclave.pages.page import Page
from reclave.pages.security import HEADERS
from tests.world import World


@pytest.mark.req("S46")
@pytest.mark.parametrize("method", ["GET", "HEAD"])  # by its path, and through the router
async def test_a_page_that_fails_says_so_with_every_header_and_a_reference(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Page, "cacheable", fail)
    transport = httpx2.ASGITransport(app=build_web(world.wired), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="https://localhost:8000") as client:
        with capture_logs() as logs:
            answer = await client.request(method, "/pagos/")
    assert answer.status_code == 500
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert answer.headers["cache-control"] == "no-store"
    (logged,) = [each for each in logs if each["event"] == "request_failed"]
    assert (logged["portal"], logged["page"]) == ("pagos", "sign_in")
    if method == "GET":
        assert logged["reference"] in answer.text
