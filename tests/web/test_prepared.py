"""Pages that are the same for everybody are rendered once a second, and are those of now all the same."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from reclave.bootstrap import build_web
from reclave.domain.switches import WHOLE_PORTAL
from reclave.domain.time import SECOND
from reclave.operations import switches
from reclave.pages.render import Renderer
from tests.world import World

SIGN_IN = "/pagos/"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that were rendered."""
    seen: list[str] = []
    render = Renderer.render

    def counted(renderer: Renderer, template: str, *args: object) -> str:
        seen.append(template)
        return render(renderer, template, *args)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(Renderer, "render", counted)
    return seen


@asynccontextmanager
async def reader(world: World, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=build_web(world.wired))
    async with httpx2.AsyncClient(transport=transport, base_url="https://localhost:8000", headers=headers) as client:
        yield client


async def test_a_page_is_rendered_once_for_all_who_ask_within_a_second(world: World, rendered: list[str]) -> None:
    async with reader(world) as client:
        first = await client.get(SIGN_IN)
        again = [await client.get(SIGN_IN) for _ in range(5)]
        assert rendered == ["sign_in.html"]
        assert all((one.content, dict(one.headers)) == (first.content, dict(first.headers)) for one in again)
        world.wait(SECOND)
        await client.get(SIGN_IN)
    assert len(rendered) == 2


async def test_each_language_has_its_own_whether_chosen_or_spoken(world: World) -> None:
    async with reader(world) as client:
        for asked, language in (("es", "es"), ("en-GB", "en"), ("pt-BR", "pt"), ("fr", "es")) * 2:
            page = await client.get(SIGN_IN, headers={"accept-language": asked})
            assert page.headers["content-language"] == language
            assert f'<html lang="{language}' in page.text
        chosen = [await client.get(SIGN_IN, params={"lang": "en"}) for _ in range(2)]
        spoken = await client.get(SIGN_IN, headers={"accept-language": "en"})
    assert chosen[0].text == chosen[1].text
    assert "lang=en" in chosen[0].text.partition("<main")[2]  # who chose a language keeps it on the next page
    assert "lang=en" not in spoken.text.partition("<main")[2]


async def test_what_operators_switch_shows_at_once(world: World) -> None:
    async with reader(world) as client:
        assert "Hoy cerramos" not in (await client.get(SIGN_IN)).text
        text = {"es": "Hoy cerramos a las seis."}
        await switches.show_banner(world.services, world.portal, WHOLE_PORTAL, text, until=None, by="anyone")
        await world.services.switchboard.refresh(world.services.store)
        assert "Hoy cerramos" in (await client.get(SIGN_IN)).text


async def test_a_reader_with_cookies_gets_a_page_of_their_own(world: World, rendered: list[str]) -> None:
    async with reader(world) as client:
        await client.get(SIGN_IN)
        page = await client.get(SIGN_IN, headers={"cookie": "__Host-reclave-pagos-flow=nothing"})
    assert len(rendered) == 2
    assert "Cookie" in page.headers["vary"]


async def test_a_notice_is_shown_to_the_one_whom_it_is_for(world: World) -> None:
    async with reader(world) as client:
        noticed = await client.get(SIGN_IN, params={"notice": "signed_out"})
        plain = await client.get(SIGN_IN)
    assert noticed.text != plain.text
    assert "etag" not in noticed.headers


@pytest.mark.req("S46")
@pytest.mark.parametrize("asked", [{}, {"accept-encoding": "br"}])
async def test_who_has_the_page_is_told_so_with_the_headers_of_the_page(world: World, asked: dict[str, str]) -> None:
    async with reader(world, **asked) as client:
        whole = await client.get(SIGN_IN)
        tag = whole.headers["etag"]
        unchanged = await client.get(SIGN_IN, headers={"if-none-match": tag})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        fresh = await client.get(SIGN_IN, headers={"if-none-match": '"another"'})
    assert fresh.status_code == 200
    gone = {name for name in whole.headers if name not in unchanged.headers}
    assert gone <= {"content-length", "content-type", "content-encoding"}


async def test_head_has_the_headers_of_get(world: World) -> None:
    async with reader(world) as client:
        got, head = await client.get(SIGN_IN), await client.head(SIGN_IN)
    assert (head.status_code, head.headers["etag"]) == (200, got.headers["etag"])
