"""What is wrong with a page in sight: for axe-core, at every width and in light and dark, and by measure.

Colours and layout are the same in every language and on pages that differ in their words alone: there axe-core looks
once, and the measure at every width.
"""

from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

from reclave.pages.i18n import translator
from tests.browser.wcag import shape_of
from tests.servers import node

WIDTHS = (320, 768, 1280)
"""CSS pixels: a small phone, or 1280 at a zoom of 400 % (WCAG 2.2, 1.4.10); a tablet; a desk."""
HEIGHT = 800
SMALLEST_TARGET = 24
"""CSS pixels (WCAG 2.2, 2.5.8)."""
FIRST = "es"
"""The language in which all is looked at."""
TAGS = {"es": "es", "en": "en", "pt": "pt-BR"}

EVERYTHING: dict[str, object] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
WORDS: dict[str, object] = {
    **EVERYTHING,
    "rules": {name: {"enabled": False} for name in ("color-contrast", "link-in-text-block", "target-size")},
}
COLORS: dict[str, object] = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
    "resultTypes": ["violations"],
}
LAYOUT: dict[str, object] = {
    "runOnly": {"type": "rule", "values": ["target-size", "scrollable-region-focusable", "color-contrast"]},
    "resultTypes": ["violations"],
}
_MEASURE = """([width, smallest]) => {
    const wrong = [], all = selector => [...document.querySelectorAll(selector)];
    if (document.documentElement.scrollWidth > width) wrong.push(`${document.documentElement.scrollWidth} px wide`);
    for (const one of all("button, input:not([type=hidden]), select, summary, .button")) {
        const {width, height} = one.getBoundingClientRect();
        if (one.checkVisibility({visibilityProperty: true}) && !one.ariaHidden && Math.min(width, height) < smallest)
            wrong.push(`${one.outerHTML.slice(0, 80)} is ${width} × ${height} px`);
    }
    return wrong;
}"""
_READ = """() => {
    const all = selector => [...document.querySelectorAll(selector)];
    return {
        title: document.title,
        lang: document.documentElement.lang,
        headings: all("h1").map(one => one.textContent.trim()),
        alerts: all("#errors, #alert").length,
        dead: all('a[href^="#"]').map(link => link.getAttribute("href").slice(1))
            .filter(name => !document.getElementById(name)),
    };
}"""

_UNFOLD = "for (const one of document.querySelectorAll('details:not([open])')) one.open = one.dataset.folded = true"
_FOLD = "for (const one of document.querySelectorAll('details[data-folded]')) one.open = false"


@dataclass(slots=True)
class Eyes:
    """Looks at one state after the other; `faults` are what it found, each after the state's name."""

    language: str
    script: str = AXE_SCRIPT
    """axe-core."""
    faults: list[str] = field(default_factory=list)
    titles: dict[str, set[str]] = field(default_factory=dict)
    """The titles, each with the main headings of the pages that have it."""
    shapes: set[str] = field(default_factory=set)
    """Of the pages that were looked at in all colours and layouts."""

    async def look(self, page: Page, name: str) -> None:
        """Look at a page, at every width and, where it is new, in both colour schemes; leave it light and wide.

        What can be folded up is unfolded meanwhile.
        """
        read: dict[str, Any] = await page.evaluate(_READ)
        self._read(name, read)
        await page.evaluate(_UNFOLD)
        shape = await shape_of(page)
        new, first = shape not in self.shapes, self.language == FIRST
        self.shapes.add(shape)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": HEIGHT})
            where = f"{name}, {width} px"
            self._note(where, await page.evaluate(_MEASURE, [width, SMALLEST_TARGET]))
            if width == WIDTHS[0] and (new or first):
                self._note(where, await axe(page, EVERYTHING if first else WORDS, self.script))
            if not (new and first):
                continue
            if width != WIDTHS[0]:
                self._note(where, await axe(page, LAYOUT, self.script))
            await page.emulate_media(color_scheme="dark")
            self._note(f"{where}, dark", await axe(page, COLORS, self.script))
            await page.emulate_media(color_scheme="light")
        await page.evaluate(_FOLD)

    def _read(self, name: str, read: dict[str, Any]) -> None:
        if len(read["headings"]) != 1:
            self._note(name, [f"main headings: {read['headings']}"])
        if read["lang"] != TAGS[self.language]:
            self._note(name, [f"lang={read['lang']}"])
        if read["dead"]:
            self._note(name, [f"links to nothing on the page: {read['dead']}"])
        prefix = translator(self.language, {}).gettext("Error") + ": "
        if read["title"].startswith(prefix) != bool(read["alerts"]):
            self._note(name, [f"{read['alerts']} alerts, and the title is {read['title']!r}"])
        self.titles.setdefault(read["title"].removeprefix(prefix), set()).update(read["headings"])

    def _note(self, where: str, found: list[str]) -> None:
        self.faults += [f"{where}: {one}" for one in found]


def newest_axe() -> str:
    """axe-core as npm has it, which is newer than the wheel's. Raises `MissingServer`."""
    return (node.package("axe-core") / "axe.min.js").read_text("utf-8")


async def axe(page: Page, options: dict[str, object], script: str = AXE_SCRIPT) -> list[str]:
    """What axe finds wrong with a page as it stands: rule, and where."""
    if await page.evaluate("typeof axe") == "undefined":
        await page.evaluate(script)
    found = await page.evaluate("options => axe.run(document, options)", options)
    return [f"{one['id']} at {' '.join(node['target'])}" for one in found["violations"] for node in one["nodes"]]
