"""Mistakes in a portal file: each is named by file, key path and, where there is one, the nearest spelling (B7)."""

from pathlib import Path

import pytest

from reclave.bootstrap import check_portals
from reclave.domain.errors import PortalRefused
from reclave.domain.portal_reader import read_portal
from reclave.domain.portal_rules import MOST_ASKED, RESERVED

pytestmark = pytest.mark.req("B7")

ABOUT = """
[portal]
id = "aduana"
name = "Aduana de Ejemplo"
"""
REST = """
[mail]
sender = "Aduana <no-responder@aduana.example>"
[sign_in]
identifier = "user_id"
[fields.user_id]
kind = "user_name"
[fields.company_ruc]
kind = "ec.ruc"
[fields.identification]
kind = ["ec.ci", "passport"]
[fields.unused]
kind = "passport"
[[classification]]
id = "employee"
label = { es = "Empleado" }
requires = ["company_ruc", "identification"]
"""
WHOLE = ABOUT + REST


def refusal(toml: str) -> PortalRefused:
    with pytest.raises(PortalRefused) as refused:
        read_portal(toml, source="frontera.toml")
    assert str(refused.value) == f"frontera.toml: {refused.value.path}: {refused.value.why}"
    return refused.value


def test_the_file_that_the_mistakes_are_made_in_is_right() -> None:
    assert read_portal(WHOLE).id == "aduana"


@pytest.mark.parametrize(
    ("toml", "path", "nearest"),
    [
        ("[journey.reset_link]", "journey", "journeys"),
        ("[journeys.resetlink]", "journeys.resetlink", "reset_link"),
        ('[journeys.reset_link]\nprove = ["user_id"]', "journeys.reset_link.prove", "proves"),
        (
            '[journeys.temporary_password]\ncode_lifetime = "5m"',
            "journeys.temporary_password.code_lifetime",
            "lifetime",
        ),
        ('[journeys.find_user_id]\nreveals = "mail"', "journeys.find_user_id.reveals", "reveal"),
        ('[journeys.first_sign_in]\nlifetimes = "1d"', "journeys.first_sign_in.lifetimes", "lifetime"),
        ('[journeys.recover_user_name]\ncool_down = "1m"', "journeys.recover_user_name.cool_down", "cooldown"),
        ('[fields.birth]\nkind = "passport"\nlable = { es = "a" }', "fields.birth.lable", "label"),
        (
            '[[classification]]\nid = "a"\nlabel = { es = "A" }\nrequire = ["email"]',
            "classification[1].require",
            "requires",
        ),
        ('[help]\nlines = [{ label = "a" }, { label = "b", fone = "1" }]', "help.lines[1].fone", "phone"),
        ('[help]\nonlin = "https://a.example"', "help.onlin", "online"),
        ('[brand]\ncolour = "#000000"', "brand.colour", "color"),
        ("[accessibility]\nreview = 2026-11-01", "accessibility.review", "reviewed"),
        ('[passwords]\npresets = "nist"', "passwords.presets", "preset"),
        ('[addresses]\nwaits = "1h"', "addresses.waits", "wait"),
        ('[sessions]\nabsolut = "1h"', "sessions.absolut", "absolute"),
    ],
)
def test_a_misspelt_key_is_named_at_every_depth(toml: str, path: str, nearest: str) -> None:
    error = refusal(f"{WHOLE}{toml}\n")
    assert error.path == path
    assert error.why == f"unknown key; did you mean '{nearest}'?"


def test_an_unknown_key_like_no_other_comes_with_those_that_there_are() -> None:
    assert refusal(WHOLE + "[sessions]\nxyz = 1\n").why == "unknown key; known here: idle, absolute"


