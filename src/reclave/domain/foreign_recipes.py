"""What is needed to compute another system's password hash, and how much work of that kind is taken.

Every sign-in pays what a recipe costs, so the costs are capped: about a second and 256 MiB at most.
"""

import base64
from dataclasses import dataclass
from enum import StrEnum

NATIVE = "native"
"""The scheme of hashes that Reclave made from a password, beside those that `Recipe.scheme` names."""
SEALED = "sealed:"
"""How a hash begins that an import has sealed and that is not wrapped yet: `sealed:<key id>:<recipe>$<base 64>`."""
_MEMORY_BYTES = 256 * 1024 * 1024
_SCRYPT_WORK = 3 << 20
_ARGON2_KIB_IN_ALL = 1 << 20
_ARGON2_VERSIONS = (16, 19)
_ARGON2_SHORTEST_SALT = 8
_PBKDF2_ITERATIONS = 2_000_000


class Algorithm(StrEnum):
    """How a foreign digest is computed."""

    BCRYPT = "bcrypt"
    BCRYPT_SHA256 = "bcrypt_sha256"
    PBKDF2_SHA1 = "pbkdf2_sha1"
    PBKDF2_SHA256 = "pbkdf2_sha256"
    PBKDF2_SHA512 = "pbkdf2_sha512"
    SCRYPT = "scrypt"
    ARGON2I = "argon2i"
    ARGON2D = "argon2d"
    ARGON2ID = "argon2id"
    PHPASS = "phpass"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


HASH_BYTES = {
    Algorithm.PBKDF2_SHA1: 20,
    Algorithm.PBKDF2_SHA256: 32,
    Algorithm.PBKDF2_SHA512: 64,
    Algorithm.MD5: 16,
    Algorithm.SHA1: 20,
    Algorithm.SHA256: 32,
    Algorithm.SHA384: 48,
    Algorithm.SHA512: 64,
}
"""The length of the hash function's own output."""
_LENGTH = ("bytes of digest", 16, 128)
_BCRYPT = (("cost", 4, 14),)
_PBKDF2 = (("iterations", 1, _PBKDF2_ITERATIONS), _LENGTH)
_ARGON2 = (("version", 16, 19), ("KiB", 8, _MEMORY_BYTES // 1024), ("passes", 1, 1000), ("lanes", 1, 16), _LENGTH)
_COSTS: dict[Algorithm, tuple[tuple[str, int, int], ...]] = {
    Algorithm.BCRYPT: _BCRYPT,
    Algorithm.BCRYPT_SHA256: _BCRYPT,
    Algorithm.PBKDF2_SHA1: _PBKDF2,
    Algorithm.PBKDF2_SHA256: _PBKDF2,
    Algorithm.PBKDF2_SHA512: _PBKDF2,
    Algorithm.SCRYPT: (("N", 2, 1 << 20), ("r", 1, 32), ("p", 1, 16), _LENGTH),
    Algorithm.ARGON2I: _ARGON2,
    Algorithm.ARGON2D: _ARGON2,
    Algorithm.ARGON2ID: _ARGON2,
    # Its loop runs in Python and holds the interpreter: 2¹⁶ rounds take 30 ms.
    Algorithm.PHPASS: (("rounds (log 2)", 7, 16),),
}
"""The name, the least and the most of each cost, in the order of `Recipe.costs`; the others have none."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that it takes to compute a foreign digest from a password; it is no secret."""

    algorithm: Algorithm
    costs: tuple[int, ...] = ()
    salt: bytes = b""

    @property
    def scheme(self) -> str:
        """What decides how much work it is, for example `bcrypt:12` or `pbkdf2_sha256:600000:32`."""
        return ":".join([self.algorithm, *map(str, self.costs)])

    @property
    def written(self) -> str:
        """The recipe as text that `read_recipe` reads: scheme, semicolon, salt in base 64."""
        return f"{self.scheme};{base64.b64encode(self.salt).decode()}"

    def excess(self) -> str | None:
        """Why this recipe is not taken; None when it is."""
        names = _COSTS.get(self.algorithm, ())
        if len(names) != len(self.costs):
            return "its costs are incomplete"
        for (name, least, most), cost in zip(names, self.costs, strict=True):
            if not least <= cost <= most:
                return f"it has {cost} {name}, and {least} to {most} are taken"
        match self.costs:
            case n, r, p, _ if n & (n - 1) or 128 * n * r > _MEMORY_BYTES or n * r * p > _SCRYPT_WORK:
                return "its N is no power of two, or it takes more than 256 MiB or about a second"
            case version, kib, passes, lanes, _:
                if version not in _ARGON2_VERSIONS or kib < 8 * lanes or len(self.salt) < _ARGON2_SHORTEST_SALT:
                    return "its parameters are not those of any Argon2"
                if kib * passes > _ARGON2_KIB_IN_ALL:
                    return "it takes more than about a second"
            case iterations, length if iterations * -(-length // HASH_BYTES[self.algorithm]) > _PBKDF2_ITERATIONS:
                return f"its digest takes more than {_PBKDF2_ITERATIONS} iterations in all"
        return None


def read_recipe(written: str) -> Recipe | None:
    """The recipe behind its text; None when it is none, or costs more than is ever taken."""
    scheme, semicolon, salt = written.partition(";")
    try:
        algorithm, *costs = scheme.split(":")
        recipe = Recipe(Algorithm(algorithm), tuple(map(int, costs)), base64.b64decode(salt, validate=True))
    except ValueError:
        return None
    return recipe if semicolon and recipe.excess() is None else None


def recipe_like(scheme: str | None) -> Recipe | None:
    """A recipe that is as much work as a scheme's; None for `NATIVE`, and for what is no scheme."""
    return read_recipe(f"{scheme};{base64.b64encode(bytes(16)).decode()}")


def scheme_of(stored: str | None) -> str | None:
    """The scheme of a stored hash (`<key id>:<recipe><PHC string>`, `sealed:…`): `NATIVE` or the recipe's.

    None for none.
    """
    if stored is not None and stored.startswith(SEALED):
        return stored.removeprefix(SEALED).partition(":")[2].partition(";")[0]
    before, phc, _ = (stored or "").partition("$argon2id$")
    return (before.partition(":")[2].partition(";")[0] or NATIVE) if phc else None
