"""Password hashes of other systems: how each format is read (S19).

A foreign hash is taken apart into a recipe and a digest. Only the recipe is ever stored in the clear; what remains of
the digest is an Argon2id hash of it (invariant 4, `adapters.argon2`). Formats: crypt(3) and OpenBSD (bcrypt), the PHC
string format (Argon2), RFC 2307 and OpenLDAP (LDAP), and the sources of Django, passlib, ASP.NET Identity and phpass.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

from reclave.domain.errors import ReclaveError
from reclave.domain.foreign_recipes import HASH_BYTES, Algorithm, Recipe

_MOST_CHARACTERS = 1024
_RESET = "import the account without a password: its owner sets one by recovery or first sign-in"
_PHPASS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT_BASE64 = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TO_BCRYPT = bytes.maketrans(_BASE64, _BCRYPT_BASE64)
_FROM_BCRYPT = bytes.maketrans(_BCRYPT_BASE64, _BASE64)


class ForeignHashRefused(ReclaveError):
    """A hash that cannot be taken over: which scheme, why, what to do. It never quotes the hash."""

    code = "foreign_hash_refused"

    def __init__(self, scheme: str, why: str, remedy: str = _RESET) -> None:
        super().__init__(f"{scheme}: {why}; {remedy}")
        self.scheme = scheme
        self.why = why
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class ForeignHash:
    """A hash of another system, taken apart."""

    recipe: Recipe
    digest: bytes

    @property
    def weak(self) -> bool:
        """Whether one fast digest made it: who holds the old system's table finds such passwords quickly."""
        return not self.recipe.costs


def parse_foreign_hash(text: str) -> ForeignHash:
    """Read a hash of another system. Raises `ForeignHashRefused`."""
    text = text.strip()
    for name, (written, read) in _FORMATS.items() if len(text) <= _MOST_CHARACTERS else ():
        found = written.fullmatch(text)
        if found:
            return _checked(name, read, found)
    # Only names that are known are repeated: what was given may be a password.
    name = next((name for prefix, name in _UNSUPPORTED.items() if text.startswith(prefix)), "unknown scheme")
    raise ForeignHashRefused(name, "this kind of hash is not supported, or it is cut off")


def bcrypt_base64(raw: bytes) -> bytes:
    """Bytes in bcrypt's own base 64."""
    return base64.b64encode(raw).rstrip(b"=").translate(_TO_BCRYPT)


def from_bcrypt_base64(text: bytes) -> bytes:
    """Bytes from bcrypt's own base 64; bits that are left over count for nothing, as in OpenBSD."""
    return base64.b64decode(text.translate(_FROM_BCRYPT) + b"=" * (-len(text) % 4))


_Read = Callable[[re.Match[str]], ForeignHash]


def _checked(name: str, read: _Read, found: re.Match[str]) -> ForeignHash:
    try:
        foreign = read(found)
    except (ValueError, IndexError) as error:
        raise ForeignHashRefused(name, "the hash is damaged or cut off") from error
    excess = foreign.recipe.excess()
    if excess:
        raise ForeignHashRefused(name, excess)
    return foreign


def _bcrypt(found: re.Match[str]) -> ForeignHash:
    algorithm = Algorithm.BCRYPT_SHA256 if found["sha256"] else Algorithm.BCRYPT
    salt, digest = (from_bcrypt_base64(found[name].encode()) for name in ("salt", "digest"))
    return ForeignHash(Recipe(algorithm, (int(found["cost"]),), salt), digest)


def _pbkdf2_of_django(found: re.Match[str]) -> ForeignHash:
    return _pbkdf2(found["hash"], found["iterations"], found["salt"].encode(), found["digest"])


def _pbkdf2_of_passlib(found: re.Match[str]) -> ForeignHash:
    return _pbkdf2(found["hash"] or "sha1", found["iterations"], _unbase64(found["salt"]), found["digest"])


def _pbkdf2(name: str, iterations: str, salt: bytes, digest: str) -> ForeignHash:
    raw = _unbase64(digest)
    return ForeignHash(Recipe(Algorithm(f"pbkdf2_{name}"), (int(iterations), len(raw)), salt), raw)


def _scrypt_of_django(found: re.Match[str]) -> ForeignHash:
    return _scrypt(int(found["n"]), found, found["salt"].encode())


def _scrypt_of_passlib(found: re.Match[str]) -> ForeignHash:
    return _scrypt(1 << int(found["ln"]), found, _unbase64(found["salt"]))


def _scrypt(n: int, found: re.Match[str], salt: bytes) -> ForeignHash:
    raw = _unbase64(found["digest"])
    return ForeignHash(Recipe(Algorithm.SCRYPT, (n, int(found["r"]), int(found["p"]), len(raw)), salt), raw)


def _argon2(found: re.Match[str]) -> ForeignHash:
    raw = _unbase64(found["digest"])
    # A string without a version is of the first one, 0x10.
    costs = (int(found["v"] or 16), int(found["m"]), int(found["t"]), int(found["p"]), len(raw))
    return ForeignHash(Recipe(Algorithm(found["type"]), costs, _unbase64(found["salt"])), raw)


def _phpass(found: re.Match[str]) -> ForeignHash:
    number = sum(_PHPASS.index(sign) << 6 * place for place, sign in enumerate(found["digest"]))
    if number >> 128:
        raise ValueError("more bits than MD5 has")
    recipe = Recipe(Algorithm.PHPASS, (_PHPASS.index(found["rounds"]),), found["salt"].encode())
    return ForeignHash(recipe, number.to_bytes(16, "little"))


