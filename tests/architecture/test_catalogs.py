"""The translations: whole, in step with the code, true to each placeholder. English is the source."""

import re
import subprocess
import sys
import zipfile
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from hatch_build import compile_catalogs
from tests.servers import ROOT

LOCALES = ROOT / "src" / "reclave" / "pages" / "locale"
LANGUAGES = ("es", "pt")
PLACEHOLDER = re.compile(r"%\(\w+\)[sdif]|\{\w*\}|<[^>]+>")
"""What a translation must carry over: a value to fill in (both styles), a mark-up tag."""


def catalog(language: str) -> Catalog:
    """The committed translations into one language."""
    with (LOCALES / language / "LC_MESSAGES" / "reclave.po").open("rb") as stream:
        return read_po(stream, locale=language, abort_invalid=True)


def messages(of: Catalog) -> list[Message]:
    """All messages but the header."""
    found = [message for message in of if message.id]
    assert found, "a catalog without messages"
    return found


def forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    """The singular, and the plurals where there are any; an empty one for a text not yet translated."""
    return [text or ""] if text is None or isinstance(text, str) else list(text)


def key(message: Message) -> tuple[str, str | None]:
    """What tells two messages of a catalog apart."""
    return forms(message.id)[0], message.context


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """What `make catalogs` would extract from the code and the templates of today."""
    template = tmp_path_factory.mktemp("catalogs") / "reclave.pot"
    command = ["babel.messages.frontend", "--quiet", "extract", "--mapping", "pyproject.toml"]
    subprocess.run([sys.executable, "-m", *command, "--output", str(template), "src/reclave"], cwd=ROOT, check=True)
    with template.open("rb") as stream:
        return read_po(stream)


@pytest.mark.req("B1")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_none_is_a_guess(language: str) -> None:
    wanting = [
        message.id
        for message in messages(catalog(language))
        if message.fuzzy or not all(form.strip() for form in forms(message.string))
    ]
    assert wanting == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalog_holds_the_texts_of_the_code_and_no_others(language: str, extracted: Catalog) -> None:
    in_code = {key(message) for message in messages(extracted)}
    in_catalog = {key(message) for message in messages(catalog(language))}
    assert (in_code - in_catalog, in_catalog - in_code) == (set(), set()), "run make catalogs, and translate"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_translation_carries_over_the_placeholders(language: str) -> None:
    different = [
        (message.id, form)
        for message in messages(catalog(language))
        for form in forms(message.string)
        if set(PLACEHOLDER.findall(form)) not in [set(PLACEHOLDER.findall(source)) for source in forms(message.id)]
    ]
    assert different == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalog_answers_with_the_translation(language: str, tmp_path: Path) -> None:
    source = LOCALES / language / "LC_MESSAGES" / "reclave.po"
    copy = tmp_path / source.relative_to(ROOT)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(source.read_bytes())
    (compiled,) = compile_catalogs(tmp_path)
    with compiled.open("rb") as stream:
        translations = GNUTranslations(stream)
    singular = {forms(m.id)[0]: m.string for m in messages(catalog(language)) if isinstance(m.id, str)}
    text = next(iter(singular))
    assert translations.gettext(text) == singular[text]


def test_the_wheel_carries_the_compiled_catalogs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("reclave-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    compiled = {f"reclave/pages/locale/{language}/LC_MESSAGES/reclave.mo" for language in LANGUAGES}
    assert compiled <= names
