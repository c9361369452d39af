"""What a browser can tell of WCAG 2.2 beyond axe, asked of a page in sight."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Page

_CHECKS = Path(__file__).with_name("wcag.js").read_text("utf-8")
_WIDE, _HALF, _QUARTER = (1280, 1024), (640, 512), (320, 256)
"""A screen of 1280 CSS pixels as it is, at a zoom of 200 % and of 400 % (1.4.4, 1.4.10)."""
_SPACING = (
    "* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }"
    " p { margin-bottom: 2em !important }"
)
"""WCAG 2.2, 1.4.12."""
_TEXT_TWICE = "html { font-size: 212.5% !important }"
"""WCAG 2.2, 1.4.4, for readers who enlarge text alone; the pages' own size is 106.25 %."""
_PREFIX = "Error: "


async def faults(page: Page, identifier: str, shapes: set[str]) -> dict[str, Any]:
    """What is wrong with a page, by check; `identifier` is the control that holds a user name besides the sign-in's.

    What takes long is asked once of pages that differ in their words alone: `shapes` are those that were asked.
    """
    shape = await shape_of(page)
    found: dict[str, Any] = await _ask(page, "quick", _PREFIX, identifier)
    if shape not in shapes:
        shapes.add(shape)
        found |= {"keyboard": await keyboard(page), **await _colours(page), **await _sizes(page)}
    return {check: wrong for check, wrong in found.items() if wrong}


async def shape_of(page: Page) -> str:
    """What a page is made of, whatever it says; leaves the checks in it."""
    await page.evaluate(f"() => {{ {_CHECKS} }}")
    return str(await _ask(page, "shape"))


async def help_of(page: Page) -> str:
    """The help that a page offers, in the order in which it stands (3.2.6)."""
    return str(await _ask(page, "help"))


async def keyboard(page: Page) -> list[str]:
    """What Tab skips, visits out of order or cannot leave, and what has the focus under something else."""
    stops = await _ask(page, "start")
    for _ in range(stops):
        await page.keyboard.press("Tab")
    visited: list[int] = await _ask(page, "visited")
    # From the last stop Tab leads out of the page, or to its first stop again.
    right = visited[:stops] == list(range(stops)) and all(place <= 0 for place in visited[stops:])
    hidden: list[str] = await _ask(page, "hidden")
    return hidden if right else [*hidden, f"of {stops} stops Tab visits {visited}"]


async def _colours(page: Page) -> dict[str, Any]:
    found = {}
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        found[f"focus, {scheme}"] = await _ask(page, "focus")
    await page.emulate_media(color_scheme="light", forced_colors="active")
    found["forced colours"] = await _ask(page, "lines")
    await page.emulate_media(forced_colors="none")
    return found


async def _sizes(page: Page) -> dict[str, Any]:
    before = page.viewport_size or {"width": 360, "height": 800}
    found: dict[str, Any] = {}
    whole = set[str]()
    for name, (width, height), css in (
        ("wide", _WIDE, ""),
        ("text twice as large", _WIDE, _TEXT_TWICE),
        ("200 %", _HALF, ""),
        ("400 %", _QUARTER, ""),
        ("text spacing", _QUARTER, _SPACING),
    ):
        await page.set_viewport_size({"width": width, "height": height})
        async with _styled(page, css):
            found[name] = await _ask(page, "layout")
            if name == "wide":
                whole = set(await _ask(page, "words"))
                found["order, wide"] = await _ask(page, "order")
            elif name == "400 %":
                found["lost at 400 %"] = sorted(whole - set(await _ask(page, "words")))
    await page.set_viewport_size(before)
    return found


@asynccontextmanager
async def _styled(page: Page, css: str) -> AsyncIterator[None]:
    await _ask(page, "style", css)
    yield
    await _ask(page, "style", "")


async def _ask(page: Page, check: str, *given: str) -> Any:
    return await page.evaluate("([check, given]) => window.wcag[check](...given)", [check, list(given)])
