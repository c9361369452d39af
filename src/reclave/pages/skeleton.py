"""A template rendered once for every shape of what it says; from then on only the values are filled in.

Lines without a value are written once, as the bytes that a mail takes. A shape is how many values there are, of which
kinds, and which of them are empty. A template may choose by these and by booleans, and may print values; it sees marks
instead of them.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

from markupsafe import escape

from reclave.domain.time import Instant

_MARK = re.compile("\ue000([0-9]+)\ue001")  # of Unicode's private use: no text has them, no escaping touches them
_LINE = re.compile(r"[^\n]*\n|[^\n]+")

Parts: TypeAlias = tuple[str, ...]
"""Text and the number of a value in turn, beginning and ending with text."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Text with gaps: whole lines without one, written already, and those with a gap."""

    lines: tuple[bytes | Parts, ...]
    markup: bool
    write: Callable[[str], bytes]

    def filled(self, values: list[str]) -> bytes:
        """The whole text, written; values are escaped where it is markup."""
        return b"".join(
            each if isinstance(each, bytes) else self.write(self._with_values(each, values)) for each in self.lines
        )

    def _with_values(self, parts: Parts, values: list[str]) -> str:
        filled = list(parts)
        for at in range(1, len(parts), 2):
            value = values[int(parts[at])]
            filled[at] = str(escape(value)) if self.markup else value
        return "".join(filled)


class Marked:
    """A template's context with a mark in the place of every text and instant; booleans and objects stay.

    `values` are the texts, and the instants as `time` writes them, in the order of their marks.
    """

    def __init__(self, context: Mapping[str, Any], time: Callable[[Instant], str]) -> None:
        self._time = time
        self.values: list[str] = []
        marked = {name: self._mark(value) for name, value in context.items()}
        self.shape: Hashable = tuple(marked.items())
        self.context: Mapping[str, Any] = {**marked, "time": _as_it_is}

    def _mark(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return tuple(self._mark(each) for each in value)
        if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
            return value
        self.values.append(value if isinstance(value, str) else self._time(value))
        return f"\ue000{len(self.values) - 1}\ue001"


def skeleton_of(rendered: str, *, markup: bool, write: Callable[[str], bytes] = str.encode) -> Skeleton:
    """What a template made of a marked context; `write` writes any number of its lines as it writes them together."""
    runs = groupby(_LINE.findall(rendered), key=lambda line: _MARK.search(line) is not None)
    texts = ((gaps, "".join(lines)) for gaps, lines in runs)
    lines = (tuple(_MARK.split(text)) if gaps else write(text) for gaps, text in texts)
    return Skeleton(tuple(lines), markup, write)


def _as_it_is(mark: str) -> str:
    return mark
