"""E-mail addresses: which are taken, what two of them have in common, what a log shows."""

import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.domain.addresses import Address, AddressRefused, mask_address, parse_address, show_address

atoms = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-", min_size=1, max_size=20)
labels = st.from_regex(r"[a-z]([a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)
international_labels = st.text("abcdeñáéíóúüçãõßıαβγдежשבא中文", min_size=1, max_size=12)


def refusal(typed: str) -> str:
    with pytest.raises(AddressRefused) as caught:
        parse_address(typed)
    assert str(caught.value) == caught.value.code
    return caught.value.code


def test_mail_goes_to_the_spelling_that_was_typed_and_case_does_not_make_two_accounts() -> None:
    assert parse_address(" Maria.Torres@Empresa.Example\t") == Address(
        stored="Maria.Torres@Empresa.Example", canonical="maria.torres@empresa.example"
    )


def test_a_portal_may_tell_local_parts_apart_by_case() -> None:
    address = parse_address("Maria@Empresa.Example", fold_case=False)
    assert address.canonical == "Maria@empresa.example"


@pytest.mark.req("S33")
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "address_missing"),
        (" \t ", "address_missing"),
        ("maria@empresa.example\r\nBcc: otra@x.example", "address_control_character"),
        ("maria@empresa.example\n", "address_control_character"),
        ("maria\x00@empresa.example", "address_control_character"),
        ("maria@empresa.example\u2028", "address_control_character"),
        ("maria\ud800@empresa.example", "address_control_character"),
        ("=?utf-8?q?maria=40otra.example=3e?=@empresa.example", "address_encoded_word"),
        ("x@=?utf-8?q?empresa?=.example", "address_encoded_word"),
        ('"maria torres"@empresa.example', "address_quoted"),
        ('"a@otra.example,"@empresa.example', "address_quoted"),
        ("mar\\ia@empresa.example", "address_quoted"),
        ("maria(su correo)@empresa.example", "address_comment"),
        ("maria@(otra.example)empresa.example", "address_comment"),
        ("Maria <maria@empresa.example>", "address_angle_brackets"),
        ("maria@empresa.example,otra@x.example", "address_several"),
        ("maria@empresa.example;otra@x.example", "address_several"),
        ("maria@empresa.example otra@x.example", "address_several"),
        ("maria@otra.example@empresa.example", "address_several"),
        ("maria torres@empresa.example", "address_space"),
        ("maria@empresa\u00a0.example", "address_space"),
        ("maria\uff20empresa.example", "address_look_alike"),
        ("maria.empresa.example", "address_without_at"),
        ("@empresa.example", "address_local_part_missing"),
        (".maria@empresa.example", "address_local_part"),
        ("maria..torres@empresa.example", "address_local_part"),
        ("maria.@empresa.example", "address_local_part"),
        ("l" * 65 + "@empresa.example", "address_local_part_too_long"),
        ("maria@", "address_domain"),
        ("maria@empresa", "address_domain"),
        ("maria@empresa..example", "address_domain"),
        ("maria@-empresa.example", "address_domain"),
        ("maria@empresa_x.example", "address_domain"),
        ("maria@192.0.2.1", "address_domain"),
        ("maria@[192.0.2.1]", "address_domain"),
        ("maria@localhost", "address_domain"),
        ("maria@empresa.local", "address_domain"),
        ("maria@xn--zzzz.example", "address_domain"),
        ("maria@☃\u00ad.example", "address_domain"),
        ("\u202emaria@empresa.example", "address_control_character"),
        ("maria@empresa.example\U000e0041", "address_control_character"),
        ("<maria@empresa.example", "address_angle_brackets"),
        ("mailto:maria%40otra.example@empresa.example", "address_local_part"),
        ("mailto:otra@x.example,maria@empresa.example", "address_several"),
        ("maria torres @ empresa.example", "address_space"),
        ("Atte. maria@empresa.example", "address_space"),
    ],
)
def test_what_is_not_one_plain_address_is_refused_with_its_reason(typed: str, code: str) -> None:
    assert refusal(typed) == code


