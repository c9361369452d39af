"""What makes a text plain: each rule names what is wrong with a text, or nothing."""

import re
from collections.abc import Iterator

from tests.words.vocabulary import FAMILIAR, JARGON, NEXT_STEP, ONE_WORD

LONGEST_SENTENCE = 20
WORDS_IN_A_VALUE = {"time": 9, "portal": 4, "span": 4, "wait": 4}
"""What is filled in may be several words: «22 de noviembre de 2026, 14:05 (hora de Colombia)»."""
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_SENTENCE_END = re.compile(r"(?<=[.:?!])\s+")

_CODES = re.compile(r"\b(?:error|erro|código|code|status|HTTP)\s*\d{3}\b|^\d{3}$|\bHTTP\b", re.IGNORECASE)
_INVALID = re.compile(r"\binv[aá]lid", re.IGNORECASE)


def long_sentences(said: str) -> list[str]:
    """The sentences of more than twenty words; a value counts as the words that it may be."""
    return [sentence for sentence in _SENTENCE_END.split(said) if _length(sentence) > LONGEST_SENTENCE]


def _length(sentence: str) -> int:
    more = sum(WORDS_IN_A_VALUE.get(name, 1) - 1 for name in _PLACEHOLDER.findall(sentence))
    return len(sentence.split()) + more


def familiar_forms(language: str, said: str) -> list[str]:
    """What addresses the reader as a friend."""
    return [found.group() for form in FAMILIAR[language] for found in re.finditer(form, said, re.IGNORECASE)]


def blame_and_codes(said: str) -> list[str]:
    """«Inválido», and the numbers that programs give to errors."""
    return [found.group() for form in (_INVALID, _CODES) for found in form.finditer(said)]


def jargon(language: str, said: str) -> list[str]:
    """Words of offices, and what to write instead."""
    return [
        f"{word}: {plain}" for word, plain in JARGON[language].items() if re.search(rf"\b{word}", said, re.IGNORECASE)
    ]


def second_names(language: str, said: str) -> list[str]:
    """Other words for what has a name already."""
    return [f"{found.group()}: {name}" for form, name in ONE_WORD[language].items() if (found := re.search(form, said))]


def has_next_step(language: str, said: str) -> bool:
    """Whether a message tells what the reader can do."""
    return re.search(NEXT_STEP[language], said, re.IGNORECASE) is not None


def says_what_happened(language: str, said: str) -> bool:
    """Whether a message has a sentence besides what to do, or says in its own what is wanting."""
    sentences = _SENTENCE_END.split(said)
    return len(sentences) > 1 or not has_next_step(language, said)


def faults_of_form(language: str, said: str) -> Iterator[str]:
    """Spaces, pairs of ¿ and ¡, and the quotation marks of the language."""
    if said != said.strip() or "  " in said:
        yield "a space too many"
    for opening, closing in (("¿", "?"), ("¡", "!")):
        if language == "es" and said.count(opening) != said.count(closing):
            yield f"{opening} without {closing}"
        if language != "es" and opening in said:
            yield f"{opening} is Spanish"
    ours, others = ("«»", "“”") if language == "es" else ("“”", "«»")
    if any(mark in said for mark in others + '"'):
        yield f"quotation marks other than {ours}"
    if said.count(ours[0]) != said.count(ours[1]):
        yield "a quotation that does not end"
    if re.search(r"\s[,.;:!?»”]|\.\.\.|,,|\.\.", said.replace("@.", "")):
        yield "a space before a sign, or a sign twice"


def differences(one: str, other: str) -> Iterator[str]:
    """What two languages of a text must have in common: its values, its numbers, its end, its capital."""
    if sorted(_PLACEHOLDER.findall(one)) != sorted(_PLACEHOLDER.findall(other)):
        yield "values"
    if "%" in _PLACEHOLDER.sub("", other):
        yield "a % of its own"
    if sorted(re.findall(r"\d+", one)) != sorted(re.findall(r"\d+", other)):
        yield "numbers"
    if _end(one) != _end(other):
        yield "the sign at the end"
    if _capital(one) != _capital(other):
        yield "the capital at the beginning"


def _end(said: str) -> str:
    last = said[-1:]
    return "" if last not in ".:,?!" else ":" if last in ",:" else last  # «Cordial saludo:» is a letter's "Hello,"


def _capital(said: str) -> bool | None:
    first = said.lstrip("¿¡«“").lstrip()[:1]
    return first.isupper() if first.isalpha() else None
