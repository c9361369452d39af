"""The vault over a keyring: subkeys by use, derived secrets, keyed digests, sealed bytes (invariant 4).

A subkey is HKDF-SHA-256 (RFC 5869) of a key with the info `reclave/v1/<use>`. Sealed bytes are
XChaCha20-Poly1305 (its 24-byte nonce may be random): version (1 byte), length of the key's id (1 byte), the
id, nonce, ciphertext with tag.
"""

import hmac
import itertools
import struct
from collections.abc import Sequence
from pathlib import Path

import structlog
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_ABYTES,
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
)
from nacl.exceptions import CryptoError

from reclave.adapters.keyring import Keyring, KeyringRefused, KeyState, load_keyring, signature
from reclave.domain.secrets import Bound, derive_mac, hkdf_sha256, write_secret
from reclave.ports.entropy import Entropy
from reclave.ports.vault import Unsealable

_SEAL_VERSION = b"\x01"
_NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
_TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES
_INFO = b"reclave/v1/"

_log = structlog.get_logger(__name__)


class KeyringVault:
    """Derives, seals and digests with the keyring at `path`; follows the file when keys are added to it.

    A retired key still opens what it made; a compromised one opens nothing and fits nothing. A key that
    another process has just begun to use is found by reading the file again; whoever marks a key as
    compromised, or raises the epoch, has `reload` called.

    Args:
        path: the keyring's file.
        entropy: where nonces come from.

    Raises:
        KeyringRefused: see `load_keyring`.
    """

    def __init__(self, path: Path, entropy: Entropy) -> None:
        self._path = path
        self._entropy = entropy
        # What is derived from it fits nothing: nobody knows it, and no two throws are alike, not even here.
        self._throw_away = entropy.bytes(32)
        self._throws = itertools.count()
        self._signature = signature(path)
        self._use(load_keyring(path))

    @property
    def key_id(self) -> str:
        return self._keyring.newest.id

    @property
    def epoch(self) -> int:
        return self._keyring.epoch

    def reload(self) -> bool:
        """Read the keyring and the epoch again if a file has changed; whether it had.

        Raises:
            KeyringRefused: see `load_keyring`; the keyring in use stays in use.
        """
        now = signature(self._path)
        if now == self._signature:
            return False
        self._use(load_keyring(self._path))
        self._signature = now
        return True

    def secret(self, bound: Bound) -> str:
        """The secret bound to this tuple; of a key or epoch that is gone, one that fits nothing."""
        use = f"grant/{bound.presentation}"
        # Made on every call, needed or not, so that a grant whose key is gone takes no longer to compare.
        nothing = hmac.digest(self._throw_away, next(self._throws).to_bytes(8, "big"), "sha256")
        subkey = self._subkey(bound.key_id, use) if bound.epoch == self.epoch else None
        return write_secret(derive_mac(subkey or nothing, bound), bound)

    def digest(self, use: str, *parts: str | bytes) -> bytes:
        """A keyed digest (HMAC-SHA-256, 32 bytes) of parts, each prefixed with its length; text is UTF-8.

        It is made under the oldest key that isn't compromised, so it stays the same when keys are added.
        Marking that key as compromised changes every digest: what is looked up by one isn't found again, and
        limits start anew.
        """
        return self._digest(self._digest_key, use, parts)

    def digest_by(self, key_id: str, use: str, *parts: str | bytes) -> bytes | None:
        """The same under one key, also a compromised one: that something fits shows who could have made it."""
        if key_id not in self._keyring.keys and not self._found_by_reloading(key_id):
            return None
        return self._digest(key_id, use, parts)

    def distrusted(self, key_id: str) -> bool:
        key = self._keyring.keys.get(key_id)
        return key is None or key.state is KeyState.COMPROMISED

    def seal(self, use: str, plain: bytes, bound_to: bytes = b"") -> bytes:
        key_id = self.key_id
        nonce = self._entropy.bytes(_NONCE_BYTES)
        subkey = self._known_subkey(key_id, f"seal/{use}")
        sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(plain, _associated(use, bound_to), nonce, subkey)
        name = key_id.encode()
        return b"".join((_SEAL_VERSION, bytes([len(name)]), name, nonce, sealed))

    def sealed_by(self, sealed: bytes) -> str:
        if sealed[:1] != _SEAL_VERSION or len(sealed) < 2:  # noqa: PLR2004 - version and length of the key's id
            return ""
        return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")

    def open(self, use: str, sealed: bytes, bound_to: bytes = b"") -> bytes:
        start = 2 + (sealed[1] if len(sealed) > 1 else 0)
        body = start + _NONCE_BYTES
        if sealed[:1] != _SEAL_VERSION or len(sealed) < body + _TAG_BYTES:
            raise Unsealable("these aren't sealed bytes")
        subkey = self._subkey(sealed[2:start].decode("ascii", "replace"), f"seal/{use}")
        if subkey is None:
            raise Unsealable("the key that sealed it is gone")
        associated = _associated(use, bound_to)
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[body:], associated, sealed[start:body], subkey)
        except CryptoError:
            raise Unsealable("it is damaged, forged, or bound to something else") from None

    def pepper(self, key_id: str) -> bytes | None:
        """The password pepper (32 bytes) of a key, None for a key that isn't there.

        A compromised key still has one: its hashes are no worse than hashes without a pepper, and their
        owners can still sign in, which makes the hash anew under the key in use.
        """
        if key_id not in self._keyring.keys and not self._found_by_reloading(key_id):
            return None
        return self._known_subkey(key_id, "pepper")

    def _digest(self, key_id: str, use: str, parts: Sequence[str | bytes]) -> bytes:
        keyed = self._keyed.get((key_id, use))
        if keyed is None:
            keyed = hmac.new(self._known_subkey(key_id, f"digest/{use}"), digestmod="sha256")
            self._keyed[key_id, use] = keyed
        digest = keyed.copy()  # takes half the time of a new one
        digest.update(b"".join(map(_prefixed, parts)))
        return digest.digest()

    def _use(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._digest_key = keyring.oldest.id
        self._subkeys: dict[tuple[str, str], bytes] = {}
        self._keyed: dict[tuple[str, str], hmac.HMAC] = {}

    def _subkey(self, key_id: str, use: str) -> bytes | None:
        if key_id not in self._keyring.keys and not self._found_by_reloading(key_id):
            return None
        if self._keyring.keys[key_id].state is KeyState.COMPROMISED:
            return None
        return self._known_subkey(key_id, use)

    def _known_subkey(self, key_id: str, use: str) -> bytes:
        known = self._subkeys.get((key_id, use))
        if known is None:
            known = hkdf_sha256(self._keyring.keys[key_id].secret, _INFO + use.encode())
            self._subkeys[key_id, use] = known
        return known

    def _found_by_reloading(self, key_id: str) -> bool:
        try:
            self.reload()
        except KeyringRefused as error:
            _log.error("keyring_refused", path=str(error.path), why=error.why, remedy=error.remedy)
        return key_id in self._keyring.keys


def _associated(use: str, bound_to: bytes) -> bytes:
    return _SEAL_VERSION + _prefixed(use) + bound_to


def _prefixed(part: str | bytes) -> bytes:
    raw = part.encode() if isinstance(part, str) else part
    return struct.pack(">I", len(raw)) + raw