@pytest.mark.parametrize(
    "typed",
    [
        "\u2003maria@empresa.example\u00a0\u200b",
        "maria @ empresa.example",
        "<maria@empresa.example>",
        "mailto:maria@empresa.example",
        "<MAILTO:maria@empresa.example?subject=Clave>;",
        '"maria@empresa.example",',
        "\u201cmaria@empresa.example\u201d.",
        "'maria@empresa.example'",
        "«maria@empresa.example»",
        "maria@empresa.example.",
        "ma\u200bria@empresa\u00ad.example\ufeff",
        "\u202amaria@empresa.example\u202c",
        "maria\u200d@empresa.example",
    ],
)
def test_what_copying_leaves_around_an_address_is_dropped(typed: str) -> None:
    assert parse_address(typed).stored == "maria@empresa.example"


@pytest.mark.req("S34")
@given(
    atoms,
    labels,
    st.text("<>\"'«» \u00a0\u200b.,;:\u202c", max_size=4),
    st.text("<>\"'«» \u00a0\u200b.,;:\u202c", max_size=4),
)
def test_what_stands_around_an_address_never_makes_it_another(local: str, name: str, before: str, after: str) -> None:
    typed = f"{local}@{name}.example"
    try:
        read = parse_address(before + typed + after).canonical
    except AddressRefused:
        return
    # An apostrophe belongs to the local part that it leads: nobody else's address begins with it.
    assert read.lstrip("'") == typed.lower()


@pytest.mark.req("S34")
def test_a_joiner_in_an_international_domain_is_refused_and_not_dropped() -> None:
    assert refusal("ana@نامه\u200cای.example") == "address_control_character"


@pytest.mark.parametrize(
    ("canonical", "shown"),
    [
        ("maria@empresa.example", "maria@empresa.example"),
        ("ana@xn--and-6ma2c.example", "ana@ñandú.example"),
        ("ana@xn--zzzz.example", "ana@xn--zzzz.example"),
    ],
)
def test_an_address_is_shown_in_its_own_letters(canonical: str, shown: str) -> None:
    assert show_address(canonical) == shown


@pytest.mark.req("S33")
def test_an_address_has_254_bytes_at_most_and_the_limit_itself_is_taken() -> None:
    local, labels_of_60 = "l" * 64, ".".join(["d" * 60] * 2)
    longest = f"{local}@{labels_of_60}.{'e' * 59}.example"
    assert len(longest) == 254
    assert parse_address(longest).stored == longest
    assert refusal(f"x{longest}") == "address_too_long"


@pytest.mark.req("S33")
def test_punycode_counts_against_the_length() -> None:
    typed = f"{'l' * 64}@{'.'.join(['ñ'] * 23)}.example"
    assert len(typed.encode()) < 254
    assert refusal(typed) == "address_too_long"


@pytest.mark.req("S34")
@pytest.mark.parametrize(
    "typed",
    [
        "\u212aarina@x.example",
        "ırene@x.example",
        "ſara@x.example",
        "straße@x.example",
        "ﬁn@x.example",
        "maría@x.co",
    ],
)
def test_a_local_part_outside_ascii_is_refused_before_any_library_folds_it(typed: str) -> None:
    assert refusal(typed) == "address_local_part_not_ascii"


@pytest.mark.req("S34")
@pytest.mark.parametrize(
    "typed",
    [
        "ana@\u212aelvin.example",
        "ana@faſt.example",
        "ana@ﬁn.example",
        "ana@empresa。example",
        "ana@empresa．example",
        "ana@ｅmpresa.example",
        "ana@①.example",
        "ana@İzmir.example",
        "ana@pen\u0303a.example",
        "ana@\u212bngstrom.example",
        "ana@x²y.example",
    ],
)
def test_a_domain_that_a_library_would_map_to_another_is_refused(typed: str) -> None:
    assert refusal(typed) == "address_look_alike"


@pytest.mark.req("S34")
@pytest.mark.parametrize(
    ("typed", "look_alike"),
    [
        ("ana@straße.example", "ana@strasse.example"),
        ("ana@kırmızı.example", "ana@kirmizi.example"),
        ("ana@peña.example", "ana@pena.example"),
        ("ana@pаypal.example", "ana@paypal.example"),
        ("ana@βeta.example", "ana@beta.example"),
    ],
)
def test_a_domain_with_a_look_alike_letter_is_another_domain(typed: str, look_alike: str) -> None:
    address = parse_address(typed)
    assert address.canonical != parse_address(look_alike).canonical
    assert "@xn--" in address.canonical


