"""Plain language in three languages: every text of pages, mails and portal files under every rule."""

import pytest

from reclave.pages.i18n import WORDS, translator
from reclave.pages.words import ERROR_PAGES, FIELD_MESSAGES, NOTICES
from tests.words import rules
from tests.words.texts import LANGUAGES, Text, all_texts, entries, portal_texts, texts_in

AS_IN_THE_GUIDES = (
    "Si es la primera vez que ingresa, escriba como usuario el NIT de la empresa",
    "If this is your first time here, sign in with the company's NIT",
    "Se é a primeira vez que você entra, digite como usuário o NIT da empresa",
)
"""P2's sentence is the guide's, and longer than ours."""

RULES_OF_PASSWORDS = "src/reclave/web/details.py"
"""What stands beside a field before anything is wrong."""

each_language = pytest.mark.parametrize("language", LANGUAGES)


def at_fault(found: dict[Text, list[str]]) -> list[str]:
    """What a failing test shows: the texts, and what is wrong with each."""
    return [f"{text} <- {', '.join(wrong)}" for text, wrong in found.items() if wrong]


def test_the_texts_are_all_here() -> None:
    assert len(entries()) > 330
    assert len(portal_texts()) > 60
    assert {text.where.partition(" ")[0] for text in all_texts()} >= {"refusal"}
    assert all(len(texts_in(language)) > 350 for language in LANGUAGES)


@each_language
def test_no_text_is_missing(language: str) -> None:
    assert [entry.source for entry in entries() if not entry.said[language].strip()] == []


@each_language
def test_no_sentence_is_longer_than_twenty_words(language: str) -> None:
    long = {text: rules.long_sentences(text.said) for text in texts_in(language)}
    assert at_fault({text: wrong for text, wrong in long.items() if not text.said.startswith(AS_IN_THE_GUIDES)}) == []


@pytest.mark.req("B1")
@each_language
def test_the_reader_is_usted_and_in_portuguese_voce(language: str) -> None:
    assert at_fault({text: rules.familiar_forms(language, text.said) for text in texts_in(language)}) == []


@each_language
def test_nothing_is_called_invalid_and_no_error_is_a_number(language: str) -> None:
    assert at_fault({text: rules.blame_and_codes(text.said) for text in texts_in(language)}) == []


@each_language
def test_no_word_is_an_offices_or_a_programmers(language: str) -> None:
    assert at_fault({text: rules.jargon(language, text.said) for text in texts_in(language)}) == []


@each_language
def test_one_thing_has_one_name(language: str) -> None:
    own = {text: rules.second_names(language, text.said) for text in texts_in(language) if text not in portal_texts()}
    assert at_fault(own) == []


@each_language
def test_a_text_is_well_formed(language: str) -> None:
    assert at_fault({text: list(rules.faults_of_form(language, text.said)) for text in texts_in(language)}) == []


@pytest.mark.parametrize("language", ["es", "pt"])
def test_a_translation_has_the_values_numbers_end_and_capital_of_its_source(language: str) -> None:
    found = {entry.source: list(rules.differences(entry.source, entry.said[language])) for entry in entries()}
    assert {source: wrong for source, wrong in found.items() if wrong} == {}


@each_language
def test_a_refusal_says_what_happened_and_what_to_do_next(language: str) -> None:
    words = translator(language, {})
    at_fields = {code: words.gettext(text) for code, text in FIELD_MESSAGES.items()}
    assert [said for said in at_fields.values() if not rules.has_next_step(language, said)] == []
    silent = [said for said in at_fields.values() if not rules.says_what_happened(language, said)]
    missing = [said for code, said in at_fields.items() if code.endswith(("_missing", "_not_ticked"))]
    assert [said for said in silent if said not in missing] == []  # of an empty field, what to do says what happened
    pages = {title: words.gettext(text) for title, text in ERROR_PAGES.values()}
    notices = {code: words.gettext(text) for code, (_, text) in NOTICES.items()}
    assert [said for said in (pages | notices).values() if not rules.has_next_step(language, said)] == []


@each_language
def test_an_alert_says_what_to_do_next(language: str) -> None:
    alerts = [
        entry.said[language]
        for entry in entries()
        if entry.source.endswith(".")
        and any(file.startswith("src/reclave/web/") and file.endswith(".py") for file in entry.files)
        and RULES_OF_PASSWORDS not in entry.files
    ]
    assert len(alerts) >= 10
    assert [said for said in alerts if not rules.has_next_step(language, said)] == []


@pytest.mark.req("B7")
@pytest.mark.parametrize("language", ["es", "en", "pt"])
def test_a_portals_word_stands_wherever_the_catalog_says_another(language: str) -> None:
    own = {"password": "aa", "passwords": "bb", "user name": "cc", "user names": "dd"}
    assert own.keys() == WORDS.keys()
    words = translator(language, own)
    for entry in entries():
        said = words.gettext(entry.source).lower()
        assert [word for word in WORDS.values() if word[language] in said] == [], said
