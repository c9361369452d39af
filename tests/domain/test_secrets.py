import math
import string
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reclave.domain.secrets import (
    Bound,
    Presentation,
    derive_mac,
    digest_of,
    hkdf_sha256,
    read_code,
    read_temporary_password,
    read_token,
    same_secret,
    write_reference,
    write_secret,
)

KEY = bytes(range(32))
BOUND = Bound("k1", 0, "pagos", "account-1", "set_password", Presentation.LINK, 1, b"\x07" * 16)

few = st.text("ab\x00", max_size=3)
bounds = st.builds(
    Bound,
    key_id=few,
    epoch=st.integers(0, 2),
    portal=few,
    account=few,
    purpose=few,
    presentation=st.sampled_from(Presentation),
    credential_version=st.integers(0, 2),
    grant=st.binary(max_size=3),
    context=st.binary(max_size=3),
)
macs = st.binary(min_size=32, max_size=32)
anything = st.one_of(
    st.text(max_size=80),
    st.text(st.characters(), max_size=80),  # lone surrogates too
    st.text("CDFGHJKMNPQRTVWXY34679- ", max_size=40),
    st.text(string.ascii_letters + string.digits + "-_=", max_size=140),
)


def written(presentation: Presentation, mac: bytes) -> str:
    return write_secret(mac, replace(BOUND, presentation=presentation))


