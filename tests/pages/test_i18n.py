"""Languages: words, a portal's own words, times, spans, and what Accept-Language asks for."""

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.domain.time import DAY, HOUR, MINUTE, SECOND
from reclave.pages.i18n import (
    Translator,
    format_span,
    format_time,
    negotiate,
    translator,
)

OFFERED = ("es", "en", "pt")
BOGOTA = ZoneInfo("America/Bogota")
AFTERNOON = 1_795_374_300 * SECOND
"""2026-11-22 19:05 UTC."""


@pytest.mark.statement("P1")
def test_a_text_is_said_in_the_readers_language() -> None:
    said = [translator(language, {}).gettext("Forgot your password?") for language in OFFERED]
    assert said == ["¿Olvidó su contraseña?", "Forgot your password?", "Esqueceu sua senha?"]


def test_a_text_that_no_catalog_has_is_said_as_it_is_written() -> None:
    assert translator("es", {}).gettext("Nobody ever wrote this.") == "Nobody ever wrote this."


@pytest.mark.parametrize(("number", "said"), [(1, "Le queda"), (0, "Le quedan"), (2, "Le quedan")])
def test_numbers_take_the_form_of_their_plural(number: int, said: str) -> None:
    form = translator("es", {}).ngettext("You have %(num)s attempt left.", "You have %(num)s attempts left.", number)
    assert form.startswith(said + " ")


@pytest.mark.req("B7")
def test_a_portals_own_words_win_over_the_catalog() -> None:
    own = translator("es", {"Password": "Clave", "%(num)s key": "%(num)s llave", "%(num)s keys": "%(num)s llaves"})
    assert own.gettext("Password") == "Clave"
    assert own.gettext("Sign in") == "Ingresar"
    assert [own.ngettext("%(num)s key", "%(num)s keys", n) for n in (1, 3)] == [
        "%(num)s llave",
        "%(num)s llaves",
    ]
    assert translator("es", {}).gettext("Password") == "Contraseña"


@pytest.mark.req("B7")
@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"password": "clave"}, ["Elija una clave nueva", "claves", "Sus nombres de usuario"]),
        (
            {"password": "llave", "passwords": "llaveros"},
            ["Elija una llave nueva", "llaveros", "Sus nombres de usuario"],
        ),
        ({"user name": "NIT", "user names": "NIT"}, ["Elija una contraseña nueva", "contraseñas", "Sus NIT"]),
        ({"user name": "código"}, ["Elija una contraseña nueva", "contraseñas", "Sus códigos"]),
    ],
)
def test_a_portals_word_stands_in_every_text_also_where_it_is_several(own: dict[str, str], said: list[str]) -> None:
    words = translator("es", own)
    stolen = words.gettext("This password appears in public lists of stolen passwords. Choose another one.")
    assert words.gettext("Choose a new password") == said[0]
    assert said[1] in stolen
    assert words.gettext("Your user names") == said[2]
    assert words.gettext("User name")[0].isupper()


@pytest.mark.req("B7")
def test_what_the_file_says_itself_is_said_in_the_readers_language_where_it_says_how() -> None:
    own = translator("en", {"Mesa de ayuda": "Help desk"})
    assert [own.own("Mesa de ayuda"), own.own("En la capital")] == ["Help desk", "En la capital"]


def test_the_same_words_make_the_same_translator() -> None:
    assert translator("es", {"Password": "Clave"}) is translator("es", {"Password": "Clave"})
    assert translator("es", {"Password": "Clave"}) is not translator("es", {"Password": "Contraseña"})


@pytest.mark.parametrize(
    ("source", "own"),
    [
        ("Enter the code that we sent to %(address)s", "Escriba la clave"),
        ("Enter the code that we sent to %(address)s", "Escriba la clave de %(correo)s"),
        ("Password", "Clave 100 %"),
        ("Password", "<b>Clave</b>"),
        ("Password", "Clave &amp; usuario"),
    ],
)
def test_an_own_word_that_would_not_render_is_refused(source: str, own: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(own))):
        Translator("es", {source: own})


