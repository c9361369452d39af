"""The vault: what the keyring can do, without showing a key."""

from typing import Protocol

from reclave.domain.secrets import Bound


class Unsealable(Exception):
    """Sealed bytes that this keyring does not open: damaged, forged, or of a key that is gone."""


class Vault(Protocol):
    """Derives, seals and digests with subkeys of the keyring (invariant 4)."""

    @property
    def key_id(self) -> str:
        """The id of the key that makes new secrets."""

    @property
    def epoch(self) -> int:
        """The recovery epoch, which a restore raises."""

    def reload(self) -> bool:
        """Follow what operators did to the keyring; whether there was anything. What cannot be read changes nothing.

        Raises `ReclaveError` for a keyring that cannot be used.
        """

    def secret(self, bound: Bound) -> str:
        """The secret bound to this tuple, as the person sees it; a key that is gone gives one that fits nothing."""

    def digest(self, use: str, *parts: str | bytes) -> bytes:
        """A keyed digest (32 bytes) of length-prefixed parts, for look-ups and limits; the same in every process."""

    def digest_by(self, key_id: str, use: str, *parts: str | bytes) -> bytes | None:
        """The same under one key, a compromised one too; None for a key that is gone. It proves what a key sealed."""

    def distrusted(self, key_id: str) -> bool:
        """Whether somebody else may know a key, and so make what it makes."""

    def seal(self, use: str, plain: bytes, bound_to: bytes = b"") -> bytes:
        """Seal bytes with AEAD for one use, bound to associated bytes."""

    def sealed_by(self, sealed: bytes) -> str:
        """The id of the key that sealed these bytes; empty for what was never sealed."""

    def open(self, use: str, sealed: bytes, bound_to: bytes = b"") -> bytes:
        """Open sealed bytes. Raises `Unsealable`."""
