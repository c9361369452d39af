"""What of a password somebody else would guess: common words, names, rows of keys, dates.

The lists beside this module are read once, as resources of the package. Texts are compared *folded*:
without case, accents and long repetitions; digits and signs that stand for letters («p@ssw0rd») count as
both.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import NamedTuple, TypeAlias

MAX_FOLDED = 512
"""Folded characters that are looked at: more than any password has, except one of ligatures."""

_LISTS = ("es.txt", "pt.txt", "en.txt", "names.txt")
_FILLERS = "fillers.txt"
_SHORTEST_WORD = 3
_SHORTEST_FILLER = 2
_SHORTEST_WORD_WITH_SIGNS = 6

# Tables, which the formatter leaves alone. Signs and digits read as letters: a sign may also be skipped inside a
# word («con-tra-seña»).
_LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "il", "|": "il", "+": "t", "€": "e", "¡": "i", "(": "c", "&": "y",
}  # fmt: skip

# A table too. ñ folds to n, so a row is written with n where the Spanish keyboard has ñ.
_ROWS = (
    "01234567890", "qwertyuiop", "asdfghjklñ", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz",
    "abcdefghijklmnñopqrstuvwxyz", "aeiou", "qwertyuiopasdfghjklzxcvbnm", "qwertyuiopasdfghjklñzxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp", "zaq1xsw2cde3vfr4bgt5nhy6mju7", "a1b2c3d4e5f6g7h8", "1a2b3c4d5e6f7g8h",
    "147258369", "741852963", "963852741", "159357", "789456123", "13579", "24681012", "1122334455667788990",
    "121212", "123123", "!\"#$%&/()=?", "!\"·$%&/()=?¿", "!@#$%^&*()_+", "!@#$%¨&*()",
)  # fmt: skip
_SHORTEST_RUN = 3
_SHORTEST_RUN_WITH_LETTERS = 4

_YEAR = re.compile(r"19[3-9][0-9]|20[0-4][0-9]")
_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DATE = re.compile(rf"(?:{_DAY}{_MONTH}|{_MONTH}{_DAY})(?:{_YEAR.pattern})|(?:{_YEAR.pattern}){_MONTH}{_DAY}")

# Two fillers cost more than one word, so that «amor» is not read as am + or.
_COST_UNKNOWN = 1000
_COST_WORD = 80
_COST_SHORT_WORD = 60
_COST_FILLER = 45
_COST_RUN = 10
_COST_DIGIT = 7
_COST_CONTEXT = 5
_COST_SIGN = 3
LONG_WORD = 4
"""Letters from which a word counts whole."""


class Kind(StrEnum):
    """What a piece of a password is."""

    COMMON = "common"
    CONTEXT = "context"
    FILLER = "filler"
    SEQUENCE = "sequence"
    DATE = "date"
    DIGIT = "digit"
    SIGN = "sign"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the folded text; `word` is the list's spelling of it, empty for what is in no list."""

    kind: Kind
    text: str = field(repr=False)
    word: str = field(default="", repr=False)


@dataclass(slots=True)
class Trie:
    """Words by their folded letters."""

    children: dict[str, "Trie"] = field(default_factory=dict)
    kind: Kind | None = None
    word: str = ""

    def add(self, word: str, kind: Kind, shown: str = "") -> None:
        """Add one word, with the spelling to show; the first one of a folded form stays."""
        node = self
        for letter in fold(word):
            node = node.children.setdefault(letter, Trie())
        if node.kind is None:
            node.kind, node.word = kind, shown or word


class _Reached(NamedTuple):
    """The cheapest way to a place in a text: its cost, and the last piece with where that starts."""

    cost: int
    start: int
    kind: Kind
    word: str


_Step: TypeAlias = tuple[int, int, Kind, str]
"""Where a piece ends, its cost, its kind, the list's spelling."""


def fold(text: str) -> str:
    """Fold a text for comparison: compatibility forms, no marks, no case, three equal characters as one."""
    decomposed = unicodedata.normalize("NFKD", text[:MAX_FOLDED])
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return re.sub(r"(.)\1{2,}", r"\1", plain, flags=re.DOTALL)[:MAX_FOLDED]


def letters_and_digits(text: str) -> str:
    """Keep what is left of a text without signs and spaces."""
    return "".join(character for character in text if character.isalnum())


@cache
def common_words() -> Trie:
    """Every list, read and indexed once in the life of the process."""
    trie = Trie()
    for word in _read(_FILLERS, _SHORTEST_FILLER):
        trie.add(word, Kind.FILLER)
    for name in _LISTS:
        for word in _read(name, _SHORTEST_WORD):
            trie.add(word, Kind.COMMON)
    return trie


