"""The ids that tests may claim to prove: the guides' statements, security requirements, invariants."""

from collections.abc import Iterable


def _ids(letter: str, count: int) -> frozenset[str]:
    return frozenset(f"{letter}{number}" for number in range(1, count + 1))


STATEMENTS = _ids("P", 10) | _ids("A", 13) | _ids("C", 11) | _ids("B", 11)
REQUIREMENTS = STATEMENTS | _ids("S", 51) | _ids("I", 8)

KNOWN = {"statement": STATEMENTS, "req": REQUIREMENTS}
"""The ids that each marker takes."""


def unknown_ids(marker: str, ids: Iterable[object]) -> list[str]:
    """Those of `ids` that the marker `marker` does not take."""
    return [str(one) for one in ids if one not in KNOWN[marker]]