@pytest.mark.parametrize(
    ("toml", "path", "nearest"),
    [
        ('[passwords]\npreset = "nits"', "passwords.preset", "nist"),
        ('[fields.birth]\nkind = "pasport"', "fields.birth.kind", "passport"),
        ('[fields.birth]\nkind = ["ec.ci", "usrname"]', "fields.birth.kind[1]", "user_name"),
        ('[fields.birth]\nkind = "passport"\nhint = { ess = "a" }', "fields.birth.hint.ess", "es"),
        ('[journeys.find_user_id]\nreveal = "e-mail"', "journeys.find_user_id.reveal", "mail"),
        ('[journeys.reset_link]\npresents = ["link", "cod"]', "journeys.reset_link.presents[1]", "code"),
        ('[texts.pt_BR]\n"Sign in" = "a"', "texts.pt_BR", None),
        ('[texts.en1]\n"Sign in" = "a"', "texts.en1", "en"),
    ],
)
def test_a_misspelt_choice_is_named_with_the_choices_and_the_nearest(toml: str, path: str, nearest: str | None) -> None:
    error = refusal(f"{WHOLE}{toml}\n")
    assert error.path == path
    assert " is none of " in error.why
    assert error.why.endswith(f"; did you mean '{nearest}'?") is (nearest is not None)


@pytest.mark.parametrize(
    ("toml", "path", "why"),
    [
        ("[fields.Birth]\nkind = 'passport'", "fields.Birth", "small letters"),
        ('[fields."birth day"]\nkind = "passport"', 'fields."birth day"', "small letters"),
        ("[fields.birth]\nkind = []", "fields.birth.kind", '["ec.ci", "passport"]'),
        ("[fields.birth]\nkind = 7", "fields.birth.kind", "a text or a list, got a whole number"),
        ("[fields]\nbirth = 'passport'", "fields.birth", "Expected a table, got a text"),
        ("[help]\nlines = [{ label = '' }]", "help.lines[0].label", "Mesa de ayuda"),
        ("[help]\nlines = [{ phone = '1' }]", "help.lines[0].label", "must be there"),
        ("[journeys]\nreset_link = true", "journeys.reset_link", "Expected a table, got true or false"),
        ("[journeys.reset_link]\nconfirm = 'yes'", "journeys.reset_link.confirm", "write for example true"),
        ("[journeys.reset_link]\nlimits = []", "journeys.reset_link.limits", "30/hour per client"),
        ("[journeys.reset_link]\nlimits = [5]", "journeys.reset_link.limits[0]", "30/hour per client"),
        ("[journeys.find_user_id]\ndaily_budget = 0", "journeys.find_user_id.daily_budget", "for example 500"),
        ("[texts.es]\n'Sign in' = 5", 'texts.es."Sign in"', "Expected a text"),
        ("[brand]\ncolor = 'red'", "brand.color", '"#0b5d4f"'),
        (
            "[accessibility]\nreviewed = 'noviembre'",
            "accessibility.reviewed",
            "'noviembre' is no date; write for example",
        ),
        ("[accessibility]\nreviewed = 2026", "accessibility.reviewed", "Expected a date, got a whole number"),
        ("[accessibility]\nlimits = ['El mapa']", "accessibility.limits[0]", 'write for example { es = "'),
    ],
)
def test_a_value_of_another_type_is_named_with_an_example_where_the_key_has_one(toml: str, path: str, why: str) -> None:
    error = refusal(f"{WHOLE}{toml}\n")
    assert error.path == path
    assert why in error.why


@pytest.mark.parametrize("name", sorted(RESERVED | {"find_identification"}))
def test_a_field_may_not_be_called_what_pages_use_for_something_else(name: str) -> None:
    error = refusal(f'{WHOLE}[fields.{name}]\nkind = "passport"\n')
    assert error.path == f"fields.{name}"
    assert "taken" in error.why


