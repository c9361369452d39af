"""The style guide: every component from the pages' own macros, with contrasts that are computed and hold."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from reclave.adapters.memory import MemoryStore
from reclave.bootstrap import build_web
from reclave.demo.styleguide import PATH, SCHEMES, ratios, styleguide_routes, tokens
from tests.servers import ROOT
from tests.stores import Clock
from tests.world import World, open_world

SHEET = ROOT / "src" / "reclave" / "pages" / "static" / "reclave.css"
TEMPLATES = [
    *(ROOT / "src/reclave/pages/templates").glob("*.html"),
    *(ROOT / "src/reclave/web/templates").glob("*.html"),
]
LAYOUT = {
    *("unseen", "whole", "without-script", "printed", "column", "portals"),  # nothing to look at, or pages of their own
    *("address", "only", "where"),  # hooks without a look
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """The three portals."""
    clock = Clock()
    async with open_world(MemoryStore(clock.standing), tmp_path, clock) as opened:
        yield opened


@pytest.fixture
async def reader(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    """Someone who reads the guide."""
    transport = httpx2.ASGITransport(app=Starlette(routes=styleguide_routes(world.wired)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8025") as client:
        yield client


async def test_each_portal_has_its_guide_in_both_schemes_with_every_style_sheet(reader: httpx2.AsyncClient) -> None:
    for portal in ("pagos", "aduana", "compras"):
        for scheme in SCHEMES:
            page = await reader.get(f"{PATH}/{portal}/{scheme}".rstrip("/"))
            assert page.status_code == 200, page.text
            sheets = re.findall(r'(?:stylesheet" href|script src|img src)="([^"]+)"', page.text)
            assert len(sheets) == 5
            assert [(await reader.get(sheet)).status_code for sheet in sheets] == [200] * 5
    assert (await reader.get(PATH)).status_code == 200
    assert (await reader.get(f"{PATH}/pagos/static/nada.css")).status_code == 404


async def test_no_class_of_the_pages_is_missing_from_the_guide(reader: httpx2.AsyncClient) -> None:
    page = (await reader.get(f"{PATH}/pagos")).text
    styled = set(re.findall(r"\.([a-z][a-z-]*)", re.sub(r"/\*.*?\*/", "", SHEET.read_text("utf-8"))))
    used = {name for path in TEMPLATES for name in re.findall(r'class="([a-z -]+)"', path.read_text("utf-8"))}
    shown = {name for names in re.findall(r'class="([^"]+)"', page) for name in names.split()}
    classes = {name for names in used for name in names.split()} & styled
    assert classes - shown - LAYOUT == set()


def test_every_contrast_in_every_brand_is_enough(world: World) -> None:
    for portal in world.services.portals.values():
        for one in ratios(portal):
            least = 3 if "3:1" in one.name else 4.5
            assert min(one.light, one.dark) >= least, (portal.id, one)


def test_the_tokens_are_those_of_the_style_sheet(world: World) -> None:
    light, dark = tokens(world.portal)
    assert light["--surface"] == "#fff"
    assert dark["--surface"] != light["--surface"]
    assert light["--brand"] == world.portal.file.brand.color
    assert len([name for name in light if name.startswith("--space-")]) == 7


async def test_production_has_no_style_guide(world: World) -> None:
    transport = httpx2.ASGITransport(app=build_web(world.wired))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        assert (await client.get(PATH)).status_code == 404