def test_a_language_without_a_catalog_is_an_error_and_not_english() -> None:
    with pytest.raises(FileNotFoundError):
        Translator("fr", {})


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "22 de noviembre de 2026, 14:05 (hora de Colombia)"),
        ("en", "22 November 2026, 14:05 (Colombia Time)"),
        ("pt", "22 de novembro de 2026, 14:05 (horário da Colômbia)"),
    ],
)
def test_a_time_is_said_in_the_portals_zone_with_the_zone_named(language: str, said: str) -> None:
    assert format_time(AFTERNOON, language, BOGOTA) == said


@pytest.mark.parametrize(
    ("zone", "named"),
    [
        ("America/Guayaquil", "14:05 (hora de Ecuador)"),
        ("America/Sao_Paulo", "16:05 (hora de Brasilia)"),
        ("America/Argentina/Buenos_Aires", "16:05 (hora de Argentina)"),
        ("UTC", "19:05 (tiempo universal coordinado)"),
    ],
)
def test_a_zone_is_named_by_its_country_and_not_by_its_city(zone: str, named: str) -> None:
    assert format_time(AFTERNOON, "es", ZoneInfo(zone)).endswith(named)


def test_a_time_keeps_its_minute_to_the_last_microsecond() -> None:
    assert "14:04" in format_time(AFTERNOON - 1, "es", BOGOTA)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (HOUR, ("1 hora", "1 hour", "1 hora")),
        (90 * MINUTE, ("1 hora y 30 minutos", "1 hour and 30 minutes", "1 hora e 30 minutos")),
        (DAY, ("24 horas", "24 hours", "24 horas")),
        (30 * DAY, ("30 días", "30 days", "30 dias")),
        (2 * DAY + HOUR + SECOND, ("2 días y 1 hora", "2 days and 1 hour", "2 dias e 1 hora")),
        (2 * MINUTE, ("2 minutos", "2 minutes", "2 minutos")),
        (1, ("1 segundo", "1 second", "1 segundo")),
        (29_000_001, ("30 segundos", "30 seconds", "30 segundos")),
        (-HOUR, ("0 segundos", "0 seconds", "0 segundo")),
    ],
)
def test_a_span_is_said_exactly_in_its_two_largest_units(span: int, said: tuple[str, str, str]) -> None:
    assert tuple(format_span(span, language) for language in OFFERED) == said


@pytest.mark.req("B1")
@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "es"),
        ("", "es"),
        ("*", "es"),
        ("en", "en"),
        ("EN-us", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("en;q=0.5, pt;q=0.7", "pt"),
        ("en;q=0.5,pt;q=0.5", "en"),
        ("fr,de;q=0.9", "es"),
        ("fr, en;q=0.1", "en"),
        ("es;q=0, *", "en"),
        ("*;q=0.5, pt;q=0.4", "es"),
        ("es-MX;q=0, es;q=0.5", "es"),
        ("zh-Hant-TW, es-419 ; q=0.3", "es"),
        ("en;q=2, pt;q=abc, ;;,,=", "es"),
        ("en;q=1.0000", "es"),
    ],
)
def test_the_language_is_the_one_that_the_reader_likes_best(header: str | None, language: str) -> None:
    assert negotiate(header, OFFERED) == language


def test_the_portals_first_language_answers_for_any() -> None:
    assert negotiate("*", ("pt", "es")) == "pt"


@given(st.text(alphabet="enspt-*;q=01.,\x00ñ ", max_size=300) | st.text(max_size=300))
@pytest.mark.req("S49")
def test_no_header_makes_the_choice_of_language_fail(header: str) -> None:
    assert negotiate(header, OFFERED) in OFFERED


@pytest.mark.req("S49")
def test_a_header_of_ten_thousand_ranges_is_read_only_at_its_start() -> None:
    assert negotiate("fr," * 10_000 + "en", OFFERED) == "es"
