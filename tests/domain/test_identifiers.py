"""Tax numbers, identity documents and user names, as people type them."""

import logging
import time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from stdnum.co import nit as stdnum_nit

from reclave.domain.identifiers import (
    IDENTIFIER_KINDS,
    NIT_BASE_LENGTHS,
    Identifier,
    IdentifierRefused,
    format_identifier,
    mask_identifier,
    nit_check_digit,
    parse_identifier,
    parse_identifier_of_kinds,
)

COMPANY = "9001234568"
COMPANIES_ONLY = frozenset({9})

companies = st.integers(200_000_000, 999_999_999).map(str)
persons = st.one_of(st.integers(100_000, 99_999_999).map(str), st.integers(1_000_000_000, 1_299_999_999).map(str))
points = st.sampled_from([".", ",", "'", "’", "·", "．", " ", "\u00a0", "\u2007", "\u2009", "\u202f"])
dashes = st.sampled_from(["-", "‐", "‑", "‒", "–", "—", "−", "－", " - ", " – ", "\u00ad-"])


def groups(base: str) -> list[str]:
    head = len(base) % 3
    return ([base[:head]] if head else []) + [base[at : at + 3] for at in range(head, len(base), 3)]


def refusal(kind: str, typed: str, **options: frozenset[int]) -> IdentifierRefused:
    with pytest.raises(IdentifierRefused) as caught:
        parse_identifier(kind, typed, **options)
    assert str(caught.value) == caught.value.code
    return caught.value


@pytest.mark.req("P7", "S51")
@pytest.mark.parametrize(
    "typed",
    [
        "900.123.456-8",
        "900123456-8",
        "9001234568",
        "900 123 456 8",
        "  900.123.456-8\t",
        "900.123.456–8",
        "900.123.456−8",
        "900\u00a0123\u00a0456\u00a0-\u00a08",
        "９００．１２３．４５６－８",
        "\u202d900.123.456-8\u202c",
        "NIT 900.123.456-8",
        "n.i.t.: 900.123.456-8",
        "9.001.234.568",
        "٩٠٠.١٢٣.٤٥٦-٨",
        "۹۰۰۱۲۳۴۵۶-۸",
        "<900.123.456-8>;",
        "«900.123.456-8»,",
        "900123456/8",
        "900’123’456 — 8.",
        "900\u2009123\u2009456\u200b-8\ufeff",
    ],
)
def test_a_company_signs_in_with_its_nit_in_any_punctuation(typed: str) -> None:
    assert parse_identifier("co.nit", typed) == Identifier("co.nit", COMPANY)


@pytest.mark.req("P7")
@given(st.one_of(companies, persons), points, dashes)
def test_a_nit_with_its_check_digit_apart_is_the_same_in_every_punctuation(base: str, point: str, dash: str) -> None:
    check = nit_check_digit(base)
    for typed in (f"{point.join(groups(base))}{dash}{check}", f"{base}{dash}{check}"):
        assert parse_identifier("co.nit", typed).value == base + check


@pytest.mark.req("P7")
@given(companies)
def test_a_company_may_leave_all_punctuation_out(base: str) -> None:
    value = base + nit_check_digit(base)
    assert parse_identifier("co.nit", value).value == value
    assert parse_identifier("co.nit", value, lengths=COMPANIES_ONLY).value == value


@given(st.one_of(companies, persons))
def test_a_nit_reads_back_from_the_way_it_is_shown(base: str) -> None:
    identifier = Identifier("co.nit", base + nit_check_digit(base))
    assert parse_identifier("co.nit", format_identifier(identifier)) == identifier


@given(companies)
@example("900123456")
def test_nine_digits_without_a_check_digit_are_never_taken_for_another_account(base: str) -> None:
    for options in ({}, {"lengths": COMPANIES_ONLY}):
        for typed in (base, ".".join(groups(base)), " ".join(base), "-".join(base), f"{base}-"):
            refused = refusal("co.nit", typed, **options)
            assert refused.code == "nit_without_check_digit"
            assert refused.detail["suggestion"] == f"{base[:3]}.{base[3:6]}.{base[6:]}-{nit_check_digit(base)}"


