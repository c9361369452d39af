"""Secrets that are derived when needed and stored nowhere (invariant 4).

A grant's link token, temporary password and typed code are each HMAC-SHA-256 (RFC 2104) under a subkey of their own
(HKDF, RFC 5869) over everything that the secret permits. A reader of the database lacks the key; a writer who edits
a row changes what is hashed, so no row can be made to fit a secret that somebody else holds.
"""

import base64
import binascii
import hashlib
import hmac
import struct
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

FORMAT_VERSION = b"\x01"
GRANT_ID_BYTES = 16
# 42 bytes in all, so that base 64 needs no padding.
_TOKEN_MAC_BYTES = 25
_LONGEST_TOKEN = 128

# No vowels (no words), no characters that are read or heard as another: 22^18 > 2^80 (S14).
_TEMPORARY_ALPHABET = "cdfghjkmnpqrtvwxy34679"
_TEMPORARY_LENGTH = 18
_TEMPORARY_GROUP = 6
# Crockford's base 32: what it leaves out (I, L, O, U) is folded on input, so eight characters carry 40 bits.
_CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_LENGTH = 8
_CODE_FOLD = str.maketrans("OIL", "011")
_PUNCTUATION = frozenset({"Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp", "Cc", "Cf"})


class Presentation(StrEnum):
    """How a grant reaches the person."""

    LINK = "link"
    TEMPORARY_PASSWORD = "temporary_password"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Bound:
    """Everything that a secret is bound to; `context` narrows it further (a waiting handle, an address)."""

    key_id: str
    epoch: int
    portal: str
    account: str
    purpose: str
    presentation: Presentation
    credential_version: int
    grant: bytes
    context: bytes = b""

    def encoded(self) -> bytes:
        """The length-prefixed tuple that is hashed: no two tuples share an encoding."""
        parts = (
            FORMAT_VERSION,
            self.key_id.encode(),
            struct.pack(">Q", self.epoch),
            self.portal.encode(),
            self.account.encode(),
            self.purpose.encode(),
            self.presentation.encode(),
            struct.pack(">Q", self.credential_version),
            self.grant,
            self.context,
        )
        return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def hkdf_sha256(key: bytes, info: bytes, *, salt: bytes = b"", length: int = 32) -> bytes:
    """HKDF-SHA-256 (RFC 5869): `length` bytes (at most 8,160) for the use named by `info`."""
    extracted = hmac.digest(salt or bytes(32), key, "sha256")
    block, out = b"", b""
    for counter in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([counter]), "sha256")
        out += block
    return out[:length]


def derive_mac(subkey: bytes, bound: Bound) -> bytes:
    """The 32 bytes from which a presentation is written."""
    return hmac.digest(subkey, bound.encoded(), "sha256")


def write_secret(mac: bytes, bound: Bound) -> str:
    """The secret as the person sees it: a URL-safe token, a temporary password in groups, or a code."""
    match bound.presentation:
        case Presentation.LINK:
            return base64.urlsafe_b64encode(FORMAT_VERSION + bound.grant + mac[:_TOKEN_MAC_BYTES]).decode()
        case Presentation.TEMPORARY_PASSWORD:
            letters = _in_alphabet(mac, _TEMPORARY_ALPHABET, _TEMPORARY_LENGTH)
            groups = (letters[i : i + _TEMPORARY_GROUP] for i in range(0, _TEMPORARY_LENGTH, _TEMPORARY_GROUP))
            return "-".join(groups)
        case Presentation.CODE:
            letters = _in_alphabet(mac, _CODE_ALPHABET, _CODE_LENGTH)
            return f"{letters[:4]}-{letters[4:]}"


def same_secret(typed: str, expected: str) -> bool:
    """Whether two written secrets are the same, in time that does not depend on where they differ."""
    # "surrogatepass": what was typed may not be encodable at all, and is then simply another secret.
    return hmac.compare_digest(typed.encode(errors="surrogatepass"), expected.encode())


def read_temporary_password(typed: str) -> str | None:
    """What was typed as a temporary password in its written form, whatever its case, dashes and spaces.

    None when it cannot be one: then it is a password and nothing else.
    """
    if len(typed) > 2 * _TEMPORARY_LENGTH + 16:
        return None
    letters = _without_punctuation(typed).lower()
    if len(letters) != _TEMPORARY_LENGTH or set(letters) - set(_TEMPORARY_ALPHABET):
        return None
    return "-".join(letters[i : i + _TEMPORARY_GROUP] for i in range(0, _TEMPORARY_LENGTH, _TEMPORARY_GROUP))


def read_code(typed: str) -> str | None:
    """What was typed as a code or reference in its written form; None when it cannot be one."""
    if len(typed) > 2 * _CODE_LENGTH + 16:
        return None
    letters = _without_punctuation(typed).upper().translate(_CODE_FOLD)
    if len(letters) != _CODE_LENGTH or set(letters) - set(_CODE_ALPHABET):
        return None
    return f"{letters[:4]}-{letters[4:]}"


def read_token(typed: str) -> bytes | None:
    """The grant id in a link token; None when the token is damaged."""
    if len(typed) > _LONGEST_TOKEN or not typed.isascii():
        return None
    try:
        raw = base64.b64decode(typed, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 1 + GRANT_ID_BYTES + _TOKEN_MAC_BYTES or raw[:1] != FORMAT_VERSION:
        return None
    return raw[1 : 1 + GRANT_ID_BYTES]


def write_reference(entropy: bytes) -> str:
    """A reference (ABCD-EF12) from at least 5 random bytes: dictated to the help desk, opens nothing."""
    letters = _in_alphabet(entropy, _CODE_ALPHABET, _CODE_LENGTH)
    return f"{letters[:4]}-{letters[4:]}"


def digest_of(handle: bytes | str) -> bytes:
    """The SHA-256 under which a random handle of at least 128 bits is kept."""
    return hashlib.sha256(handle.encode() if isinstance(handle, str) else handle).digest()


def _without_punctuation(typed: str) -> str:
    # Beside dashes and spaces, what copying from a mail leaves behind: line ends, soft hyphens, zero-width spaces.
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKC", typed)
        if letter != "\u2212" and unicodedata.category(letter) not in _PUNCTUATION
    )


def _in_alphabet(entropy: bytes, alphabet: str, length: int) -> str:
    number = int.from_bytes(entropy, "big")
    pairs = _pairs(alphabet)
    written = []
    for _ in range((length + 1) // 2):
        number, index = divmod(number, len(pairs))
        written.append(pairs[index])
    return "".join(written)[:length]


@lru_cache
def _pairs(alphabet: str) -> list[str]:
    """Every two letters in the order of their value, the lower one first: half of the divisions of large numbers."""
    return [lower + higher for higher in alphabet for lower in alphabet]
