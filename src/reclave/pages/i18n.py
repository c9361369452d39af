"""The languages of pages and mails: catalogs with a portal's own words, times, spans, the reader's choice.

English is the language of the sources; the other catalogs lie in `locale/` and are compiled at install.
"""

import difflib
import gettext
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from math import inf
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from reclave.domain.opening_hours import OpeningHours
from reclave.domain.time import SECOND, Instant, Span

CATALOGS = Path(__file__).with_name("locale")
DOMAIN = "reclave"
SOURCE_LANGUAGE = "en"

_LOCALES = {"es": "es", "en": "en_GB", "pt": "pt_BR"}
_TIME = {"es": "d 'de' MMMM 'de' y, HH:mm", "en": "d MMMM y, HH:mm", "pt": "d 'de' MMMM 'de' y, HH:mm"}
_UNITS: Sequence[tuple[Literal["day", "hour", "minute", "second"], int]] = (
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_RANGE = re.compile(r"(\*|[a-z]{1,8}(?:-[a-z0-9]{1,8})*)(?:;q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?", re.IGNORECASE)
_RANGES_READ = 40
_REMEMBERED = 200  # characters; browsers send fewer


WORDS: Mapping[str, Mapping[str, str]] = {
    "passwords": {"es": "contraseñas", "en": "passwords", "pt": "senhas"},
    "password": {"es": "contraseña", "en": "password", "pt": "senha"},
    "user names": {"es": "nombres de usuario", "en": "user names", "pt": "nomes de usuário"},
    "user name": {"es": "nombre de usuario", "en": "user name", "pt": "nome de usuário"},
}
"""Words that a portal may replace wherever they stand, by the key of its file and the catalogs' word."""


class Translator:
    """The words of one portal in one language; its own words win over the catalog.

    `overrides` maps English source strings to the portal's wording, and keys of `WORDS` to the portal's word, which
    must have the same gender; where it gives no plural, that is the word and s. Raises ValueError for one that would
    not render: its placeholders differ from its source's, or it carries markup. Raises FileNotFoundError if the
    language's catalog was not compiled.
    """

    def __init__(self, language: str, overrides: Mapping[str, str]) -> None:
        for source, own in overrides.items():
            _check_override(source, own)
        self.language = language
        self._overrides = dict(overrides)
        plurals = {f"{key}s": f"{own}s" for key, own in overrides.items() if key in WORDS}
        own_words = {**plurals, **overrides}
        self._words = [(said[language], own_words[key]) for key, said in WORDS.items() if key in own_words]
        self._catalog = _catalog(language)

    def gettext(self, message: str) -> str:
        """The wording of `message`, or `message` itself where there is none."""
        return self._overrides.get(message) or self._worded(self._catalog.gettext(message))

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """The wording for `number` things, by the language's plural rule."""
        own = self._overrides.get(singular if number == 1 else plural)
        return own or self._worded(self._catalog.ngettext(singular, plural, number))

    def own(self, text: str) -> str:
        """A text of the portal file itself, such as its motto: as `overrides` has it, else as it is."""
        return self._overrides.get(text, text)

    def _worded(self, text: str) -> str:
        for word, own in self._words:
            text = re.sub(rf"\b{word}\b", own, text)
            text = re.sub(rf"\b{_capitalised(word)}\b", _capitalised(own), text)
        return text


_translators: dict[tuple[str, frozenset[tuple[str, str]]], Translator] = {}


def translator(language: str, overrides: Mapping[str, str]) -> Translator:
    """The `Translator` for these words, made once. Raises as `Translator` does."""
    key = (language, frozenset(overrides.items()))
    if key not in _translators:
        _translators[key] = Translator(language, overrides)
    return _translators[key]


def format_time(instant: Instant, language: str, zone: ZoneInfo) -> str:
    """Date, time (24 hours) and the zone's name: «22 de noviembre de 2026, 14:05 (hora de Colombia)»."""
    from babel.dates import format_datetime

    local = (_EPOCH + timedelta(microseconds=instant)).astimezone(zone)
    written = format_datetime(local, _TIME[language], locale=_LOCALES[language])
    return f"{written} ({_zone_name(local, language, zone)})"


def format_clock(instant: Instant, language: str, zone: ZoneInfo) -> str:
    """Time of day and the zone's name, for what is less than a day away: «14:05 (hora de Colombia)»."""
    local = (_EPOCH + timedelta(microseconds=instant)).astimezone(zone)
    return f"{local:%H:%M} ({_zone_name(local, language, zone)})"


def format_day(day: date, language: str) -> str:
    """A day: «22 de noviembre de 2026»."""
    from babel.dates import format_date

    return format_date(day, _TIME[language].partition(",")[0], locale=_LOCALES[language])


_DAYS = {
    "es": ("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "pt": ("seg", "ter", "qua", "qui", "sex", "sáb", "dom"),
}


def format_hours(hours: OpeningHours, language: str) -> str:
    """Opening hours: «lun-vie 07:00-19:00, sáb 08:00-12:00»."""
    days = _DAYS[language]
    return ", ".join(
        f"{days[one.first_day]}{f'-{days[one.last_day]}' if one.last_day > one.first_day else ''} "
        f"{_clock(one.opens)}-{_clock(one.closes)}"
        for one in hours.shifts
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def format_span(span: Span, language: str) -> str:
    """A length of time in its two largest units: «1 hora y 30 minutos». Seconds round up; zero at least."""
    from babel.dates import format_timedelta
    from babel.lists import format_list

    seconds = max(0, -(-span // SECOND))
    # «24 horas» says more than «1 día», which readers take for "until tomorrow evening".
    units = _UNITS if seconds >= 2 * 86_400 else _UNITS[1:]
    first = next((i for i, (_, size) in enumerate(units) if seconds >= size), len(units) - 1)
    written: list[str] = []
    for unit, size in units[first : first + 2]:
        whole, seconds = seconds - seconds % size, seconds % size
        if whole or not written:
            # `granularity` and `threshold` keep Babel from rounding: 30 days are no «1 mes».
            part = format_timedelta(
                timedelta(seconds=whole), granularity=unit, threshold=inf, locale=_LOCALES[language]
            )
            written.append(part)
    return str(format_list(written, locale=_LOCALES[language]))


def negotiate(accept_language: str | None, offered: Sequence[str]) -> str:
    """The offered language that Accept-Language likes best, or the first offered (RFC 9110, 12.5.4).

    A range matches by its longest offered prefix (RFC 4647, 3.4: `es-CO` reads `es`). Ranges that do not
    parse are passed over, and so is what comes after the fortieth.
    """
    written = accept_language or ""
    liked = _liked_best if len(written) <= _REMEMBERED else _liked_best.__wrapped__
    return liked(written, tuple(offered))


@lru_cache(maxsize=512)
def _liked_best(accept_language: str, offered: Sequence[str]) -> str:
    weights: dict[str, float] = {}
    for order, written in enumerate(accept_language.split(",")[:_RANGES_READ]):
        matched = _RANGE.fullmatch("".join(written.split()))
        if not matched:
            continue
        wanted, weight = matched.group(1).lower(), float(matched.group(2) or 1)
        language = _looked_up(wanted, offered)
        if weight and language:  # of equal weights the first written wins
            weights.setdefault(language, weight - order / 1e6)
        elif language == wanted:  # `es-MX;q=0` says nothing against `es`
            weights[wanted] = 0.0
    rest = weights.get("*", 0.0)
    best = max(offered, key=lambda language: weights.get(language, rest))
    return best if weights.get(best, rest) else offered[0]


def unknown_text(sources: Iterable[str]) -> tuple[str, str] | None:
    """The first of these sources that is no text of ours, and the nearest one that is (or nothing)."""
    catalog = _catalog(next(language for language in _LOCALES if language != SOURCE_LANGUAGE))
    for source in sources:
        known = bool(source) and (source in WORDS or catalog.gettext(source) != source or _is_source(source))
        if not known:
            return source, next(iter(difflib.get_close_matches(source, _sources(), n=1)), "")
    return None


def _is_source(source: str) -> bool:
    return source in _sources()


@cache
def _sources() -> frozenset[str]:
    """Every text of the sources; read only to explain a mistake."""
    from babel.messages.mofile import read_mo

    path = gettext.find(DOMAIN, CATALOGS, ["es"])
    if path is None:
        return frozenset()
    with Path(path).open("rb") as stream:
        ids = [message.id for message in read_mo(stream)]
    return frozenset(each for one in ids for each in ([one] if isinstance(one, str) else one))


def _capitalised(word: str) -> str:
    return word[:1].upper() + word[1:]


def _check_override(source: str, own: str) -> None:
    if set(_PLACEHOLDER.findall(source)) != set(_PLACEHOLDER.findall(own)):
        raise ValueError(f"{own!r} must carry the placeholders of {source!r}, such as %(name)s")
    if "%" in _PLACEHOLDER.sub("", own):
        raise ValueError(f"{own!r} has a % that is not part of a placeholder")
    if "<" in own or "&" in own:
        raise ValueError(f"{own!r} is a text, not markup: leave out < and &")


@cache
def _catalog(language: str) -> gettext.NullTranslations:
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    return gettext.translation(DOMAIN, CATALOGS, [language])


def _zone_name(local: datetime, language: str, zone: ZoneInfo) -> str:
    from babel.dates import get_timezone_name

    locale = _LOCALES[language]
    name = str(get_timezone_name(zone, locale=locale))
    country, city, _ = name.partition(" (")
    if city:  # «hora de Ecuador (Guayaquil)»: the standard name reads better, where the zone has one
        standard = str(get_timezone_name(local, locale=locale))
        name = country if standard.startswith("GMT") else standard
    return name if language == SOURCE_LANGUAGE else name[:1].lower() + name[1:]


def _looked_up(wanted: str, offered: Sequence[str]) -> str | None:
    while wanted not in ("", "*", *offered):
        wanted = wanted.rpartition("-")[0]
    return wanted or None
