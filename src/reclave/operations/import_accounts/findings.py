"""What an import has to say of single rows, without the values: refused, kept, listed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from reclave.domain.addresses import mask_address
from reclave.domain.portal import EMAIL

_SHOWN = 2
_HIDDEN = "•••"
_SECRET = frozenset({"initial_password", "password_hash"})


class Outcome(StrEnum):
    """What became of a row, or what is noted of it."""

    REFUSED = "refused"
    KEPT = "kept"
    ENDED = "ended"
    SHARED_ADDRESS = "shared_address"


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark about one cell: its line and column, its value masked, and why."""

    line: int
    column: str
    value: str
    outcome: Outcome
    reason: str


def masked(column: str, written: str) -> str:
    """What of a cell may be shown: two characters, an address's shape, nothing of a secret."""
    if not written:
        return ""
    if column in _SECRET:
        return _HIDDEN
    if column == EMAIL or "@" in written:
        return mask_address(written)
    shown = "".join(letter for letter in written[:_SHOWN] if letter.isprintable())
    return shown + _HIDDEN if len(written) > _SHOWN else _HIDDEN


def said(code: str, detail: Mapping[str, str | int]) -> str:
    """A stable code in words, with the numbers that help: `user name too short (minimum 3, got 2)`."""
    numbers = [f"{name} {value}" for name, value in detail.items() if isinstance(value, int)]
    return code.replace("_", " ") + (f" ({', '.join(numbers)})" if numbers else "")
