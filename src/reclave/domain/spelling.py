"""Helping with names that people typed: the nearest known spelling, and one that stands twice."""

import difflib
from collections.abc import Collection, Iterable
from itertools import pairwise


def nearest(written: str, known: Iterable[str]) -> str:
    """`; did you mean …?` where a known spelling is near, else nothing."""
    near = difflib.get_close_matches(written, sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def twice(names: Collection[str]) -> str | None:
    """A name that stands twice, the first in the alphabet; None where each stands once."""
    return next((one for one, other in pairwise(sorted(names)) if one == other), None)
