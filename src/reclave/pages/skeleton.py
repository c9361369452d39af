"""A template rendered once for every shape of what it says; from then on only the values are filled in.

A shape is how many values there are, of which kinds, and which of them are empty. A template may choose by these and by
booleans, and may print values; it sees marks instead of them.
"""

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import escape

from reclave.domain.time import Instant

_MARK = re.compile("\ue000([0-9]+)\ue001")  # of Unicode's private use: no text has them, no escaping touches them


@dataclass(frozen=True, slots=True)
class Skeleton:
    """Text with gaps: `parts` is text and the number of a value in turn, beginning and ending with text."""

    parts: tuple[str, ...]
    markup: bool

    def filled(self, values: list[str]) -> str:
        """The whole text; values are escaped where it is markup."""
        parts = list(self.parts)
        for at in range(1, len(parts), 2):
            value = values[int(parts[at])]
            parts[at] = str(escape(value)) if self.markup else value
        return "".join(parts)


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


def skeleton_of(rendered: str, *, markup: bool) -> Skeleton:
    """What a template made of a marked context."""
    return Skeleton(tuple(_MARK.split(rendered)), markup)


def _as_it_is(mark: str) -> str:
    return mark