@pytest.mark.parametrize(
    ("key", "salt", "info", "length", "expected"),
    [
        (
            b"\x0b" * 22,
            bytes(range(13)),
            bytes(range(0xF0, 0xFA)),
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            82,
            (
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac78272"
                "71cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
            ),
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
    ids=["RFC 5869, A.1", "RFC 5869, A.2", "RFC 5869, A.3"],
)
def test_hkdf_gives_what_its_rfc_says(key: bytes, salt: bytes, info: bytes, length: int, expected: str) -> None:
    assert hkdf_sha256(key, info, salt=salt, length=length).hex() == expected


@pytest.mark.req("I4")
@given(one=bounds, other=bounds)
def test_different_tuples_are_hashed_differently(one: Bound, other: Bound) -> None:
    assume(one != other)
    assert one.encoded() != other.encoded()


@pytest.mark.req("I4")
@given(text=st.text(min_size=1, max_size=8), cuts=st.tuples(st.integers(0, 8), st.integers(0, 8)))
@pytest.mark.parametrize(("before", "after"), [("portal", "account"), ("account", "purpose")])
def test_moving_letters_to_the_next_part_of_the_tuple_changes_what_is_hashed(
    text: str, cuts: tuple[int, int], before: str, after: str
) -> None:
    assume(text[: cuts[0]] != text[: cuts[1]])
    parts: list[dict[str, Any]] = [{before: text[:cut], after: text[cut:]} for cut in cuts]
    one, other = (replace(BOUND, **each) for each in parts)
    assert one.encoded() != other.encoded()


@pytest.mark.req("I4")
def test_moving_bytes_from_the_grants_id_to_the_context_changes_what_is_hashed() -> None:
    moved = replace(BOUND, grant=BOUND.grant[:-1], context=BOUND.grant[-1:])
    assert moved.encoded() != BOUND.encoded()


@pytest.mark.req("I4", "S11")
@pytest.mark.parametrize("presentation", list(Presentation))
@pytest.mark.parametrize(
    "change",
    [
        {"key_id": "k2"},
        {"epoch": 1},
        {"portal": "aduana"},
        {"account": "account-2"},
        {"purpose": "report"},
        {"credential_version": 2},
        {"grant": b"\x08" * 16},
        {"context": b"waiting handle"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_secret_changes_with_everything_it_is_bound_to(
    presentation: Presentation, change: dict[str, str | int | bytes]
) -> None:
    bound = replace(BOUND, presentation=presentation)
    other = replace(bound, **change)  # type: ignore[arg-type]  # each case names one field of Bound
    assert write_secret(derive_mac(KEY, bound), bound) != write_secret(derive_mac(KEY, other), other)
    assert derive_mac(KEY, bound) != derive_mac(KEY[::-1], bound)


@pytest.mark.req("S7")
@given(mac=macs, other=macs)
def test_a_link_carries_its_grant_and_192_bits_that_cannot_be_guessed(mac: bytes, other: bytes) -> None:
    token = written(Presentation.LINK, mac)
    assert read_token(token) == BOUND.grant
    assert set(token) <= set(string.ascii_letters + string.digits + "-_=")
    assert (token == written(Presentation.LINK, other)) == (mac[:24] == other[:24])


@pytest.mark.req("S14")
@given(mac=macs)
def test_a_temporary_password_has_eighteen_letters_in_three_groups(mac: bytes) -> None:
    secret = written(Presentation.TEMPORARY_PASSWORD, mac)
    assert [len(group) for group in secret.split("-")] == [6, 6, 6]
    assert read_temporary_password(secret) == secret


@given(mac=macs)
def test_a_code_has_eight_letters_in_two_groups(mac: bytes) -> None:
    secret = written(Presentation.CODE, mac)
    assert [len(group) for group in secret.split("-")] == [4, 4]
    assert read_code(secret) == secret


@given(entropy=st.binary(min_size=5, max_size=16))
def test_a_reference_reads_like_a_code(entropy: bytes) -> None:
    reference = write_reference(entropy)
    assert read_code(reference) == reference


def letters_of(presentation: Presentation) -> set[str]:
    """The letters that appear in a thousand secrets."""
    secrets = [written(presentation, digest_of(str(number))) for number in range(1000)]
    return set("".join(secrets)) - {"-"}


@pytest.mark.req("S14")
def test_a_temporary_password_has_eighty_bits_without_look_alikes() -> None:
    letters = letters_of(Presentation.TEMPORARY_PASSWORD)
    assert 18 * math.log2(len(letters)) >= 80
    for alike in ("0o", "1li", "2z", "5s", "8b", "uv"):
        assert len(letters & set(alike)) <= 1, alike
    assert not letters & set("aeiou"), "no words"


@pytest.mark.req("S14")
def test_a_code_has_forty_bits_and_reads_its_look_alikes_as_what_was_meant() -> None:
    letters = letters_of(Presentation.CODE)
    assert 8 * math.log2(len(letters)) >= 40
    assert not letters & set("ILOU")
    assert read_code("O0oO-Ii1L") == "0000-1111"


def test_every_letter_of_a_secret_is_equally_likely() -> None:
    for presentation, size in ((Presentation.TEMPORARY_PASSWORD, 22), (Presentation.CODE, 32)):
        secrets = [written(presentation, digest_of(str(number))).replace("-", "") for number in range(4000)]
        for column in zip(*secrets, strict=True):
            counts = [column.count(letter) for letter in set(column)]
            expected = len(secrets) / size
            assert len(counts) == size
            # Chi-squared with at most 31 degrees of freedom: 80 is beyond one in a hundred thousand.
            assert sum((count - expected) ** 2 / expected for count in counts) < 80


@pytest.mark.req("P7", "S51")
@pytest.mark.parametrize(
    "typing",
    [
        str.upper,
        lambda secret: secret.replace("-", ""),
        lambda secret: secret.replace("-", " "),
        lambda secret: secret.replace("-", " – "),
        lambda secret: secret.replace("-", "\u2212"),
        lambda secret: secret.replace("-", "\u2011"),
        lambda secret: secret.replace("-", "."),
        lambda secret: secret.replace("-", "_/"),
        lambda secret: f"\t{secret}\r\n",
        lambda secret: f"«{secret}».",
        lambda secret: secret.replace("-", "\u00ad-\u200b"),
        lambda secret: "".join(chr(ord(letter) + 0xFEE0) for letter in secret),
    ],
    ids=[
        "upper case",
        "no dashes",
        "spaces",
        "en dashes",
        "minus",
        "hard hyphens",
        "dots",
        "strokes",
        "line end",
        "quoted",
        "invisible",
        "full width",
    ],
)
def test_secrets_are_read_in_any_case_and_punctuation(typing: Callable[[str], str]) -> None:
    for number in range(20):
        password = written(Presentation.TEMPORARY_PASSWORD, digest_of(str(number)))
        code = written(Presentation.CODE, digest_of(str(number)))
        assert read_temporary_password(typing(password)) == password
        assert read_code(typing(code)) == code


@given(typed=anything)
def test_whatever_is_typed_is_read_or_refused_without_an_error(typed: str) -> None:
    password, code, token = read_temporary_password(typed), read_code(typed), read_token(typed)
    assert password is None or read_temporary_password(password) == password
    assert code is None or read_code(code) == code
    assert token is None or len(token) == 16
    for presentation in Presentation:
        expected = written(presentation, KEY)
        assert same_secret(typed, expected) == (typed == expected)
        assert same_secret(expected, expected)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "-",
        "cdfghj-kmnpqr-tvwxy",
        "cdfghj-kmnpqr-tvwxya",
        "cdfghj-kmnpqr-tvwxy34",
        "c" * 18 + "-" * 40,
        "½" * 9,
        "cdfghj+kmnpqr=tvwxy3",
    ],
)
def test_what_cannot_be_a_temporary_password_is_refused(typed: str) -> None:
    assert read_temporary_password(typed) is None


@pytest.mark.parametrize("typed", ["", "ABCD-EF1", "ABCD-EF123", "ABCD-EFGU", "ABCDEF12" + " " * 30, "ABCD-EFÑ2"])
def test_what_cannot_be_a_code_is_refused(typed: str) -> None:
    assert read_code(typed) is None


def test_a_damaged_token_is_refused() -> None:
    token = written(Presentation.LINK, bytes(32))
    cut = [token[:-1], token[1:], token[:20] + token[24:], ""]
    swollen = [token + "A", token + "\n", "A" * 1_000_000]
    changed = ["B" + token[1:], token[:9] + "*" + token[10:], token.replace("A", "Á")]
    assert [read_token(damaged) for damaged in cut + swollen + changed] == [None] * 10


def test_a_handle_is_kept_as_its_sha_256() -> None:
    assert digest_of("abc") == digest_of(b"abc")
    assert digest_of("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