def context_words(words: Mapping[str, str]) -> Trie:
    """Index the words of one portal and person, each with the spelling to show."""
    trie = Trie()
    for word, shown in words.items():
        trie.add(word, Kind.CONTEXT, shown)
    return trie


def segment(folded: str, *tries: Trie) -> list[Piece]:
    """Split a folded text into the pieces that explain most of it, in order (dynamic programming, linear)."""
    best = [_Reached(0, 0, Kind.UNKNOWN, "")]
    best += [_Reached(_COST_UNKNOWN * (MAX_FOLDED + 1), 0, Kind.UNKNOWN, "")] * len(folded)
    for start in range(len(folded)):
        so_far = best[start].cost
        for end, cost, kind, word in _steps_from(folded, start, tries):
            if so_far + cost < best[end].cost:
                best[end] = _Reached(so_far + cost, start, kind, word)
    pieces: list[Piece] = []
    at = len(folded)
    while at:
        reached = best[at]
        pieces.append(Piece(reached.kind, folded[reached.start : at], reached.word))
        at = reached.start
    return pieces[::-1]


def _read(name: str, shortest: int) -> Iterator[str]:
    text = resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            yield from (word for word in line.split() if len(fold(word)) >= shortest)


def _steps_from(text: str, start: int, tries: tuple[Trie, ...]) -> Iterator[_Step]:
    character = text[start]
    if character.isdigit():
        yield start + 1, _COST_DIGIT, Kind.DIGIT, ""
        for pattern in (_DATE, _YEAR):
            if found := pattern.match(text, start):
                yield found.end(), _COST_RUN, Kind.DATE, ""
    elif character.isalpha():
        yield start + 1, _COST_UNKNOWN, Kind.UNKNOWN, ""
    else:
        yield start + 1, _COST_SIGN, Kind.SIGN, ""
    for end in _ends_of_runs(text, start):
        yield end, _COST_RUN, Kind.SEQUENCE, ""
    for trie in tries:
        yield from _words_at(text, start, trie)


def _words_at(text: str, start: int, trie: Trie) -> Iterator[_Step]:
    reached = {(start, False): [trie]}
    while reached:
        (at, skipped), nodes = reached.popitem()
        for node in nodes:
            if node.kind is not None and not skipped and _reads_as(text[start:at], node.word):
                yield at, _cost(node.kind, node.word), node.kind, node.word
        if at == len(text):
            continue
        character = text[at]
        letters = character + _LEET.get(character, "")
        if below := [node.children[letter] for node in nodes for letter in letters if letter in node.children]:
            _reach(reached, (at + 1, False), below)
        # One sign in a row, so that a walk is never longer than twice the longest word. A space ends a word.
        if at > start and not skipped and (text[at - 1].isdigit() if character == " " else not character.isalnum()):
            _reach(reached, (at + 1, True), nodes)


def _reads_as(text: str, word: str) -> bool:
    """Whether a word is really there: random passwords hold short ones, if signs are read as letters."""
    if word.isdigit() or text.isalpha():
        return True
    if len(word) < LONG_WORD or (len(text) != len(word) and len(word) < _SHORTEST_WORD_WITH_SIGNS):
        return False
    return sum(character.isalpha() for character in text) * 2 >= sum(letter.isalpha() for letter in word)


def _reach(reached: dict[tuple[int, bool], list[Trie]], place: tuple[int, bool], nodes: list[Trie]) -> None:
    known = reached.setdefault(place, [])
    known += [node for node in nodes if not any(node is other for other in known)]


def _cost(kind: Kind, word: str) -> int:
    if kind is Kind.CONTEXT:
        return _COST_CONTEXT
    if kind is Kind.FILLER:
        return _COST_FILLER
    return _COST_WORD if len(word) >= LONG_WORD else _COST_SHORT_WORD


def _ends_of_runs(text: str, start: int) -> Iterator[int]:
    for row in _runs().get(text[start : start + _SHORTEST_RUN], ()):
        end = start + _SHORTEST_RUN
        while end < len(text) and text[start : end + 1] in row:
            end += 1
        shortest = _SHORTEST_RUN if text[start:end].isdigit() else _SHORTEST_RUN_WITH_LETTERS
        yield from range(start + shortest, end + 1)


@cache
def _runs() -> dict[str, list[str]]:
    """Rows of keys in both directions, by each three neighbours in them."""
    found: dict[str, list[str]] = {}
    for row in map(fold, _ROWS):
        for way in (row, row[::-1]):
            for at in range(len(way) - _SHORTEST_RUN + 1):
                found.setdefault(way[at : at + _SHORTEST_RUN], []).append(way)
    return found