@pytest.mark.parametrize(
    ("toml", "path", "why"),
    [
        ('[fields.email]\nkind = "user_name"', "fields.email.kind", "registered address"),
        ('[fields.email]\nkind = ["email", "user_name"]', "fields.email.kind", "registered address"),
        ('[fields.x]\nkind = ["ec.ci", "ec.ci"]', "fields.x.kind", "'ec.ci' stands there twice"),
        ('[fields.x]\nkind = "ec.ci"\nlengths = [10]', "fields.x.lengths", "only a field of"),
        ('[fields.x]\nkind = "email"\nlengths = [10]', "fields.x.lengths", "only a field of"),
        ('[fields.x]\nkind = ["passport", "user_name"]\nlengths = [10]', "fields.x.lengths", "only a field of"),
        ('[fields.x]\nkind = "co.nit"\nlengths = [5]', "fields.x.lengths", "6 to 10"),
        ('[fields.x]\nkind = "co.nit"\nlengths = []', "fields.x.lengths", "6 to 10"),
    ],
)
def test_a_field_that_cannot_be_asked_for_is_named(toml: str, path: str, why: str) -> None:
    error = refusal(f"{WHOLE}{toml}\n")
    assert error.path == path
    assert why in error.why


@pytest.mark.parametrize(
    ("toml", "path", "why"),
    [
        (
            'id = "employee"\nlabel = { es = "A" }\nrequires = ["email"]',
            "classification[1].id",
            "'employee' is another classification's id",
        ),
        (
            'id = "a"\nlabel = { es = "A" }\nrequires = ["identificacion"]',
            "classification[1].requires",
            "no [fields.identificacion] describes it; did you mean 'identification'?",
        ),
        ('id = "a"\nlabel = { es = "A" }\nrequires = []', "classification[1].requires", '["email", "document"]'),
        (
            'id = "a"\nlabel = { es = "A" }\nrequires = ["email", "email"]',
            "classification[1].requires",
            "'email' stands there twice",
        ),
        ('id = "a"\nlabel = {}\nrequires = ["email"]', "classification[1].label", "write one"),
        ('id = "A b"\nlabel = { es = "A" }\nrequires = ["email"]', "classification[1].id", '"general_user"'),
    ],
)
def test_a_classification_that_cannot_be_chosen_is_named(toml: str, path: str, why: str) -> None:
    error = refusal(f"{WHOLE}[[classification]]\n{toml}\n")
    assert error.path == path
    assert why in error.why


@pytest.mark.parametrize("journey", ["temporary_password", "reset_link"])
@pytest.mark.parametrize(
    ("proves", "why"),
    [
        ('["user_id", "unused"]', "nothing is known of 'unused': no [[classification]] requires it"),
        ('["user_ids"]', "no [fields.user_ids] describes it; did you mean 'user_id'?"),
        ('["user_id", "user_id"]', "'user_id' stands there twice"),
        ('["identification"]', "finds no account: add 'email' or 'user_id'"),
    ],
)
def test_a_journey_that_proves_what_no_account_can_be_asked_for_is_named(journey: str, proves: str, why: str) -> None:
    error = refusal(f"{WHOLE}[journeys.{journey}]\nproves = {proves}\n")
    assert error.path == f"journeys.{journey}.proves"
    assert error.why == why


@pytest.mark.parametrize(
    ("toml", "path", "why"),
    [
        ("[journeys.temporary_password]\n[journeys.reset_link]", "journeys.reset_link", "in one way"),
        ("[journeys.reset_link]\nproves = ['user_id']\npresents = []", "journeys.reset_link.presents", '["code"]'),
        (
            "[journeys.reset_link]\nproves = ['user_id']\npresents = ['code', 'code']",
            "journeys.reset_link.presents",
            "'code' stands there twice",
        ),
        (
            "[journeys.reset_link]\nproves = ['user_id']\nlifetime = '10m'",
            "journeys.reset_link.code_lifetime",
            "'15m' outlives lifetime",
        ),
        (
            "[journeys.reset_link]\nproves = ['user_id']\ncooldown = '16m'",
            "journeys.reset_link.cooldown",
            "make it shorter",
        ),
        (
            "[journeys.temporary_password]\nlifetime = '15m'\ncooldown = '16m'",
            "journeys.temporary_password.cooldown",
            "make it shorter",
        ),
        ("[texts.es]\npassword = 'clave'", "texts.es", "does not speak 'es'"),
    ],
)
def test_keys_that_contradict_each_other_are_named(toml: str, path: str, why: str) -> None:
    about = ABOUT + ('languages = ["en"]\n' if toml.startswith("[texts") else "")
    error = refusal(f"{about}{REST}{toml}\n")
    assert error.path == path
    assert why in error.why


