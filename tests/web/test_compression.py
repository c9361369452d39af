"""Pages go compressed to whoever takes gzip, and say so; nothing else about them changes."""

import gzip

import httpx2
import pytest

from reclave.bootstrap import build_web
from tests.world import World

SIGN_IN = "/pagos/"


async def answered(world: World, accepts: str, path: str = SIGN_IN, **headers: str) -> tuple[httpx2.Response, bytes]:
    """A page and its bytes as they are sent."""
    transport = httpx2.ASGITransport(app=build_web(world.wired))
    async with (
        httpx2.AsyncClient(transport=transport, base_url="https://localhost:8000") as client,
        client.stream("GET", path, headers={"accept-encoding": accepts, **headers}) as response,
    ):
        return response, b"".join([chunk async for chunk in response.aiter_raw()])


@pytest.mark.parametrize("accepts", ["gzip", "gzip, deflate, br", "br;q=1, GZIP ; q=0.5"])
async def test_a_page_is_compressed_for_who_takes_gzip(world: World, accepts: str) -> None:
    plain, page = await answered(world, "identity")
    response, sent = await answered(world, accepts)
    assert response.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["vary"]
    assert int(response.headers["content-length"]) == len(sent) < len(page) / 2
    assert gzip.decompress(sent) == page
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize("accepts", ["identity", "gzip;q=0", "gzip; q=0.000, br", "xgzip"])
async def test_who_does_not_take_gzip_gets_the_page_as_it_is(world: World, accepts: str) -> None:
    response, sent = await answered(world, accepts)
    assert "content-encoding" not in response.headers
    assert sent.startswith(b"<!doctype html>")


async def test_a_reader_who_has_the_compressed_page_is_told_so(world: World) -> None:
    first, _ = await answered(world, "gzip")
    again, sent = await answered(world, "gzip", **{"if-none-match": first.headers["etag"]})
    assert first.headers["etag"].startswith('W/"')
    assert (again.status_code, sent) == (304, b"")


async def test_a_page_that_nobody_foresaw_is_compressed_too(world: World) -> None:
    response, _ = await answered(world, "gzip", "/pagos/no-hay")
    assert (response.status_code, response.headers["content-encoding"]) == (404, "gzip")
