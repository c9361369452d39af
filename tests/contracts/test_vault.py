"""The contract of the vault: every adapter of `ports.vault.Vault` passes this suite."""

import itertools
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import create_keyring
from reclave.adapters.keyring_vault import KeyringVault
from reclave.domain.secrets import (
    Bound,
    Presentation,
    read_code,
    read_temporary_password,
    read_token,
)
from reclave.ports.vault import Unsealable, Vault

GRANT = bytes(range(16))
PARTS = st.lists(st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.binary()), max_size=4)


def keyring_vault(folder: Path) -> Vault:
    path = folder / "keyring.json"
    if not path.exists():
        create_keyring(path, SystemEntropy(), 0)
    return KeyringVault(path, SystemEntropy())


MAKERS: list[Callable[[Path], Vault]] = [keyring_vault]


@pytest.fixture(params=MAKERS, scope="module")
def make(request: pytest.FixtureRequest) -> Callable[[Path], Vault]:
    maker: Callable[[Path], Vault] = request.param
    return maker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vault")


@pytest.fixture(scope="module")
def vault(make: Callable[[Path], Vault], folder: Path) -> Vault:
    return make(folder)


def bound_to(vault: Vault, presentation: Presentation = Presentation.LINK) -> Bound:
    return Bound(vault.key_id, vault.epoch, "pagos", "account-1", "set_password", presentation, 3, GRANT, b"handle")


@pytest.mark.req("I4", "S9")
def test_a_secret_is_derived_again_by_any_process_with_the_same_keyring(
    vault: Vault, make: Callable[[Path], Vault], folder: Path
) -> None:
    for presentation in Presentation:
        bound = bound_to(vault, presentation)
        assert vault.secret(bound) == make(folder).secret(bound)


@pytest.mark.req("I4", "S9")
def test_another_keyring_derives_other_secrets(vault: Vault, make: Callable[[Path], Vault], tmp_path: Path) -> None:
    other = make(tmp_path)
    assert other.secret(bound_to(other)) != vault.secret(bound_to(vault))
    assert other.digest("client", "x") != vault.digest("client", "x")
    with pytest.raises(Unsealable):
        other.open("totp", vault.seal("totp", b"seed"))


def test_a_secret_is_written_in_the_form_of_its_presentation(vault: Vault) -> None:
    assert read_token(vault.secret(bound_to(vault, Presentation.LINK))) == GRANT
    temporary = vault.secret(bound_to(vault, Presentation.TEMPORARY_PASSWORD))
    assert read_temporary_password(temporary.upper().replace("-", " ")) == temporary
    code = vault.secret(bound_to(vault, Presentation.CODE))
    assert read_code(code.lower()) == code


@pytest.mark.req("I4", "S11")
def test_a_secret_fits_only_the_tuple_that_it_is_bound_to(vault: Vault) -> None:
    bound = bound_to(vault)
    others = [
        replace(bound, portal="aduana"),
        replace(bound, account="account-2"),
        replace(bound, purpose="report"),
        replace(bound, presentation=Presentation.CODE),
        replace(bound, credential_version=4),
        replace(bound, grant=bytes(16)),
        replace(bound, context=b""),
        replace(bound, key_id="k999"),
        replace(bound, epoch=bound.epoch + 1),
    ]
    assert len(others) == len(fields(Bound))
    secrets = [vault.secret(one) for one in (bound, *others)]
    assert len(set(secrets)) == len(secrets)


@pytest.mark.req("I4")
@pytest.mark.parametrize("gone", [{"key_id": "k999"}, {"key_id": ""}, {"key_id": "ñ"}, {"epoch": 999}])
def test_the_secret_of_a_key_or_epoch_that_is_gone_fits_nothing(
    vault: Vault, make: Callable[[Path], Vault], folder: Path, gone: dict[str, object]
) -> None:
    for presentation in Presentation:
        bound = bound_to(vault, presentation)
        lost = Bound(**{field.name: getattr(bound, field.name) for field in fields(Bound)} | gone)
        derived = [vault.secret(lost), vault.secret(lost), make(folder).secret(lost)]
        assert len(set(derived)) == len(derived)
        assert {len(secret) for secret in derived} == {len(vault.secret(bound))}


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=PARTS, other=PARTS)
def test_digests_are_the_same_exactly_when_their_parts_are(
    vault: Vault, one: list[str | bytes], other: list[str | bytes]
) -> None:
    raw = [[part.encode() if isinstance(part, str) else part for part in parts] for parts in (one, other)]
    assert len(vault.digest("client", *one)) == 32
    assert (vault.digest("client", *one) == vault.digest("client", *other)) == (raw[0] == raw[1])


