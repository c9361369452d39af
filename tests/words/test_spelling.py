"""Every word of every text is in Debian's dictionary of its language, or in ours with a reason."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.servers.hunspell import DICTIONARIES, checker
from tests.words.texts import LANGUAGES, texts_in

OURS = Path(__file__).with_name("spelling.txt")
_NO_WORDS = re.compile(r"%\(\w+\)s|\S+@\S+|\S+\.example\S*|\S*\d\S*")
"""What is filled in, addresses, and what has digits."""
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")

each_language = pytest.mark.parametrize("language", LANGUAGES)


def our_words(language: str) -> set[str]:
    """Those with a reason, for one language."""
    lines = [line.split(maxsplit=2) for line in OURS.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert all(len(line) == len(("language", "word", "reason")) for line in lines)
    return {word for language_of, word, _ in lines if language_of in ("*", language)}


def words_said(language: str) -> dict[str, str]:
    """Each word that is said, with a text that says it."""
    return {word: text.said for text in texts_in(language) for word in _WORD.findall(_NO_WORDS.sub(" ", text.said))}


def unknown(language: str, words: set[str]) -> set[str]:
    """The words that the dictionary does not have."""
    command = [checker(), "-l", "-i", "utf-8", "-d", DICTIONARIES[language]]
    answer = subprocess.run(command, input="\n".join(sorted(words)), capture_output=True, text=True, check=True)
    assert not answer.stderr, answer.stderr
    return set(answer.stdout.split())


@pytest.mark.long
@each_language
def test_every_word_is_in_the_dictionary_or_has_a_reason(language: str) -> None:
    said = words_said(language)
    allowed = our_words(language)
    asked = {word for word in said if word not in allowed and word.lower() not in allowed}
    assert {word: said[word] for word in unknown(language, asked) if word in said} == {}
    assert len(asked) > 300


@pytest.mark.long
@each_language
def test_a_slip_is_found(language: str) -> None:
    slips = {"es": "contrasenia", "en": "pasword", "pt": "usuario"}
    assert unknown(language, {slips[language]}) == {slips[language]}


def test_every_word_of_ours_is_said() -> None:
    said = {language: {word.lower() for word in words_said(language)} for language in LANGUAGES}
    for line in OURS.read_text("utf-8").splitlines()[1:]:
        language, word, _ = line.split(maxsplit=2)
        places = LANGUAGES if language == "*" else (language,)
        assert any(word.lower() in said[place] for place in places), word
