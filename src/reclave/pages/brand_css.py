"""brand.css: a portal's colour and logo become the shades, the accent and the shapes of its pages.

Each shade is readable where it stands, whatever the colour: contrast and relative luminance as WCAG 2.2 defines
them, at least 4.5:1 (1.4.3, level AA). The accent is ornament: no text has it, and nothing is told by it alone.
"""

import colorsys
import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from reclave.pages.mark import Mark, read_mark

Colour: TypeAlias = tuple[int, int, int]
"""sRGB, each channel 0 to 255."""

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
PAGE: Colour = (241, 242, 240)
"""`--page` of reclave.css in the light: the ground under the card; `--surface` is white."""
DARK_SURFACE: Colour = (27, 32, 34)
"""`--surface` of reclave.css in the dark; `--page` is darker still."""

READABLE = 4.5
"""Contrast of text (WCAG 2.2, 1.4.3)."""
CLEAR = 6.0
"""Contrast of the brand as text in the dark, where thin strokes need more than the least."""
CALM = 7.0
"""Contrast of white with the brand's band in the dark, so that a bright brand does not glare."""

CALM_SATURATION = 0.6
"""The most saturation (HSL) of the brand as text in the dark."""

ANOTHER_HUE = 40 / 360
"""How far (in turns) the accent's hue is from the brand's."""
COLOURFUL = 0.3
"""The least saturation (HSL) of an accent: greys and paper tints are none."""

_STATIC = Path(__file__).with_name("static")
_WRITTEN = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Shades:
    """What a brand colour becomes on light or on dark; each is `#rrggbb`.

    `brand` carries `ink`; `strong` is text on the page, the surface or `soft`, or a ground for `on_strong`.
    """

    brand: str
    ink: str
    strong: str
    on_strong: str
    soft: str


@dataclass(frozen=True, slots=True)
class Palette:
    """The shades for a light and for a dark page."""

    light: Shades
    dark: Shades


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 (black) to 1 (white) (WCAG 2.2, definition of relative luminance)."""
    red, green, blue = (_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@cache
def palette(color: str) -> Palette:
    """The shades of `#rrggbb`. Raises ValueError for anything else."""
    brand = read_colour(color)
    soft, dark_soft = _mix(WHITE, brand, 0.07), _mix(DARK_SURFACE, brand, 0.14)
    strong = _darkened(brand, {soft, PAGE}, READABLE)
    dark_brand = _darkened(brand, {WHITE}, CALM)
    dark_strong = _lightened(brand, {dark_soft, DARK_SURFACE}, CLEAR)
    ink = WHITE if contrast(brand, WHITE) >= READABLE else BLACK
    return Palette(
        light=_shades(brand, ink, strong, WHITE, soft),
        dark=_shades(dark_brand, WHITE, dark_strong, BLACK, dark_soft),
    )


def accent(color: str, mark: Mark) -> str:
    """The logo's most saturated colour of another hue than the brand `#rrggbb`; the brand itself where it has none."""
    hue, *_ = _hls(read_colour(color))
    others = {written: _hls(read_colour(written)) for written in mark.colours}
    eligible = [
        (saturation, written)
        for written, (other, _, saturation) in others.items()
        if saturation >= COLOURFUL and min((other - hue) % 1, (hue - other) % 1) >= ANOTHER_HUE
    ]
    return max(eligible)[1] if eligible else color


def brand_css(color: str, logo: bytes | None = None) -> bytes:
    """The style sheet that gives reclave.css its brand, in UTF-8.

    Custom properties for light and dark, then the shapes of the hand that the logo is drawn in; without a logo,
    reclave.css's own. Raises ValueError if `color` is not `#rrggbb`.
    """
    shades = palette(color)
    light, dark = _properties(shades.light), _properties(shades.dark)
    if logo is None:
        return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}".encode()
    mark = read_mark(logo)
    light += f";--accent:{accent(color, mark)}"
    hand = (_STATIC / f"hand-{mark.hand}.css").read_text("utf-8")
    return f":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n{hand}".encode()


def read_colour(written: str) -> Colour:
    """Read `#rrggbb`. Raises ValueError for anything else."""
    if not _WRITTEN.fullmatch(written):
        raise ValueError(f"{written!r} is not a colour: write it as #rrggbb")
    red, green, blue = bytes.fromhex(written[1:])
    return red, green, blue


def _linear(channel: float) -> float:
    near_black = 0.04045
    return channel / 12.92 if channel <= near_black else float(((channel + 0.055) / 1.055) ** 2.4)


def _mix(ground: Colour, colour: Colour, share: float) -> Colour:
    red, green, blue = (round(g + (c - g) * share) for g, c in zip(ground, colour, strict=True))
    return red, green, blue


def _darkened(colour: Colour, grounds: AbstractSet[Colour], ratio: float) -> Colour:
    """The first of 100 steps from `colour` to black with that contrast to every ground; black has it."""
    steps = (_mix(colour, BLACK, step / 100) for step in range(101))
    return _first_readable(steps, grounds, ratio)


def _lightened(colour: Colour, grounds: AbstractSet[Colour], ratio: float) -> Colour:
    """The first of 100 steps from `colour` to white with that contrast to every ground; white has it.

    Lightness rises and hue and saturation stay (a mix with white would be a dull grey), short of neon.
    """
    hue, lightness, saturation = _hls(colour)
    calm = min(saturation, CALM_SATURATION)
    rising = (lightness + (1 - lightness) * step / 100 for step in range(101))
    return _first_readable((_from_hls(hue, lighter, calm) for lighter in rising), grounds, ratio)


def _first_readable(steps: Iterable[Colour], grounds: AbstractSet[Colour], ratio: float) -> Colour:
    return next(step for step in steps if all(contrast(step, ground) >= ratio for ground in grounds))


def _hls(colour: Colour) -> tuple[float, float, float]:
    red, green, blue = (channel / 255 for channel in colour)
    return colorsys.rgb_to_hls(red, green, blue)


def _from_hls(hue: float, lightness: float, saturation: float) -> Colour:
    red, green, blue = (round(channel * 255) for channel in colorsys.hls_to_rgb(hue, lightness, saturation))
    return red, green, blue


def _shades(*colours: Colour) -> Shades:
    return Shades(*("#{:02x}{:02x}{:02x}".format(*colour) for colour in colours))


def _properties(shades: Shades) -> str:
    return (
        f"--brand:{shades.brand};--brand-ink:{shades.ink};--brand-strong:{shades.strong};"
        f"--brand-on-strong:{shades.on_strong};--brand-soft:{shades.soft}"
    )
