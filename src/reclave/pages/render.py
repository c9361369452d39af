"""Templates: one environment, and what every page and mail may use."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from reclave.domain.portal import Language, Portal
from reclave.domain.time import Instant, Span
from reclave.pages.i18n import Translator, format_clock, format_day, format_hours, format_span, format_time, translator

LANGUAGE_NAMES: Mapping[str, str] = {"es": "Español", "en": "English", "pt": "Português"}


class _CompiledOnce(jinja2.BytecodeCache):
    """Compiled templates for every portal and language: only their globals differ."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


@cache
def environment(folders: tuple[Path, ...]) -> jinja2.Environment:
    """The Jinja2 environment over these template folders, before those that every surface shares.

    Markup is escaped in HTML templates; an undefined name is an error, so a page cannot lose a value in silence.
    """
    loader = jinja2.FileSystemLoader([*folders, Path(__file__).with_name("templates")])
    made = jinja2.Environment(
        loader=loader,
        autoescape=jinja2.select_autoescape(enabled_extensions=("html",), default=False),
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        auto_reload=False,
        bytecode_cache=_CompiledOnce(),
        trim_blocks=False,
    )
    made.newstyle_gettext = True  # type: ignore[attr-defined]  # set by the i18n extension
    return made


class Renderer:
    """Renders templates in a portal's words and one language."""

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = tuple(folders)
        self._by_language: dict[tuple[str, str], jinja2.Environment] = {}

    def words(self, portal: Portal | None, language: Language) -> Translator:
        """The translator for a portal and a language."""
        return translator(language, portal.file.texts.get(language, {}) if portal else {})

    def render(self, template: str, portal: Portal | None, language: Language, context: Mapping[str, Any]) -> str:
        """Render a template with a page's or mail's own context."""
        return (
            self._environment(portal, language).get_template(template).render(portal=portal, lang=language, **context)
        )

    def warm(self, portal: Portal, language: Language) -> None:
        """Compile every template and load what dates and spans need."""
        made = self._environment(portal, language)
        for name in made.list_templates():
            made.get_template(name)
        format_time(0, language, portal.zone)
        format_span(portal.session_idle, language)

    def _environment(self, portal: Portal | None, language: Language) -> jinja2.Environment:
        key = (portal.id if portal else "", language)
        known = self._by_language.get(key)
        if known is not None:
            return known
        words = self.words(portal, language)
        made = environment(self._folders).overlay()
        made.install_gettext_callables(  # type: ignore[attr-defined]  # added by the i18n extension
            words.gettext, words.ngettext, newstyle=True
        )
        made.globals = {
            **made.globals,
            "own_text": words.own,
            "span": lambda span: format_span(span, language),
            "day": lambda day: format_day(day, language),
        }
        if portal is not None:
            zone = portal.zone

            def time_in_zone(instant: Instant) -> str:
                return format_time(instant, language, zone)

            def clock_in_zone(instant: Instant) -> str:
                return format_clock(instant, language, zone)

            opening = [format_hours(hours, language) if hours else "" for hours in portal.hours]
            made.globals |= {"time": time_in_zone, "clock": clock_in_zone, "hours": opening.__getitem__}
        self._by_language[key] = made
        return made


def spoken_span(words: Translator, span: Span) -> str:
    """A length of time in the translator's language."""
    return format_span(span, words.language)
