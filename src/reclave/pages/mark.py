"""What a portal's logo says about its look: how it is drawn, and its second colour.

Only the drawing is read (paths and basic shapes of SVG 2, chapters 9 and 10), never what it embeds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

_COLOUR = re.compile(rb"#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_DRAWN = re.compile(rb"\sd\s*=\s*([\"'])(.*?)\1", re.DOTALL)
_STEP = re.compile(rb"([a-zA-Z])([^a-zA-Z]*)")
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)")
_ROUND_SHAPE = re.compile(rb"<(?:circle|ellipse)\b")
_STRAIGHT_SHAPE = re.compile(rb"<(?:rect|polygon|polyline|line)\b")
_CURVES = {b"c": 6, b"s": 4, b"q": 4, b"t": 2, b"a": 7}
_LINES = {b"l": 2, b"h": 1, b"v": 1}
_CIRCLE, _RECTANGLE = 4, 4
"""A circle counts as the four curves, a rectangle as the four lines, that a path would draw it with."""

_MOSTLY = 0.7


class Hand(StrEnum):
    """How a mark is drawn, and with it the page: corners, the band, headings (`static/hand-….css`)."""

    ROUND = "round"
    STRAIGHT = "straight"
    MIXED = "mixed"


@dataclass(frozen=True, slots=True)
class Mark:
    """What is read from a logo; `colours` are its `#rrggbb`, each once, in the order of the drawing."""

    hand: Hand
    colours: tuple[str, ...]


@cache
def read_mark(logo: bytes) -> Mark:
    """Read an SVG file: round where at least 7 in 10 of its strokes are curves, straight where at least 7 are lines."""
    curves = _CIRCLE * len(_ROUND_SHAPE.findall(logo)) + _strokes(logo, _CURVES)
    lines = _RECTANGLE * len(_STRAIGHT_SHAPE.findall(logo)) + _strokes(logo, _LINES)
    share = curves / (curves + lines) if curves + lines else 0.5
    hand = Hand.ROUND if share >= _MOSTLY else Hand.STRAIGHT if share <= 1 - _MOSTLY else Hand.MIXED
    return Mark(hand, tuple(dict.fromkeys(_long(found.decode("ascii")) for found in _COLOUR.findall(logo))))


def _strokes(logo: bytes, arity: dict[bytes, int]) -> int:
    """How many strokes of these kinds the paths have; a letter goes on for as many as it has numbers for."""
    return sum(
        len(_NUMBER.findall(numbers)) // arity[letter.lower()]
        for letter, numbers in _steps(logo)
        if letter.lower() in arity
    )


def _steps(logo: bytes) -> Iterator[tuple[bytes, bytes]]:
    for _, path in _DRAWN.findall(logo):
        yield from _STEP.findall(path)


def _long(written: str) -> str:
    digits = written[1:].lower()
    return "#" + (digits if len(digits) == len("rrggbb") else "".join(2 * digit for digit in digits))
