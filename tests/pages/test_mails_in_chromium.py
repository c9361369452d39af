"""Every mail as a phone shows it: on 320 pixels, in the light and in the dark, without pictures."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright

from reclave.pages.brand_css import READABLE, Colour, contrast
from tests.pages.mails import OneOfAll, demo_portals, every_mail, services_of
from tests.servers.chromium import LaunchOptions

pytestmark = pytest.mark.long

PHONE = {"width": 320, "height": 640}
LEGIBLE = 14
"""The least size of letters, in CSS pixels."""
SHOWN = """() => {
  const read = colour => colour.match(/[\\d.]+/g).map(Number);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = read(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const words = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    const box = document.createRange();
    box.selectNodeContents(node);
    const right = Math.max(0, ...[...box.getClientRects()].map(line => line.right));
    if (!node.data.trim() || right === 0) continue;
    const style = getComputedStyle(element);
    words.push({said: node.data.trim(), ink: read(style.color).slice(0, 3), ground: ground(element), right,
      size: parseFloat(style.fontSize), lines: box.getClientRects().length});
  }
  return {width: document.documentElement.scrollWidth, words};
}"""


@pytest.fixture(scope="module")
def all_mails(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[OneOfAll]]:
    """The mails with all that they can say."""
    with services_of(tmp_path_factory.mktemp("mails-shown"), demo_portals()) as services:
        yield [one for one in every_mail(services) if one.name.endswith("full")]


@pytest.fixture
async def phone(chromium_options: LaunchOptions, scheme: str) -> AsyncIterator[Page]:
    """A mail program on a phone."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**chromium_options)
        yield await browser.new_page(viewport=PHONE, color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
        await browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_word_is_seen_on_a_phone_and_stands_out_from_its_ground(
    phone: Page, all_mails: list[OneOfAll], scheme: str
) -> None:
    for one in all_mails:
        await phone.set_content(one.mail.html or "")
        shown: dict[str, Any] = await phone.evaluate(SHOWN)
        assert shown["width"] <= PHONE["width"], one.name
        assert len(shown["words"]) > 15, one.name
        for word in shown["words"]:
            called = f"{one.name}, {scheme}: {word['said']}"
            assert contrast(_colour(word["ink"]), _colour(word["ground"])) >= READABLE, called
            assert word["right"] <= PHONE["width"], called
            assert word["size"] >= LEGIBLE, called
            assert word["lines"] == 1 or not _is_secret(word["said"]), called


def _colour(channels: list[float]) -> Colour:
    red, green, blue = (round(channel) for channel in channels)
    return red, green, blue


def _is_secret(said: str) -> bool:
    """A temporary password or a code: a break in it would be read as its end."""
    return " " not in said and said.count("-") in {1, 2} and "/" not in said and "." not in said