def test_a_bare_number_that_reads_two_ways_is_refused_with_both() -> None:
    digits = "80123456" + nit_check_digit("80123456")
    refused = refusal("co.nit", digits)
    assert refused.code == "nit_without_check_digit"
    assert refused.detail == {
        "suggestion": f"801.234.56{digits[-1]}-{nit_check_digit(digits)}",
        "alternative": f"80.123.456-{digits[-1]}",
    }


@given(st.integers(1_000_000_000, 1_299_999_999).map(str))
def test_a_ten_digit_cedula_is_not_taken_for_nine_digits_and_a_check_digit(base: str) -> None:
    assert refusal("co.nit", base).code == "nit_without_check_digit"


@given(st.integers(0, 10**11).map(str))
def test_a_bare_number_is_refused_or_read_with_its_own_last_digit_as_check_digit(digits: str) -> None:
    try:
        identifier = parse_identifier("co.nit", digits)
    except IdentifierRefused:
        return
    assert identifier.value == digits
    assert nit_check_digit(digits[:-1]) == digits[-1]
    assert len(digits) not in NIT_BASE_LENGTHS or (len(digits) == 10 and digits[0] != "1")


@given(companies, st.integers(0, 9), st.integers(1, 9))
def test_a_nit_with_one_wrong_digit_is_refused(base: str, place: int, change: int) -> None:
    check = nit_check_digit(base)
    # Remainders 1 and 10 share the check digit 1: the number itself can't tell them apart.
    assume(check != "1" or place == len(base))
    value = base + check
    wrong = value[:place] + str((int(value[place]) + change) % 10) + value[place + 1 :]
    with pytest.raises(IdentifierRefused):
        parse_identifier("co.nit", f"{wrong[:-1]}-{wrong[-1]}", lengths=COMPANIES_ONLY)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "identifier_missing"),
        (" . - ", "identifier_missing"),
        ("900.123.456-7", "nit_wrong_check_digit"),
        ("9OO.123.456-8", "nit_not_a_number"),
        ("900.123.456-B", "nit_not_a_number"),
        ("९००१२३४५६८", "nit_not_a_number"),
        ("\u202e900.123.456-8", "identifier_control_character"),
        ("900.123.45\u2076-8", "nit_not_a_number"),
        ("900.123.4①6-8", "nit_not_a_number"),
        ("+900123456-8", "nit_not_a_number"),
        ("000.000.000-0", "nit_leading_zero"),
        ("0900123456-8", "nit_leading_zero"),
        ("12345-6", "nit_wrong_length"),
        ("900.123.456.789-0", "nit_wrong_length"),
        ("900.123.456-8\x00", "identifier_control_character"),
        ("900.123\n.456-8", "identifier_control_character"),
        ("900.123.456-8\ud800", "identifier_control_character"),
        ("9" * 321, "identifier_too_long"),
    ],
)
def test_a_nit_that_is_none_is_refused_with_its_reason(typed: str, code: str) -> None:
    assert refusal("co.nit", typed).code == code


def test_a_portal_of_companies_refuses_a_persons_nit() -> None:
    typed = f"80.123.456-{nit_check_digit('80123456')}"
    assert parse_identifier("co.nit", typed).value == typed.replace(".", "").replace("-", "")
    assert refusal("co.nit", typed, lengths=COMPANIES_ONLY).code == "nit_wrong_length"


@pytest.mark.req("S49")
@given(st.sampled_from(sorted(IDENTIFIER_KINDS)), st.text(max_size=40))
@example("co.nit", "\u212a")
@example("user_name", "ma\u212aria")
@example("passport", "\ufb01123456")
@example("email", "@")
def test_any_text_is_read_or_refused_and_nothing_else(kind: str, typed: str) -> None:
    try:
        identifier = parse_identifier(kind, typed)
    except IdentifierRefused:
        return
    assert identifier.kind == kind
    assert identifier.value.isascii()
    assert parse_identifier_of_kinds([kind], format_identifier(identifier)) == identifier


@pytest.mark.req("S49")
@pytest.mark.parametrize("kind", sorted(IDENTIFIER_KINDS))
def test_a_megabyte_is_refused_at_once(kind: str) -> None:
    typed = "9" * 1_000_000
    started = time.process_time()
    assert refusal(kind, typed).code == "identifier_too_long"
    assert time.process_time() - started < 0.05


