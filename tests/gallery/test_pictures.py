"""What the comparison of pictures finds and what it lets pass; the pictures of the documents are there."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser

from tests.gallery.guest import served
from tests.gallery.pictures import BASELINES, IN_THE_DOCS, SHOWN, difference, photograph, shown
from tests.gallery.stage import staged
from tests.servers import ROOT

LIMIT = 3_000_000  # bytes of pictures in the repository
CHANGES = {
    "padding": "document.querySelector('main').style.paddingTop = "
    "parseFloat(getComputedStyle(document.querySelector('main')).paddingTop) + 4 + 'px'",
    "button": "document.querySelector('main .primary').style.paddingBlock = '20px'",
    "link": "document.querySelector('main .actions a').style.color = 'rgb(160, 0, 90)'",
    "ground": "document.querySelector('.primary').style.background = 'rgb(30, 60, 120)'",
    "text": "document.querySelector('main label').lastChild.data += ' 9'",
    "border": "document.querySelector('main input').style.borderWidth = '2.5px'",
}


def read(shot: bytes) -> Image.Image:
    return Image.open(io.BytesIO(shot)).convert("RGB")


@pytest.mark.long
@pytest.mark.parametrize("width", [360, 1280])
async def test_small_changes_of_space_colour_and_text_are_found_and_no_others(browser: Browser, width: int) -> None:
    pictures: dict[str, Image.Image] = {}
    async with staged() as stage, served(stage, browser) as house:
        guest = await house.guest("es")
        for name, change in {"before": "", "unchanged": "", **CHANGES}.items():
            await guest.opens("/pagos/")
            if change:
                await guest.page.evaluate(change)
            pictures[name] = read(await photograph(guest.page, width))
    found = {name: difference(pictures["before"], picture) for name, picture in pictures.items()}
    assert [name for name, fault in found.items() if not fault] == ["before", "unchanged"]


def test_a_difference_leaves_before_now_and_what_differs_side_by_side(tmp_path: Path) -> None:
    place = ROOT / "build" / "differences" / f"{tmp_path.name}.png"
    before, now = Image.new("RGB", (20, 10), "white"), Image.new("RGB", (20, 12), "white")
    try:
        assert difference(before, now, place).startswith("16.667% of the pixels differ, (20, 10) became (20, 12)")
        with Image.open(place) as three:
            assert three.size == (20 * 3 + 10 * 2, 12)
    finally:
        place.unlink(missing_ok=True)


def test_every_picture_that_a_document_shows_is_one_of_the_gallery() -> None:
    known = {shown(*one) for one in IN_THE_DOCS}
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    referred = {
        (document.parent / found).resolve()
        for document in documents
        for found in re.findall(r"!\[[^\]]*\]\(([^)#]+\.(?:webp|png))\)", document.read_text("utf-8"))
    }
    assert referred
    assert referred <= known
    assert {path for path in SHOWN.iterdir() if path.is_file()} == known


def test_the_pictures_in_the_repository_are_small() -> None:
    size = sum(path.stat().st_size for folder in (BASELINES, SHOWN) for path in folder.rglob("*") if path.is_file())
    assert 0 < size <= LIMIT