@pytest.mark.parametrize(
    ("line", "path", "why"),
    [
        ('path = "/a"\nhost = "a.example"', "portal.path", "leave one of them out"),
        ('path = "/static"', "portal.path", "taken"),
        ('path = "a"', "portal.path", '"/pagos"'),
        ('host = "https://a.example"', "portal.host", '"acceso.pagos.example"'),
        ('languages = ["es", "es"]', "portal.languages", "'es' stands there twice"),
        ('time_zone = "America/Bogotá"', "portal.time_zone", "did you mean 'America/Bogota'?"),
        ('time_zone = "America"', "portal.time_zone", "no time zone"),
        ('time_zone = ""', "portal.time_zone", "no time zone"),
        ("front_page = 1", "portal.front_page", "write for example true"),
    ],
)
def test_a_portal_that_cannot_be_anywhere_is_named(line: str, path: str, why: str) -> None:
    error = refusal(ABOUT + line + REST)
    assert error.path == path
    assert why in error.why


@pytest.mark.parametrize(
    "sender", ["Aduana", "Aduana <no-responder>", "<@b.example>", "a@", "a@b.example\\nBcc: c@d.example"]
)
def test_a_sender_that_is_no_address_is_named(sender: str) -> None:
    error = refusal(WHOLE.replace("Aduana <no-responder@aduana.example>", sender))
    assert error.path == "mail.sender"
    assert "write for example" in error.why


def test_an_address_for_answers_that_is_none_is_named() -> None:
    assert refusal(WHOLE.replace("[mail]", '[mail]\nreply_to = "ayuda"')).path == "mail.reply_to"


def test_an_address_for_reports_of_barriers_that_is_none_is_named() -> None:
    assert refusal(WHOLE + '[accessibility]\ncontact = "accesibilidad"\n').path == "accessibility.contact"


def test_a_usual_domain_that_is_none_is_named() -> None:
    unusual = WHOLE.replace("[mail]\n", '[mail]\nusual_domains = ["correo.example", "Otro Correo"]\n')
    assert refusal(unusual).path == "mail.usual_domains[1]"


def test_a_known_barrier_that_says_nothing_is_named() -> None:
    limits = 'limits = [{ es = "El mapa no tiene texto." }, {}]'
    assert refusal(f"{WHOLE}[accessibility]\n{limits}\n").path == "accessibility.limits[1]"


@pytest.mark.parametrize("fields", [MOST_ASKED, MOST_ASKED - 2])
def test_a_page_that_would_ask_for_more_than_a_form_holds_is_named(fields: int) -> None:
    names = [f"fact_{number}" for number in range(fields)]
    toml = "".join(f'[fields.{name}]\nkind = "passport"\n' for name in names)
    toml += (
        f'[[classification]]\nid = "all"\nlabel = {{ es = "Todo" }}\nrequires = {names!r}\n[journeys.find_user_id]\n'
    )
    with_one = REST[: REST.index("[[classification]]")]
    if fields < MOST_ASKED:
        assert read_portal(ABOUT + with_one + toml).terms
    else:
        assert refusal(ABOUT + with_one + toml).path == "journeys.find_user_id"


@pytest.mark.parametrize("journey", ["temporary_password", "reset_link", "find_user_id", "recover_user_name"])
@pytest.mark.parametrize(
    ("key", "written", "why"),
    [
        ("cooldown", "'2h'", "ceiling of 1 h"),
        ("cooldown", "'0m'", "no time at all"),
        ("cooldown", "'2 minutes'", "is not a length of time"),
        ("limits", "['5/hour per person']", "is not a limit"),
        ("limits", "['0/hour per client']", "is not a limit"),
    ],
)
def test_how_often_a_journey_may_be_asked_for_is_named_where_it_is_wrong(
    journey: str, key: str, written: str, why: str
) -> None:
    proves = "proves = ['user_id']\n" if journey == "reset_link" else ""
    error = refusal(f"{WHOLE}[journeys.{journey}]\n{proves}{key} = {written}\n")
    assert error.path == f"journeys.{journey}.{key}{'[0]' if key == 'limits' else ''}"
    assert why in error.why


