"""New passwords: what is refused, with which reason, and what must not be refused."""

import random
import string
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclave.domain.passwords import (
    MAX_BYTES,
    MAX_CODE_POINTS,
    POLICIES,
    PasswordContext,
    PasswordPolicy,
    check_password,
    in_frequency_lists,
    normalise,
    password_advice,
)
from reclave.domain.wordlists import common_words, context_words, fold, segment

NOBODY = PasswordContext()
TEMPORARY = "kx7m-9qwp-4tnd-h2vf"
COMPANY = PasswordContext(
    words=("pagos", "Pagos en línea", "Ejemplo Carga S.A."),
    identifiers=("9001234568",),
    address="maria.torres@empresa.example",
    temporary_password=TEMPORARY,
)
NIST, GOVUK = POLICIES["nist"], POLICIES["govuk"]
GOOD = "caballo bateria grapa correcto"


def codes(
    password: str,
    policy: PasswordPolicy = NIST,
    context: PasswordContext = COMPANY,
    *,
    second_factor: bool = False,
) -> list[str]:
    found = check_password(password, policy=policy, context=context, second_factor=second_factor)
    return [refused.code for refused in found]


class BreachedList:
    """A list that holds every password, and remembers which it was asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, password: str) -> bool:
        self.asked.append(password)
        return True


def quoted_word(password: str) -> str | int:
    (refused,) = check_password(password, policy=NIST, context=COMPANY)
    return refused.detail["word"]


@pytest.mark.req("S16")
@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "correct horse battery staple",
        "tres tristes tigres comen trigo",
        "mi perro se llama Toby",
        "el gato toca guitarra los martes",
        "ventanarojabicicletarota",
        "pagos y caballo con sombrero verde",
        "3Xv9qLr2mZt7Wd8",
        "zpqmvhwtrkxjbnd",
        "日本語のパスワードは安全だと思う",
        "🐎 🔋 📎 ✔️ 🌵 🚲 🪟 🥑 🧶 🛶 🎻 🦜",
        "contraseña de tres palabras distintas",
    ],
)
def test_a_long_passphrase_needs_no_digit_sign_or_capital(password: str) -> None:
    assert codes(password) == []


@pytest.mark.req("S16")
@pytest.mark.parametrize(
    ("preset", "second_factor", "minimum"),
    [
        ("nist", False, 15),
        ("nist", True, 8),
        ("govuk", False, 8),
        ("govuk", True, 8),
        ("legacy", False, 8),
        ("legacy", True, 8),
    ],
)
def test_each_preset_asks_for_its_length_and_says_it(preset: str, second_factor: bool, minimum: int) -> None:
    letters = "zpqmvhwtrkxjbnd"
    policy = POLICIES[preset]
    (refused,) = check_password(letters[: minimum - 1], policy=policy, context=NOBODY, second_factor=second_factor)
    assert (refused.code, refused.detail) == ("too_short", {"minimum": minimum, "got": minimum - 1})
    assert codes(letters[:minimum], policy, second_factor=second_factor) == []


@pytest.mark.req("S16", "S20")
def test_length_is_counted_in_code_points_after_composition() -> None:
    eight = "ñzqáxhöb"
    for form in ("NFC", "NFD"):
        assert codes(unicodedata.normalize(form, eight), GOVUK) == []
        assert codes(unicodedata.normalize(form, eight[1:]), GOVUK) == ["too_short"]
    assert codes("🐎🔋📎🌵🚲🪟🥑🧶", GOVUK) == []


@pytest.mark.req("S16", "S20")
def test_a_password_may_have_256_code_points_and_not_one_more() -> None:
    alphabet = string.ascii_letters + "ñáéíóú"
    longest = "".join(random.Random(7).choices(alphabet, k=MAX_CODE_POINTS))
    assert codes(longest) == []
    found = check_password(longest + "x", policy=NIST, context=COMPANY)
    assert [(refused.code, refused.detail) for refused in found] == [("too_long", {"maximum": 256})]


@pytest.mark.req("S20", "S49")
@pytest.mark.parametrize("typed", ["a" * 1_000_000, "ñ" * 1_000_000, "n\u0303" * 500_000, "🐎" * (MAX_BYTES // 4 + 1)])
def test_a_megabyte_is_refused_at_once(typed: str) -> None:
    breached = BreachedList()
    started = time.process_time()
    found = check_password(typed, policy=NIST, context=COMPANY, breached=breached)
    assert time.process_time() - started < 0.05
    assert [refused.code for refused in found] == ["too_long"]
    assert breached.asked == []


@pytest.mark.req("S20")
@given(st.text(max_size=80))
def test_normalising_twice_changes_nothing_more(password: str) -> None:
    once = normalise(password)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.req("S20")
def test_one_password_has_one_form_whatever_the_keyboard_composes() -> None:
    assert normalise("contrasen\u0303a\u00a0larga\u2007") == "contraseña larga "
    assert normalise(" Ｃｌａｖｅ ﬁja ") == " Ｃｌａｖｅ ﬁja "


@pytest.mark.parametrize("character", ["\x00", "\t", "\n", "\x7f", "\ud800"])
def test_a_control_character_is_refused(character: str) -> None:
    assert "control_character" in codes(f"{GOOD}{character}")


@pytest.mark.req("S17")
@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("Micontraseña2024!!", "contraseña"),
        ("bienvenido20242024", "bienvenido"),
        ("C0ntr@señ@12345678", "contraseña"),
        ("c.o.n.t.r.a.s.e.ñ.a", "contraseña"),
        ("añesartnocim2024", "contraseña"),
        ("CONTRASENA_SEGURA_1", "contraseña"),
        ("minhasenhaforte2024", "senhaforte"),
        ("Passwooooooord123!!", "password"),
        ("colombia2026colombia", "colombia"),
        ("Ecuador.2026.Quito", "ecuador"),
        ("juancarlosperez85", "juancarlos"),
        ("teamomuchomiamor", "teamomucho"),
        ("perro!!!!!!!!!!!!742", "perro"),
    ],
)
def test_a_common_word_with_decoration_is_refused_and_named(password: str, word: str) -> None:
    assert codes(password) == ["common"]
    assert quoted_word(password) == word


@pytest.mark.req("S17")
@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("pagosenlinea2026", "Pagos en línea"),
        ("900.123.456-8!!!!", "9001234568"),
        ("Nit 900 123 456 8", "9001234568"),
        ("900123456pagos2026", "900123456"),
        ("9001234568 xkqzw", "9001234568"),
        ("mariatorres1985!", "maria.torres"),
        ("Empresa2024Maria", "empresa"),
        ("ejemplocarga2026", "Ejemplo"),
    ],
)
def test_what_is_known_about_portal_and_person_is_refused_and_named(password: str, word: str) -> None:
    assert codes(password) == ["contains_context"]
    assert quoted_word(password) == word


@pytest.mark.req("S17")
def test_a_portals_word_inside_a_good_password_does_not_spoil_it() -> None:
    assert codes("pagos zpqmvhwtrk") == []
    assert codes("pagos zpqmvh", GOVUK) == ["contains_context"]


@pytest.mark.req("S17")
@pytest.mark.parametrize(
    "password",
    [
        "123456789012345",
        "1q2w3e4r5t6y7u8i",
        "qwertyuiopasdfgh",
        "zxcvbnmñlkjhgfdsa",
        "ASDFGHJKLÑasdf1234",
        '!"#$%&/()=?!"#$%',
        "abcdefghijklmnñopq",
        "qazwsxedc147258369",
    ],
)
def test_rows_of_keys_and_the_alphabet_are_refused(password: str) -> None:
    assert codes(password) == ["sequence"]


@pytest.mark.req("S17")
@pytest.mark.parametrize(
    "password",
    [
        "contraseñacontraseña",
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "kX9$mQ2zkX9$mQ2z",
        "hola hola hola hola",
        "xkqzwxkqzwxkqzwxkq",
        "!!!!!!!!!!!!!!!!!!",
        "nñnñnñnñnñnñnñnñ",
    ],
)
def test_what_reaches_its_length_by_repetition_only_is_refused(password: str) -> None:
    assert codes(password) == ["repetition"]


@pytest.mark.req("S17")
@pytest.mark.parametrize("password", ["24121985", "1985-12-24", "12/25/1985", "2024.2025"])
def test_a_date_alone_is_refused(password: str) -> None:
    assert codes(password, GOVUK) == ["date"]


@pytest.mark.req("S17")
def test_all_reasons_are_given_at_once() -> None:
    assert codes("1234") == ["too_short", "sequence"]
    assert codes("perro742") == ["too_short", "common"]


@pytest.mark.req("S14")
@pytest.mark.parametrize(
    "password",
    [TEMPORARY, TEMPORARY.upper(), TEMPORARY.replace("-", ""), f"{TEMPORARY}1!", f"mi {TEMPORARY}"],
)
def test_the_temporary_password_can_not_be_kept(password: str) -> None:
    assert codes(password) == ["is_temporary_password"]


@pytest.mark.req("S14")
def test_a_short_initial_password_inside_a_good_one_is_no_reason() -> None:
    context = PasswordContext(temporary_password="1234")
    assert codes("zpqm 1234 vhwtrkxj", context=context) == []
    assert "is_temporary_password" in codes("1234", context=context)


@pytest.mark.req("S17", "S20")
def test_the_breached_list_is_asked_with_the_normalised_password() -> None:
    breached = BreachedList()
    typed = unicodedata.normalize("NFD", "zpqñvhwtrkxjbnd")
    found = check_password(typed, policy=NIST, context=COMPANY, breached=breached)
    assert [refused.code for refused in found] == ["breached"]
    assert breached.asked == ["zpqñvhwtrkxjbnd"]


def test_the_breached_list_is_not_asked_about_what_is_refused_anyway() -> None:
    breached = BreachedList()
    check_password("1234", policy=NIST, context=COMPANY, breached=breached)
    assert breached.asked == []


@pytest.mark.req("S44")
def test_neither_reasons_nor_context_print_what_they_hold() -> None:
    found = check_password("Micontraseña2024!!", policy=NIST, context=COMPANY)
    printed = f"{found} {COMPANY!r} {segment(fold('Micontraseña'), common_words())}"
    assert "contras" not in printed
    assert "9001234568" not in printed
    assert TEMPORARY not in printed


@pytest.mark.req("S49")
@given(st.text(max_size=60), st.sampled_from(sorted(POLICIES)))
def test_any_text_is_checked_without_an_error(password: str, preset: str) -> None:
    found = check_password(password, policy=POLICIES[preset], context=COMPANY)
    if len(normalise(password)) < POLICIES[preset].minimum:
        assert found[0].code == "too_short"


@given(st.text(max_size=60))
def test_the_pieces_of_a_password_are_the_password(text: str) -> None:
    folded = fold(text)
    pieces = segment(folded, common_words(), context_words({"pagos": "Pagos"}))
    assert "".join(piece.text for piece in pieces) == folded


@pytest.mark.req("S16")
@pytest.mark.parametrize(
    "alphabet",
    [string.ascii_lowercase, string.ascii_letters + string.digits, string.printable[:94]],
    ids=["letters", "letters and digits", "all signs"],
)
def test_a_generated_password_of_15_characters_is_never_refused(alphabet: str) -> None:
    generator = random.Random(20261122)
    refused = [
        password for password in ("".join(generator.choices(alphabet, k=15)) for _ in range(1_000)) if codes(password)
    ]
    assert refused == []


@pytest.mark.req("S17")
def test_a_common_word_is_refused_alone_and_with_a_year_or_a_row_of_digits() -> None:
    for word in (
        "amor",
        "millonarios",
        "senha",
        "dragon",
        "valentina",
        "rodriguez",
        "obrigado",
        "diosesamor",
    ):
        assert "common" in codes(word, GOVUK), word
        assert codes(f"{word}2024", GOVUK) == ["common"], word
        assert codes(f"{word.title()}12345678", GOVUK) == ["common"], word


def test_a_check_takes_a_few_milliseconds_at_most() -> None:
    codes(GOOD)
    passwords = ["".join(random.Random(seed).choices("!@$|+(0123456789aeiolst", k=30)) for seed in range(50)]
    started = time.process_time()
    for password in passwords:
        codes(password)
    assert (time.process_time() - started) / len(passwords) < 0.01


def test_advice_lets_the_own_lists_lower_what_zxcvbn_overrates() -> None:
    assert password_advice("micontraseña", NOBODY).score == 1
    assert password_advice("bienvenido2024", NOBODY).score == 1
    assert password_advice(GOOD, COMPANY).score == 4


def test_advice_carries_stable_codes() -> None:
    advice = password_advice("password", NOBODY)
    assert advice.score == 0
    assert advice.warning == "this_is_a_top10_password"
    assert advice.suggestions == ("add_another_word_or_two",)


@pytest.mark.req("S49")
@given(st.text(max_size=80))
def test_advice_takes_any_text(password: str) -> None:
    assert 0 <= password_advice(password, COMPANY).score <= 4


def test_advice_about_a_megabyte_comes_at_once() -> None:
    password_advice(GOOD, COMPANY)
    started = time.process_time()
    password_advice("a1!" * 333_333, COMPANY)
    assert time.process_time() - started < 0.2


@pytest.mark.req("S17")
@pytest.mark.parametrize("password", ["superman", "Iloveyou", "password123", "contrasena"])
def test_the_built_in_frequency_lists_can_be_asked(password: str) -> None:
    assert in_frequency_lists(password)


@pytest.mark.parametrize("password", ["zpqmvhwtrkxjbnd", "", "superman\x00", "superman zpqm", "s" * 500])
def test_what_the_frequency_lists_do_not_hold_is_not_found(password: str) -> None:
    assert not in_frequency_lists(password)
