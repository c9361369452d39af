"""What logs may not hold, and what stands in its place (S44).

Everything that is written goes through here: the service's own events, what libraries say, and errors, whose messages
often quote a value that somebody typed.
"""

import re
import traceback
from types import TracebackType
from typing import Any, TypeAlias

ErrorTriple: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None]

_SHAPES = (
    (re.compile(r"[^\s@<>\"'(),:;]+@[^\s@<>\"'(),:;]+"), "[address]"),
    (
        re.compile(r"\b[cdfghjkmnpqrtvwxy34679]{6}(?:-[cdfghjkmnpqrtvwxy34679]{6}){2}\b"),
        "[temporary password]",
    ),
    # Long names in the code have neither capitals nor digits; a handle is shorter than a token and has all of them.
    (re.compile(r"(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{40,}={0,2}"), "[token]"),
    (
        re.compile(r"\b(?=[A-Za-z_-]*\d)(?=[A-Za-z0-9_-]*?[A-Z])(?=[A-Za-z0-9_-]*?[a-z])[A-Za-z0-9_-]{20,}={0,2}"),
        "[token]",
    ),
    (re.compile(r"(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{0,4}|[0-9A-Fa-f]{3,4}::[0-9A-Fa-f]*"), "[network]"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "[network]"),
    # Numbers of documents may begin with letters (AB123456) and end with one (12345678K).
    (re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{0,3}\d(?:[.\s/-]?\d){5,}[A-Za-z]?|\d(?:[.\s-]?\d){5,}"), "[number]"),
)
# None of them fits a word without digits that is shorter than a token.
_HARMLESS = re.compile(r"[A-Za-z_]{0,39}")
_LARGEST_NUMBER = 99_999
# From the first quote of a line to its last: an apostrophe among them would else turn inside and outside round.
_QUOTED = re.compile(r"['\"].*['\"]")
_VALUES_OF_THE_DATABASE = re.compile(r"^\s*(?:DETAIL|CONTEXT|HINT|\[parameters)\b.*$", re.MULTILINE)
_ABOUT_CODE = (AttributeError, ImportError, NameError, TypeError)
"""Errors whose messages quote names in the code."""


def masked(text: str) -> str:
    """A text with addresses, secrets and long numbers replaced by what they are."""
    if _HARMLESS.fullmatch(text):
        return text
    for shape, name in _SHAPES:
        text = shape.sub(name, text)
    return text


def masked_deep(value: Any) -> Any:
    """The same for what lists and tables hold; what is no text, number or the like is only named by its type."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
        return "[number]"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {masked(str(key)): masked_deep(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [masked_deep(each) for each in value]
    return f"[{type(value).__name__}]"


def told(exc_info: ErrorTriple) -> str:
    """An error as the log tells it: its causes, where it came from, its kind, its message without what it quotes."""
    return masked("\n".join(_lines(exc_info[1], set())))


def _lines(error: BaseException, seen: set[int]) -> list[str]:
    if id(error) in seen:
        return []
    seen.add(id(error))
    lines: list[str] = []
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        lines += [*_lines(before, seen), "which led to:"]
    frames = traceback.extract_tb(error.__traceback__)
    lines += [line for frame in traceback.format_list(frames) for line in frame.rstrip("\n").split("\n")]
    lines.append(f"{type(error).__name__}: {_message(error)}")
    lines += [f"note: {note}" for note in getattr(error, "__notes__", ())]
    if isinstance(error, BaseExceptionGroup):
        for number, each in enumerate(error.exceptions, 1):
            lines += [f"{number} of {len(error.exceptions)}:", *_lines(each, seen)]
    return lines


def _message(error: BaseException) -> str:
    said = _VALUES_OF_THE_DATABASE.sub("", str(error)).strip()
    return said if isinstance(error, _ABOUT_CODE) else _QUOTED.sub("'...'", said)
