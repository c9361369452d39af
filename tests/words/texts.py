"""Every text that people read on pages and in mails, and where it stands."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from reclave.pages.i18n import CATALOGS, DOMAIN
from reclave.web.refusal import plain_page
from tests.world import PORTALS

LANGUAGES = ("es", "en", "pt")
FOURTH_PORTAL = Path(__file__).parents[1] / "portals" / "cuarto.toml"
STANDALONE = (400, 408, 413, 414, 431, 503)
"""The statuses that are answered before any application runs."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text in one language; `where` is told when it is at fault."""

    language: str
    said: str
    where: str

    def __str__(self) -> str:
        return f"{self.where} ({self.language}): {self.said}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A text of the sources in every language; the forms of a plural are entries of their own."""

    said: Mapping[str, str]
    files: frozenset[str]

    @property
    def source(self) -> str:
        """The text of the sources, in English."""
        return self.said["en"]


@cache
def entries() -> tuple[Entry, ...]:
    """The catalogs, entry by entry."""
    catalogs = {language: {_forms(m.id)[0]: m for m in _messages(language)} for language in ("es", "pt")}
    found = []
    for key, message in catalogs["es"].items():
        files = frozenset(file for file, _ in message.locations)
        translated = {language: _forms(catalog[key].string) for language, catalog in catalogs.items()}
        for number, source in enumerate(_forms(message.id)):
            found.append(Entry({"en": source, **{x: forms[number] for x, forms in translated.items()}}, files))
    return tuple(found)


@cache
def all_texts() -> tuple[Text, ...]:
    """The catalogs, the portals' own texts, and the pages that stand alone."""
    return (*_catalog_texts(), *portal_texts(), *_standalone_texts())


def texts_in(language: str) -> list[Text]:
    """Those of one language."""
    return [text for text in all_texts() if text.language == language]


@cache
def portal_texts() -> tuple[Text, ...]:
    """What the portal files say in languages that they name."""
    files = [*sorted(PORTALS.glob("*.toml")), FOURTH_PORTAL]
    return tuple(text for file in files for text in _own(tomllib.loads(file.read_text("utf-8")), file.stem))


def _own(part: Any, where: str) -> Iterator[Text]:
    if isinstance(part, list):
        for number, item in enumerate(part):
            yield from _own(item, f"{where}.{number}")
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in LANGUAGES and isinstance(value, str):
                yield Text(key, value, where)
            elif where.endswith(".texts"):
                yield from (Text(key, own, f"{where}.{source}") for source, own in value.items())
            else:
                yield from _own(value, f"{where}.{key}")


def _catalog_texts() -> Iterator[Text]:
    for entry in entries():
        where = min(entry.files)
        yield from (Text(language, said, where) for language, said in entry.said.items())


def _standalone_texts() -> Iterator[Text]:
    for status in STANDALONE:
        page = Paragraphs(plain_page(status, None, None).decode())
        yield from (Text(language, said, f"refusal {status}") for language, said in page.found)


def _messages(language: str) -> Iterator[Message]:
    with (CATALOGS / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as stream:
        yield from (message for message in read_po(stream, locale=language) if message.id)


def _forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text or ""] if text is None or isinstance(text, str) else list(text)


class Paragraphs(HTMLParser):
    """What stands in the blocks of a page, with the language of each."""

    _INSIDE = frozenset({"a", "b", "i", "span"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._languages = ["en"]
        self._said = ""
        self.feed(page)
        self._end()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block; words that are marked inside of one belong to it."""
        if tag not in self._INSIDE:
            self._end()
        if tag in {"html", "p", "a"}:
            self._languages.append((dict(attrs).get("lang") or self._languages[-1])[:2])

    def handle_endtag(self, tag: str) -> None:
        """End a block, and the language that it named."""
        if tag not in self._INSIDE:
            self._end()
        if tag in {"html", "p", "a"}:
            self._languages.pop()

    def handle_data(self, data: str) -> None:
        """Take down what is said."""
        self._said += data

    def _end(self) -> None:
        said = re.sub(r"\s+", " ", self._said).strip()
        if said:
            self.found.append((self._languages[-1], said))
        self._said = ""