def test_parts_that_join_to_the_same_text_have_different_digests(vault: Vault) -> None:
    digests = {vault.digest("client", *parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ())}
    assert len(digests) == 5
    assert vault.digest("client", "abc") == vault.digest("client", b"abc")


def test_the_same_parts_have_another_digest_for_another_use(vault: Vault) -> None:
    assert vault.digest("client", "x") != vault.digest("identifier", "x")


def test_a_digest_is_the_same_in_every_process(vault: Vault, make: Callable[[Path], Vault], folder: Path) -> None:
    assert make(folder).digest("client", "x") == vault.digest("client", "x")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plain=st.binary(max_size=300), associated=st.binary(max_size=40))
def test_what_was_sealed_opens(vault: Vault, plain: bytes, associated: bytes) -> None:
    sealed = vault.seal("intake", plain, associated)
    assert vault.open("intake", sealed, associated) == plain


def test_sealing_the_same_bytes_twice_gives_different_ones(vault: Vault) -> None:
    assert vault.seal("intake", b"x") != vault.seal("intake", b"x")


def test_sealed_bytes_show_nothing_of_what_they_hold(vault: Vault) -> None:
    assert b"ana@empresa.example" not in vault.seal("intake", b"ana@empresa.example", b"row")


def test_sealed_bytes_open_only_for_their_use_and_what_they_are_bound_to(vault: Vault) -> None:
    sealed = vault.seal("intake", b"x", b"row 1")
    for use, associated in (("totp", b"row 1"), ("intake", b"row 2"), ("intake", b""), ("intak", b"erow 1")):
        with pytest.raises(Unsealable):
            vault.open(use, sealed, associated)
    assert vault.open("intake", sealed, b"row 1") == b"x"


def test_no_changed_bit_goes_unnoticed(vault: Vault) -> None:
    sealed = vault.seal("intake", b"seed", b"row")
    for place, bit in itertools.product(range(len(sealed)), range(8)):
        forged = bytearray(sealed)
        forged[place] ^= 1 << bit
        with pytest.raises(Unsealable):
            vault.open("intake", bytes(forged), b"row")


def test_no_cut_and_no_addition_goes_unnoticed(vault: Vault) -> None:
    sealed = vault.seal("intake", b"seed", b"row")
    for forged in (*(sealed[:length] for length in range(len(sealed))), sealed + b"\0", sealed * 2):
        with pytest.raises(Unsealable):
            vault.open("intake", forged, b"row")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(forged=st.binary(max_size=120))
def test_no_bytes_that_the_vault_did_not_make_open(vault: Vault, forged: bytes) -> None:
    with pytest.raises(Unsealable):
        vault.open("intake", forged)
    with pytest.raises(Unsealable):
        vault.open("intake", b"\x01\x02" + vault.key_id.encode() + forged)


@pytest.mark.req("S45")
def test_a_digest_by_a_key_is_that_keys_own_and_of_a_key_that_is_gone_there_is_none(vault: Vault) -> None:
    made = vault.digest_by(vault.key_id, "audit", "k1")
    assert made == vault.digest_by(vault.key_id, "audit", "k1")
    assert made != vault.digest_by(vault.key_id, "audit", "k2")
    assert vault.digest_by("k999", "audit", "k1") is None
    assert vault.sealed_by(vault.seal("outbox", b"x")) == vault.key_id
    assert [vault.sealed_by(never) for never in (b"", b"x", b"sealed")] == ["", "", ""]
    assert not vault.distrusted(vault.key_id)
    assert vault.distrusted("k999")