@pytest.mark.req("S44")
def test_a_refusal_and_a_log_line_do_not_carry_what_was_typed(caplog: pytest.LogCaptureFixture) -> None:
    identifier = parse_identifier("co.nit", "900.123.456-8")
    logging.getLogger("test").warning("signed in: %s %r", identifier, identifier)
    assert "123" not in caplog.text
    assert "900.•••.•••-8" in caplog.text
    refused = refusal("co.nit", "900.123.456-7")
    assert "123" not in f"{refused} {refused!r} {refused.__cause__!r} {refused.detail}"


@pytest.mark.req("S44")
@pytest.mark.parametrize(
    ("identifier", "masked"),
    [
        (Identifier("co.nit", "9001234568"), "900.•••.•••-8"),
        (Identifier("co.nit", "10234567894"), "1.02•.•••.•••-•"),
        (Identifier("co.nit", "801234561"), "80.•••.•••-•"),
        (Identifier("ec.ruc", "1792060346001"), "179•••"),
        (Identifier("ec.ci", "1714307103"), "171•••"),
        (Identifier("passport", "AB123456"), "AB•••"),
        (Identifier("user_name", "gongoragabriela"), "go•••"),
        (Identifier("email", "maria@empresa.example"), "m•••@e•••.example"),
    ],
)
def test_a_masked_identifier_keeps_three_characters_at_most(identifier: Identifier, masked: str) -> None:
    assert mask_identifier(identifier) == masked


@pytest.mark.req("A7")
@pytest.mark.parametrize(
    "typed",
    ["1714307103", "171430710-3", " 171 430 710 3 ", "１７１４３０７１０３", "C.I. 171430710-3", "Cédula: 1714307103."],
)
def test_a_cedula_is_read_with_or_without_its_dash(typed: str) -> None:
    assert parse_identifier("ec.ci", typed).value == "1714307103"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("1714307104", "ci_wrong_check_digit"),
        ("171430710", "ci_wrong_length"),
        ("9914307103", "ci_wrong_series"),
        ("17143O7103", "ci_not_a_number"),
    ],
)
def test_a_cedula_that_is_none_is_refused_with_its_reason(typed: str, code: str) -> None:
    assert refusal("ec.ci", typed).code == code


@pytest.mark.req("A5")
def test_a_ruc_with_a_right_checksum_carries_no_doubt() -> None:
    for typed in ("1792060346-001", "RUC 1792060346001", "r.u.c.: 1792 060346 001"):
        assert parse_identifier("ec.ruc", typed) == Identifier("ec.ruc", "1792060346001")
        assert parse_identifier("ec.ruc", typed).advisory == ()


@pytest.mark.req("A5")
@pytest.mark.parametrize("typed", ["1792060347001", "1760015510001"])
def test_a_companys_ruc_that_fails_the_checksum_is_accepted_with_a_doubt(typed: str) -> None:
    identifier = parse_identifier("ec.ruc", typed)
    assert identifier == Identifier("ec.ruc", typed)
    assert identifier.advisory == ("ruc_wrong_check_digit",)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("1714307104001", "ruc_wrong_check_digit"),
        ("1714307103000", "ruc_wrong_series"),
        ("179206034600", "ruc_wrong_length"),
        ("17920603460O1", "ruc_not_a_number"),
    ],
)
def test_a_ruc_that_is_none_is_refused_with_its_reason(typed: str, code: str) -> None:
    assert refusal("ec.ruc", typed).code == code


def test_a_passport_is_compared_in_upper_case_without_spaces() -> None:
    for typed in (" ab 123-456 ", "AB123456.", "ab\u200b123456", "AB１２３４５６"):
        assert parse_identifier("passport", typed).value == "AB123456"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("AB123", "passport_too_short"),
        ("A" * 16, "identifier_too_long"),
        ("ÑA123456", "passport_characters"),
        ("АB123456", "passport_characters"),
    ],
)
def test_a_passport_that_is_none_is_refused_with_its_reason(typed: str, code: str) -> None:
    assert refusal("passport", typed).code == code


@pytest.mark.req("A7")
def test_cedula_or_passport_takes_the_first_kind_that_fits() -> None:
    kinds = ["ec.ci", "passport"]
    assert parse_identifier_of_kinds(kinds, "171430710-3") == Identifier("ec.ci", "1714307103")
    assert parse_identifier_of_kinds(kinds, "ab123456") == Identifier("passport", "AB123456")


