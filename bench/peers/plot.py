"""The plot of a run: for each system a bar of what it accepts and one of what it sees through, as SVG."""

import math
from collections.abc import Iterable, Sequence
from html import escape

from bench.peers.page import COMPLETE, LIMIT, OURS, rates, shown
from bench.peers.peer import Kind
from bench.peers.trial import Trial

_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 960, 250, 90, 96, 52, 16
_LOOK = 'font-family="system-ui, sans-serif" font-size="15" role="img" aria-labelledby="t d"'
_SERIES = (
    (Kind.KNOWN, "requests accepted a second, known accounts", "#0b5d4f"),
    (COMPLETE, COMPLETE + " a second", "#c47f17"),
)


def plot(trials: Iterable[Trial]) -> str:
    """The picture. The scale is logarithmic: the systems are three orders of magnitude apart."""
    found = rates(trials)
    names = sorted(
        {name for kind, _, _ in _SERIES for name in found[kind]} - {LIMIT},
        key=lambda name: (name != OURS, -found[Kind.KNOWN].get(name, 0)),
    )
    most = max((rate for kind, _, _ in _SERIES for rate in found[kind].values()), default=1)
    decades = max(1, math.ceil(math.log10(most)))
    height = _TOP + _ROW * len(names) + 40
    said = "; ".join(
        f"{name}: "
        + ", ".join(f"{shown(found[kind][name])} {title}" for kind, title, _ in _SERIES if name in found[kind])
        for name in names
    )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {_LOOK}>',
            '<title id="t">Reclave beside its peers</title>',
            f'<desc id="d">{escape(said)}</desc>',
            f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
            '<g fill="#15191b">',
            '<text x="24" y="32" font-size="18" font-weight="700">Reclave beside its peers (logarithmic scale)</text>',
            *_legend(),
            *_grid(decades, height),
            *(line for number, name in enumerate(names) for line in _bars(number, name, found, decades)),
            "</g>",
            "</svg>\n",
        ]
    )


def _x(value: float, decades: int) -> float:
    share = math.log10(max(value, 1)) / decades
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _legend() -> Sequence[str]:
    return [
        f'<rect x="{24 + 400 * number}" y="48" width="14" height="14" fill="{colour}"/>'
        f'<text x="{46 + 400 * number}" y="60">{title}</text>'
        for number, (_, title, colour) in enumerate(_SERIES)
    ]


def _grid(decades: int, height: int) -> Iterable[str]:
    for decade in range(decades + 1):
        x = _x(10**decade, decades)
        yield f'<path d="M{x:.0f} {_TOP - 10}V{height - 34}" stroke="#d5dadd"/>'
        yield f'<text x="{x:.0f}" y="{height - 14}" text-anchor="middle" font-size="13">{10**decade:,}</text>'


def _bars(number: int, name: str, found: dict[str, dict[str, float]], decades: int) -> Iterable[str]:
    top = _TOP + _ROW * number
    weight = ' font-weight="700"' if name == OURS else ""
    yield f'<text x="{_LEFT - 12}" y="{top + _BAR + 6}" text-anchor="end"{weight}>{escape(name)}</text>'
    for place, (kind, _, colour) in enumerate(_SERIES):
        if (rate := found[kind].get(name)) is not None:
            y, end = top + place * (_BAR + 2), _x(rate, decades)
            yield f'<rect x="{_LEFT}" y="{y}" width="{max(end - _LEFT, 1):.1f}" height="{_BAR}" fill="{colour}"/>'
            yield f'<text x="{end + 6:.0f}" y="{y + _BAR - 3}" font-size="13">{shown(rate)}</text>'