def _ldap(found: re.Match[str]) -> ForeignHash:
    name = found["hash"].lower()
    algorithm = Algorithm.SHA1 if name == "sha" else Algorithm(name)
    raw, size = _unbase64(found["digest"]), HASH_BYTES[algorithm]
    if len(raw) < size or bool(found["salted"]) != (len(raw) > size):
        raise ValueError("not as long as its scheme says")
    return ForeignHash(Recipe(algorithm, (), raw[size:]), raw[:size])


def _asp_net_identity(found: re.Match[str]) -> ForeignHash:
    raw = _unbase64(found.string)
    if raw[0] == 0:
        if len(raw) != 1 + 16 + 32:
            raise ValueError("not as long as version 2 is")
        return ForeignHash(Recipe(Algorithm.PBKDF2_SHA1, (1000, 32), raw[1:17]), raw[17:])
    prf, iterations, salt_length = (int.from_bytes(raw[at : at + 4], "big") for at in (1, 5, 9))
    algorithm = (Algorithm.PBKDF2_SHA1, Algorithm.PBKDF2_SHA256, Algorithm.PBKDF2_SHA512)[prf]
    salt, digest = raw[13 : 13 + salt_length], raw[13 + salt_length :]
    return ForeignHash(Recipe(algorithm, (iterations, len(digest)), salt), digest)


def _unbase64(text: str) -> bytes:
    """Base 64, padded or not, also in passlib's alphabet (a dot for the plus). Raises ValueError."""
    bare = text.rstrip("=").replace(".", "+")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)


def _format(pattern: str, read: _Read) -> tuple[re.Pattern[str], _Read]:
    return re.compile(pattern, re.ASCII), read


_FORMATS = {
    "bcrypt": _format(
        r"(?:\{(?:CRYPT|BCRYPT)\}|bcrypt\$|bcrypt_(?P<sha256>sha256)\$)?"
        r"\$2[aby]\$(?P<cost>\d\d)\$(?P<salt>[./A-Za-z0-9]{22})(?P<digest>[./A-Za-z0-9]{31})",
        _bcrypt,
    ),
    "PBKDF2 (Django)": _format(
        r"pbkdf2_(?P<hash>sha1|sha256|sha512)\$(?P<iterations>\d{1,9})\$(?P<salt>[^$]+)\$(?P<digest>[\w+/=]+)",
        _pbkdf2_of_django,
    ),
    "PBKDF2 (passlib)": _format(
        r"\$pbkdf2(?:-(?P<hash>sha1|sha256|sha512))?\$(?P<iterations>\d{1,9})\$(?P<salt>[\w./]*)\$(?P<digest>[\w./]+)",
        _pbkdf2_of_passlib,
    ),
    "scrypt (Django)": _format(
        r"scrypt\$(?P<n>\d{1,9})\$(?P<salt>[^$]+)\$(?P<r>\d{1,5})\$(?P<p>\d{1,5})\$(?P<digest>[\w+/=]+)",
        _scrypt_of_django,
    ),
    "scrypt (passlib)": _format(
        r"\$scrypt\$ln=(?P<ln>\d{1,2}),r=(?P<r>\d{1,5}),p=(?P<p>\d{1,5})\$(?P<salt>[\w+./]*)\$(?P<digest>[\w+./]+)",
        _scrypt_of_passlib,
    ),
    "Argon2": _format(
        r"(?:argon2|\{ARGON2\})?\$(?P<type>argon2(?:id|i|d))\$(?:v=(?P<v>\d{1,3})\$)?"
        r"m=(?P<m>\d{1,9}),t=(?P<t>\d{1,9}),p=(?P<p>\d{1,9})\$(?P<salt>[\w+/]+)\$(?P<digest>[\w+/]+)",
        _argon2,
    ),
    "phpass": _format(r"\$[PH]\$(?P<rounds>[./\w])(?P<salt>[./\w]{8})(?P<digest>[./\w]{22})", _phpass),
    "LDAP": _format(r"\{(?P<salted>(?i:S)?)(?P<hash>(?i:SHA(?:256|384|512)?|MD5))\}(?P<digest>[\w+/=]+)", _ldap),
    "ASP.NET Identity": _format(r"A[A-Q][\w+/]{60,}={0,2}", _asp_net_identity),
}
"""Each format's name, what it looks like and who reads it."""
_UNSUPPORTED = {
    "$1$": "MD5-crypt",
    "$apr1$": "MD5-crypt",
    "$5$": "SHA-256-crypt",
    "$6$": "SHA-512-crypt",
    "$y$": "yescrypt",
    "$7$": "scrypt-crypt",
    "$2x$": "bcrypt 2x",
    "$2": "bcrypt",
    "$bcrypt-sha256$": "bcrypt-sha256 (passlib)",
    "$argon2": "Argon2",
    "$pbkdf2": "PBKDF2",
    "$scrypt": "scrypt",
    "pbkdf2": "PBKDF2",
    "scrypt": "scrypt",
    "bcrypt": "bcrypt",
    "argon2": "Argon2",
    "{CRYPT}": "LDAP {CRYPT}",
    "{": "LDAP",
}
"""How hashes begin that are known and not taken, and those that are damaged."""
