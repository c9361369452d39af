"""Hashes of other systems as an import leaves them: sealed, until housekeeping has wrapped them in Argon2id.

Wrapping takes 25 ms, sealing a thousandth of that. Stored is `sealed:<key id>:<recipe>$<base 64>`, for example
`sealed:k1:bcrypt:12;c2Fs…$AQJr…`: key and recipe in the clear, as they are beside a wrapped one, and the digest sealed
with AEAD under the keyring, bound to its recipe (invariant 4).
"""

import base64
import binascii
from typing import Protocol

from reclave.domain.foreign_hashes import ForeignHash
from reclave.domain.foreign_recipes import SEALED, read_recipe
from reclave.ports.vault import Unsealable

_USE = "foreign_hash"


class Sealer(Protocol):
    """What seals and opens: the vault."""

    def seal(self, use: str, plain: bytes, bound_to: bytes = b"") -> bytes: ...

    def sealed_by(self, sealed: bytes) -> str: ...

    def open(self, use: str, sealed: bytes, bound_to: bytes = b"") -> bytes: ...


def sealed_hash(sealer: Sealer, foreign: ForeignHash) -> str:
    """The stored form of a hash that is not wrapped yet."""
    recipe = foreign.recipe.written
    sealed = sealer.seal(_USE, foreign.digest, recipe.encode())
    return f"{SEALED}{sealer.sealed_by(sealed)}:{recipe}${base64.b64encode(sealed).decode()}"


def opened_hash(sealer: Sealer, stored: str) -> ForeignHash | None:
    """The hash behind its stored form; None for any other text. Raises `Unsealable`."""
    if not stored.startswith(SEALED):
        return None
    written, dollar, text = stored.removeprefix(SEALED).partition(":")[2].partition("$")
    recipe = read_recipe(written) if dollar else None
    if recipe is None:
        return None
    try:
        return ForeignHash(recipe, sealer.open(_USE, base64.b64decode(text, validate=True), written.encode()))
    except binascii.Error as error:
        raise Unsealable("it is not in base 64") from error