@pytest.mark.req("S34")
def test_an_international_domain_is_one_address_in_every_spelling() -> None:
    spellings = (
        "ana@ñandú.example",
        "Ana@ÑANDÚ.Example",
        "ana@xn--and-6ma2c.example",
        "ana@XN--AND-6MA2C.example",
    )
    assert {parse_address(typed).canonical for typed in spellings} == {"ana@xn--and-6ma2c.example"}


@pytest.mark.req("S34")
def test_mail_to_an_international_domain_goes_to_its_ascii_form() -> None:
    assert parse_address("Ana@Straße.example").stored == "Ana@xn--strae-oqa.example"


def test_domains_reserved_for_tests_are_taken_only_where_the_settings_say_so() -> None:
    assert parse_address("ana@correo.test", special_use=True).canonical == "ana@correo.test"
    assert refusal("ana@correo.test") == "address_domain"
    assert parse_address("ana@correo.example").canonical == "ana@correo.example"


@given(atoms, st.lists(labels, min_size=1, max_size=4))
def test_an_ascii_address_is_kept_as_it_is_but_for_case(local: str, names: list[str]) -> None:
    typed = f"{local}@{'.'.join(names)}.example"
    address = parse_address(typed)
    assert address.stored == typed
    assert address.canonical == typed.lower()
    assert parse_address(address.canonical).canonical == address.canonical


@pytest.mark.req("S34")
@given(international_labels, international_labels)
def test_two_different_international_domains_never_become_one(one: str, other: str) -> None:
    seen = {}
    for label in (one, other):
        try:
            seen[label] = parse_address(f"ana@{label}.example").canonical
        except AddressRefused:
            continue
    assert len(set(seen.values())) == len(seen)


@pytest.mark.req("S33", "S34", "S49")
@given(st.one_of(st.text(max_size=60), st.builds("{}@{}.example".format, st.text(max_size=20), st.text(max_size=20))))
def test_any_text_is_one_ascii_address_or_refused(typed: str) -> None:
    try:
        address = parse_address(typed)
    except AddressRefused:
        return
    for form in (address.stored, address.canonical):
        assert form.isascii()
        assert form.isprintable()
        assert form.count("@") == 1
        assert not set(form) & set(' ,;<>()"\\')
    assert parse_address(address.stored).canonical == address.canonical


@pytest.mark.req("S49")
@pytest.mark.parametrize("typed", ["a" * 1_000_000, "a@" + "b." * 500_000, "@" * 1_000_000])
def test_a_megabyte_is_refused_at_once(typed: str) -> None:
    started = time.process_time()
    assert refusal(typed) == "address_too_long"
    assert time.process_time() - started < 0.05


@pytest.mark.req("S44")
@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("maria@empresa.example", "m•••@e•••.example"),
        ("maria@correo.empresa.com.co", "m•••@c•••.e•••.c•••.co"),
        ("a@b.co", "•••@•••.co"),
        ("maria", "•••"),
        ("", "•••"),
        ("maria@empresa", "m•••@•••"),
        ("\r\nX@\x00.\x00", "•••@•••.•••"),
    ],
)
def test_a_masked_address_shows_first_letters_and_the_top_level_only(address: str, masked: str) -> None:
    assert mask_address(address) == masked


@pytest.mark.req("S44")
@given(st.text(max_size=50))
def test_a_masked_text_has_nothing_that_breaks_a_log_line(text: str) -> None:
    assert mask_address(text).isprintable()


@pytest.mark.req("S44")
def test_the_representation_of_an_address_is_masked() -> None:
    assert repr(parse_address("maria@empresa.example")) == "Address(m•••@e•••.example)"


def test_reading_addresses_does_not_load_the_resolver() -> None:
    program = (
        "import sys, reclave.domain.addresses\nsys.exit(any(name.partition('.')[0] == 'dns' for name in sys.modules))"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, check=False, timeout=60)
    assert ended.returncode == 0
