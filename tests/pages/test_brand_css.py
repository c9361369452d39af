"""brand.css: whatever colour a portal chooses, what stands on it and in it can be read."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.pages import brand_css as module
from reclave.pages.assets import sheet
from reclave.pages.brand_css import (
    DARK_SURFACE,
    PAGE,
    READABLE,
    WHITE,
    Shades,
    accent,
    brand_css,
    contrast,
    luminance,
    palette,
    read_colour,
)
from reclave.pages.mark import Hand, Mark, read_mark
from tests.servers import ROOT

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
PROPERTY = re.compile(r"(--[a-z-]+):(#[0-9a-f]{6})[;}]")
STYLE_SHEET = Path(module.__file__).with_name("static") / "reclave.css"


def pairs(shades: Shades, surfaces: list[str]) -> Iterator[tuple[str, str]]:
    """Each text colour with each ground that reclave.css puts it on."""
    yield shades.ink, shades.brand
    yield shades.on_strong, shades.strong
    for ground in [*surfaces, shades.soft]:
        yield shades.strong, ground


def written(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


@given(COLOURS)
@pytest.mark.req("B1")
def test_every_brand_colour_gives_readable_text_in_light_and_dark(color: str) -> None:
    shades = palette(color)
    light = pairs(shades.light, [written(WHITE), written(PAGE)])
    dark = pairs(shades.dark, [written(DARK_SURFACE)])
    for text, ground in [*light, *dark]:
        assert contrast(read_colour(text), read_colour(ground)) >= READABLE, (color, text, ground)


@given(COLOURS)
def test_ordinary_ink_stays_readable_on_the_soft_shade(color: str) -> None:
    shades = palette(color)
    assert contrast(read_colour("#505a5f"), read_colour(shades.light.soft)) >= READABLE
    assert contrast(read_colour("#b0b9bb"), read_colour(shades.dark.soft)) >= READABLE


def test_a_brand_that_is_readable_already_is_left_as_it_is() -> None:
    shades = palette("#0b5d4f").light
    assert (shades.brand, shades.ink, shades.strong, shades.on_strong) == (
        "#0b5d4f",
        "#ffffff",
        "#0b5d4f",
        "#ffffff",
    )


def test_a_bright_brand_carries_black_and_is_darkened_where_it_is_text() -> None:
    shades = palette("#ffd000").light
    assert shades.ink == "#000000"
    assert luminance(read_colour(shades.strong)) < luminance(read_colour(shades.brand))


def test_a_grey_brand_stays_grey_in_the_dark() -> None:
    red, green, blue = read_colour(palette("#808080").dark.strong)
    assert red == green == blue


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#ffffff", "#000000", 21.0), ("#777777", "#ffffff", 4.48), ("#0b5d4f", "#0b5d4f", 1.0)],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(read_colour(one), read_colour(other)) == pytest.approx(ratio, abs=0.005)
    assert contrast(read_colour(other), read_colour(one)) == pytest.approx(ratio, abs=0.005)


def test_the_sheet_sets_every_property_for_light_and_again_for_dark() -> None:
    light, dark = brand_css("#0b5d4f").decode("ascii").split("@media(prefers-color-scheme:dark)")
    names = ["--brand", "--brand-ink", "--brand-strong", "--brand-on-strong", "--brand-soft"]
    assert [name for name, _ in PROPERTY.findall(light)] == names
    assert [name for name, _ in PROPERTY.findall(dark)] == names


@pytest.mark.parametrize(("portal", "hand"), [("pagos", "round"), ("aduana", "straight"), ("compras", "mixed")])
def test_each_demo_portal_has_a_look_of_its_own_from_its_logo_and_colour_alone(portal: str, hand: str) -> None:
    logo = (ROOT / "portals" / f"{portal}.svg").read_bytes()
    assert read_mark(logo).hand == hand
    shapes = (STYLE_SHEET.parent / f"hand-{hand}.css").read_text("utf-8")
    assert brand_css("#0b5d4f", logo).decode("utf-8").endswith(shapes)


@pytest.mark.parametrize(
    ("drawing", "hand"),
    [
        ('<circle r="9"/>', Hand.ROUND),
        ('<path d="M0 0C1 1 2 2 3 3 4 4 5 5 6 6"/>', Hand.ROUND),
        ('<path d="M0 0l9 9-9 9z"/><rect width="9" height="9"/>', Hand.STRAIGHT),
        ('<circle r="9"/><rect width="9" height="9"/>', Hand.MIXED),
        ("<g/>", Hand.MIXED),
    ],
)
def test_the_hand_is_that_of_most_strokes(drawing: str, hand: Hand) -> None:
    assert read_mark(f"<svg>{drawing}</svg>".encode()).hand is hand


def test_the_accent_is_the_most_colourful_of_the_logos_other_hues() -> None:
    mark = Mark(Hand.ROUND, ("#0b5d4f", "#0a6b5a", "#eeeeee", "#e0a526", "#c9b27a"))
    assert accent("#0b5d4f", mark) == "#e0a526"
    assert accent("#0b5d4f", Mark(Hand.ROUND, ("#0a6b5a", "#ffffff"))) == "#0b5d4f"


def test_short_and_repeated_colours_of_a_logo_are_read() -> None:
    assert read_mark(b'<g fill="#FA0"/><g fill="#ffaa00"/><use href="#fa"/>').colours == ("#ffaa00",)


@given(st.binary(max_size=400))
def test_whatever_stands_in_a_logo_file_is_read_without_an_error(content: bytes) -> None:
    assert read_mark(content).hand in Hand


def test_a_sheet_is_served_without_what_only_people_need() -> None:
    written = """/* Why. */
a > b :hover, p {
  font: 1rem/1.5 "Segoe  UI", serif;   margin: 0 /* no */ auto
}
@media (min-width: 1rem) and (print) { i { color: red } }
"""
    served = b'a>b :hover,p{font: 1rem/1.5 "Segoe  UI",serif;margin: 0 auto}'
    assert sheet(written) == served + b"@media (min-width: 1rem) and (print){i{color: red}}"


def test_the_surfaces_reckoned_with_are_those_of_the_style_sheet() -> None:
    light, dark = STYLE_SHEET.read_text().split("@media (prefers-color-scheme: dark)")[:2]
    assert f"--page: {written(PAGE)};" in light
    assert "--surface: #fff;" in light
    assert f"--surface: {written(DARK_SURFACE)};" in dark
    assert "--muted: #505a5f;" in light
    assert "--muted: #b0b9bb;" in dark


def test_the_dark_page_is_darker_than_the_dark_surface() -> None:
    dark = STYLE_SHEET.read_text().split("@media (prefers-color-scheme: dark)")[1]
    found = re.search(r"--page: (#[0-9a-f]{6});", dark)
    assert found is not None
    assert luminance(read_colour(found.group(1))) < luminance(DARK_SURFACE)


@pytest.mark.parametrize("color", ["", "0b5d4f", "#fff", "#0b5d4f0", "#0b5d4g", "red", "#０b5d4f", "#0b5d4f\n"])
def test_what_is_not_a_colour_is_refused(color: str) -> None:
    with pytest.raises(ValueError, match="write it as #rrggbb"):
        brand_css(color)
