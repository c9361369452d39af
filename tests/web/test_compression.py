"""Pages and files go compressed to whoever takes it, and say so; nothing else about them changes."""

import gzip
from collections.abc import Callable, Mapping

import brotli
import httpx2
import pytest
from backports import zstd

from reclave.bootstrap import build_web
from reclave.web.compression import QUICKEST, SMALLEST, chosen
from tests.world import World

SIGN_IN = "/pagos/"
PERSONAL = "/pagos/?notice=signed_out"
"""A page that is not the same for everybody, and so is compressed each time."""
READ: Mapping[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "zstd": zstd.decompress,
    "gzip": gzip.decompress,
}


async def answered(world: World, accepts: str, path: str = SIGN_IN, **headers: str) -> tuple[httpx2.Response, bytes]:
    """A page and its bytes as they are sent."""
    transport = httpx2.ASGITransport(app=build_web(world.wired))
    async with (
        httpx2.AsyncClient(transport=transport, base_url="https://localhost:8000") as client,
        client.stream("GET", path, headers={"accept-encoding": accepts, **headers}) as response,
    ):
        return response, b"".join([chunk async for chunk in response.aiter_raw()])


@pytest.mark.parametrize(
    ("accepts", "smallest", "quickest"),
    [
        ("gzip, deflate, br, zstd", "br", "zstd"),
        ("gzip, deflate, br", "br", "br"),
        ("br;q=0.4, GZIP ; q=0.5", "gzip", "gzip"),
        ("*", "br", "zstd"),
        ("*, br;q=0", "zstd", "zstd"),
        ("identity", "", ""),
        ("gzip;q=0", "", ""),
        ("gzip; q=0.000, xbr", "", ""),
        ("gzip;q=high", "", ""),
        ("", "", ""),
    ],
)
def test_the_coding_is_the_readers_and_of_equals_the_one_that_suits(accepts: str, smallest: str, quickest: str) -> None:
    assert (chosen(accepts, SMALLEST), chosen(accepts, QUICKEST)) == (smallest, quickest)


@pytest.mark.parametrize("path", [SIGN_IN, PERSONAL, "/pagos/no-hay"])
@pytest.mark.parametrize("coding", READ)
async def test_a_page_is_compressed_for_who_takes_it(world: World, path: str, coding: str) -> None:
    plain, page = await answered(world, "identity", path)
    response, sent = await answered(world, coding, path)
    assert response.status_code == plain.status_code
    assert response.headers["content-encoding"] == coding
    assert int(response.headers["content-length"]) == len(sent) < len(page) / 2
    assert READ[coding](sent) == page


@pytest.mark.parametrize("path", [SIGN_IN, PERSONAL, "/pagos/no-hay"])
async def test_who_takes_none_gets_the_page_as_it_is_and_caches_learn_that_others_do_not(
    world: World, path: str
) -> None:
    response, sent = await answered(world, "identity", path)
    assert "content-encoding" not in response.headers
    assert "Accept-Encoding" in response.headers["vary"]
    assert sent.startswith(b"<!doctype html>")


async def test_a_reader_who_has_the_compressed_page_is_told_so(world: World) -> None:
    first, _ = await answered(world, "gzip")
    again, sent = await answered(world, "gzip", **{"if-none-match": first.headers["etag"]})
    assert first.headers["etag"].startswith('W/"')
    assert (again.status_code, sent) == (304, b"")


@pytest.mark.parametrize("coding", READ)
async def test_a_file_is_compressed_too(world: World, coding: str) -> None:
    _, page = await answered(world, "identity")
    sheet = page.decode().partition('rel="stylesheet" href="')[2].partition('"')[0]
    plain, content = await answered(world, "identity", sheet)
    response, sent = await answered(world, coding, sheet)
    assert (response.headers["content-encoding"], plain.headers.get("content-encoding")) == (coding, None)
    assert READ[coding](sent) == content
