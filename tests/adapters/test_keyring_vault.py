"""What the vault does beyond its port: its documented forms, rotation, and lost keys."""

import hmac
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt
from structlog.testing import capture_logs

from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import (
    KeyringRefused,
    add_key,
    bump_epoch,
    create_keyring,
    load_keyring,
    mark_compromised,
)
from reclave.adapters.keyring_vault import KeyringVault
from reclave.domain.secrets import Bound, Presentation, derive_mac, hkdf_sha256, write_secret
from reclave.ports.vault import Unsealable

ENTROPY = SystemEntropy()
BOUND = Bound("k1", 1, "pagos", "account", "set_password", Presentation.LINK, 1, bytes(16))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keyring.json"
    create_keyring(path, ENTROPY, 0)
    return path


@pytest.fixture
def vault(path: Path) -> KeyringVault:
    return KeyringVault(path, ENTROPY)


def subkey(path: Path, key_id: str, use: str) -> bytes:
    return hkdf_sha256(load_keyring(path).keys[key_id].secret, b"reclave/v1/" + use.encode())


@pytest.mark.req("I4", "S7")
def test_a_secret_is_an_hmac_under_the_subkey_of_its_presentation(path: Path, vault: KeyringVault) -> None:
    for presentation in Presentation:
        bound = replace(BOUND, presentation=presentation)
        mac = derive_mac(subkey(path, "k1", f"grant/{presentation}"), bound)
        assert vault.secret(bound) == write_secret(mac, bound)


def test_a_digest_is_an_hmac_over_prefixed_parts(path: Path, vault: KeyringVault) -> None:
    parts = struct.pack(">I", 5) + b"pagos" + struct.pack(">I", 2) + "ñ".encode()
    expected = hmac.digest(subkey(path, "k1", "digest/identifier"), parts, "sha256")
    assert vault.digest("identifier", "pagos", "ñ") == expected


def test_sealed_bytes_are_laid_out_as_documented(path: Path, vault: KeyringVault) -> None:
    sealed = vault.seal("outbox", b"ana@empresa.example", b"message 7")
    version, name, nonce, body = sealed[:1], sealed[1:4], sealed[4:28], sealed[28:]
    assert (version, name) == (b"\x01", b"\x02k1")
    associated = b"\x01" + struct.pack(">I", 6) + b"outbox" + b"message 7"
    key = subkey(path, "k1", "seal/outbox")
    assert crypto_aead_xchacha20poly1305_ietf_decrypt(body, associated, nonce, key) == b"ana@empresa.example"


def test_the_nonce_comes_from_the_entropy_port(path: Path) -> None:
    class Counted:
        drawn = 0

        def bytes(self, count: int) -> bytes:
            self.drawn += 1
            return bytes([self.drawn]) * count

    entropy = Counted()
    vault = KeyringVault(path, entropy)
    assert [vault.seal("outbox", b"x")[4:28] for _ in range(2)] == [b"\x02" * 24, b"\x03" * 24]


def test_a_vault_takes_a_key_of_another_process_without_being_told(path: Path, vault: KeyringVault) -> None:
    add_key(path, ENTROPY, 1)
    other = KeyringVault(path, ENTROPY)
    sealed, bound = other.seal("outbox", b"x"), replace(BOUND, key_id="k2")
    assert vault.key_id == "k1"
    assert vault.open("outbox", sealed) == b"x"
    assert vault.key_id == "k2"
    assert vault.secret(bound) == other.secret(bound)


@pytest.mark.req("I4")
def test_rotating_keys_leaves_every_secret_digest_and_sealed_byte_valid(path: Path, vault: KeyringVault) -> None:
    secret, digest, sealed = vault.secret(BOUND), vault.digest("client", b"ip"), vault.seal("totp", b"seed")
    add_key(path, ENTROPY, 1)
    assert vault.reload()
    assert vault.key_id == "k2"
    assert vault.secret(BOUND) == secret
    assert vault.digest("client", b"ip") == digest
    assert vault.open("totp", sealed) == b"seed"
    assert vault.seal("totp", b"seed")[2:4] == b"k2"


@pytest.mark.req("I4")
def test_what_a_compromised_key_made_fits_nothing_and_opens_nothing(path: Path, vault: KeyringVault) -> None:
    secret, digest, sealed = vault.secret(BOUND), vault.digest("client", b"ip"), vault.seal("totp", b"seed")
    add_key(path, ENTROPY, 1)
    mark_compromised(path, "k1")
    assert vault.reload()
    assert vault.secret(BOUND) != secret
    assert vault.digest("client", b"ip") != digest
    with pytest.raises(Unsealable, match="gone"):
        vault.open("totp", sealed)


def test_the_pepper_of_a_compromised_key_still_verifies_passwords(path: Path, vault: KeyringVault) -> None:
    pepper = vault.pepper("k1")
    add_key(path, ENTROPY, 1)
    mark_compromised(path, "k1")
    vault.reload()
    assert vault.pepper("k1") == pepper == subkey(path, "k1", "pepper")
    assert vault.pepper("k2") == subkey(path, "k2", "pepper")
    assert vault.pepper("k9") is None


@pytest.mark.req("I4")
def test_raising_the_epoch_ends_every_secret_made_before(path: Path, vault: KeyringVault) -> None:
    secret = vault.secret(BOUND)
    assert vault.secret(BOUND) == secret
    bump_epoch(path)
    assert vault.reload()
    assert vault.epoch == 2
    assert vault.secret(BOUND) != secret
    assert vault.secret(replace(BOUND, epoch=2)) == vault.secret(replace(BOUND, epoch=2)) != secret


def test_without_a_change_there_is_nothing_to_reload(vault: KeyringVault) -> None:
    assert not vault.reload()


def test_a_keyring_spoilt_while_in_use_stays_in_use_and_is_reported(path: Path, vault: KeyringVault) -> None:
    secret = vault.secret(BOUND)
    path.write_text("{")
    with capture_logs() as logs:
        assert vault.secret(replace(BOUND, key_id="k2")) != secret
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("keyring_refused", "error")]
    with pytest.raises(KeyringRefused, match="damaged"):
        vault.reload()
    assert vault.secret(BOUND) == secret


def test_a_vault_over_a_keyring_that_is_refused_is_not_made(path: Path) -> None:
    path.chmod(0o644)
    with pytest.raises(KeyringRefused):
        KeyringVault(path, ENTROPY)


@pytest.mark.req("S45")
def test_what_a_compromised_key_sealed_can_still_be_checked_but_is_not_trusted(path: Path, vault: KeyringVault) -> None:
    made = vault.digest_by("k1", "audit", "k1")
    add_key(path, ENTROPY, 1)
    assert vault.digest_by("k2", "audit", "k1") not in {made, None}
    mark_compromised(path, "k1")
    vault.reload()
    assert vault.digest_by("k1", "audit", "k1") == made
    assert (vault.distrusted("k1"), vault.distrusted("k2")) == (True, False)