@pytest.mark.req("A7")
def test_a_mistyped_cedula_is_taken_for_a_passport_only_with_a_doubt() -> None:
    identifier = parse_identifier_of_kinds(["ec.ci", "passport"], "1714307104")
    assert identifier == Identifier("passport", "1714307104")
    assert identifier.advisory == ("ci_wrong_check_digit",)


def test_what_fits_no_kind_is_refused_for_the_first_kinds_reason() -> None:
    with pytest.raises(IdentifierRefused, match="ci_wrong_length"):
        parse_identifier_of_kinds(["ec.ci", "passport"], "123")


def test_a_user_name_is_compared_in_lower_case_without_what_copying_adds() -> None:
    for typed in (" Gongora.Gabriela_1@x-y ", '"gongora.gabriela_1@x-y",', "gongora.\u200bgabriela_１@x-y\ufeff"):
        assert parse_identifier("user_name", typed).value == "gongora.gabriela_1@x-y"


@pytest.mark.req("S34")
@given(st.from_regex(r"[A-Za-z0-9._@-]{3,20}", fullmatch=True), st.text("<>\"'«» \u00a0\u200b,;:\u202c", max_size=4))
@example("gabriela.", "")
@example("_gabriela-", "«")
def test_what_stands_around_a_user_name_never_makes_it_another(name: str, around: str) -> None:
    try:
        read = parse_identifier("user_name", around + name + around[::-1])
    except IdentifierRefused:
        return
    assert read.value == name.lower()


@pytest.mark.req("S34")
@given(
    st.text("0123456789", min_size=10, max_size=10),
    st.text("<>«»-_/.,;: \u00a0\u2009\u200b\u202c\u2212", max_size=6),
    st.data(),
)
def test_punctuation_between_digits_never_makes_a_number_another(digits: str, marks: str, data: st.DataObject) -> None:
    typed = digits
    for mark in marks:
        at = data.draw(st.integers(0, len(typed)))
        typed = typed[:at] + mark + typed[at:]
    try:
        read = parse_identifier("ec.ci", typed)
    except IdentifierRefused:
        return
    assert read.value == digits


@pytest.mark.req("S34")
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("ab", "user_name_too_short"),
        ("a" * 65, "identifier_too_long"),
        ("dos palabras", "user_name_characters"),
        ("gabi\u00a0la", "user_name_characters"),
        ("\u212aarina", "user_name_characters"),
        ("gabrıela", "user_name_characters"),
        ("peſo", "user_name_characters"),
        ("pаblo", "user_name_characters"),
        ("jose\u0301", "user_name_characters"),
        ("ma\u202eria", "identifier_control_character"),
        ("ｍaria", "user_name_characters"),
        ("ma\x00ria", "identifier_control_character"),
    ],
)
def test_a_user_name_that_only_looks_like_another_is_refused(typed: str, code: str) -> None:
    assert refusal("user_name", typed).code == code


def test_a_portal_may_narrow_the_length_of_user_names() -> None:
    assert refusal("user_name", "maria", lengths=frozenset({8, 9})).detail == {"minimum": 8, "got": 5}


@pytest.mark.req("S33")
def test_an_address_as_identifier_is_refused_for_the_addresss_reason() -> None:
    assert parse_identifier("email", "Maria@Empresa.example").value == "maria@empresa.example"
    assert refusal("email", "a@x.example,b@x.example").code == "address_several"


def test_an_unknown_kind_is_a_mistake_in_the_program() -> None:
    with pytest.raises(KeyError):
        parse_identifier("co.cedula", "1")


@given(st.from_regex(r"[0-9]{1,15}", fullmatch=True))
@example("0")
@example("999999999999999")
def test_the_check_digit_is_that_of_python_stdnum(base: str) -> None:
    assert nit_check_digit(base) == stdnum_nit.calc_check_digit(base)


@given(st.sampled_from(sorted(IDENTIFIER_KINDS)), st.from_regex(r"[A-Za-z0-9]{1,24}", fullmatch=True))
@example("co.nit", "9001234568")
@example("ec.ruc", "1790011674001")
def test_a_plain_text_is_read_as_it_is_with_something_around_it(kind: str, typed: str) -> None:
    def read(text: str) -> Identifier | str:
        try:
            return parse_identifier(kind, text)
        except IdentifierRefused as refused:
            return refused.code

    assert read(typed) == read(f" {typed} ")