@pytest.mark.req("S8")
@pytest.mark.parametrize("key", ["lifetime", "code_lifetime"])
def test_a_link_and_a_code_live_a_day_at_most(key: str) -> None:
    error = refusal(f"{WHOLE}[journeys.reset_link]\nproves = ['user_id']\n{key} = '25h'\n")
    assert error.path == f"journeys.reset_link.{key}"
    assert "ceiling of 24 h" in error.why


def test_a_search_without_anything_to_search_by_is_named() -> None:
    toml = ABOUT + REST[: REST.index("[[classification]]")] + "[journeys.find_user_id]\n"
    assert refusal(toml).path == "journeys.find_user_id.by"


def test_opening_hours_are_named_at_their_line() -> None:
    error = refusal(WHOLE + "[help]\nlines = [{ label = 'a' }, { label = 'b', hours = 'lum-vie 07:00-19:00' }]\n")
    assert error.path == "help.lines[1].hours"
    assert "did you mean 'lun'?" in error.why


def checked(folder: Path, **files: str | bytes) -> PortalRefused:
    for name, content in files.items():
        path = folder / f"{name}.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PortalRefused) as refused:
        check_portals(folder)
    return refused.value


@pytest.mark.parametrize(
    ("line", "path", "why"),
    [
        ('"Sing in" = "Entrar"', 'texts.es."Sing in"', "no page or mail says this; did you mean 'Sign in'?"),
        ('pasword = "clave"', "texts.es.pasword", "no page or mail says this"),
        ('"" = "clave"', 'texts.es.""', "no page or mail says this"),
        ('"Sign in" = " "', 'texts.es."Sign in"', "empty"),
        ('"Sign in" = "<b>Entrar</b>"', 'texts.es."Sign in"', "markup"),
        ('"Sign in" = "100 %"', 'texts.es."Sign in"', "%"),
        (
            '"Temporary password, ref. %(reference)s" = "Clave"',
            'texts.es."Temporary password, ref. %(reference)s"',
            "placeholders",
        ),
    ],
)
def test_a_text_that_no_page_says_or_that_would_not_render_is_named(
    tmp_path: Path, line: str, path: str, why: str
) -> None:
    error = checked(tmp_path, frontera=f"{WHOLE}[texts.es]\n{line}\n")
    assert (error.source, error.path) == ("frontera.toml", path)
    assert why in error.why


def test_two_portals_with_one_id_or_in_one_place_are_named_by_file(tmp_path: Path) -> None:
    same_id = checked(tmp_path, norte=WHOLE, sur=WHOLE)
    assert (same_id.source, same_id.path) == ("sur.toml", "portal.id")
    assert "norte.toml" in same_id.why
    same_place = checked(tmp_path, sur=WHOLE.replace('"aduana"', '"sur"'))
    assert (same_place.source, same_place.path) == ("sur.toml", "portal.path")
    host = ABOUT + 'host = "a.example"' + REST
    same_host = checked(tmp_path, norte=host, sur=host.replace('"aduana"', '"sur"'))
    assert (same_host.source, same_host.path) == ("sur.toml", "portal.host")


def test_a_logo_that_is_not_there_is_named_with_the_one_that_is(tmp_path: Path) -> None:
    (tmp_path / "frontera.svg").write_text("<svg/>")
    error = checked(tmp_path, frontera=f"{WHOLE}[brand]\nlogo = 'fronteras.svg'\n")
    assert error.path == "brand.logo"
    assert "did you mean 'frontera.svg'?" in error.why


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    error = checked(tmp_path, frontera=WHOLE.replace("Empleado", "Público").encode("latin-1"))
    assert (error.source, error.path) == ("frontera.toml", "")
    assert "UTF-8" in error.why
