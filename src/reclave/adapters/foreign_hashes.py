"""Computing the digests of other systems' password hashes (S19), to compare with what was imported.

Passwords are NFC-normalised UTF-8, as everywhere here. Old systems hashed the bytes that the browser sent, which on
almost every keyboard are the same; one that hashed another encoding or decomposed letters keeps those few passwords
from fitting, and their owners recover.
"""

import binascii
import hashlib
import unicodedata

import bcrypt
from argon2.low_level import Type, hash_secret_raw

from reclave.domain.foreign_hashes import bcrypt_base64, from_bcrypt_base64
from reclave.domain.foreign_recipes import Algorithm, Recipe

_BCRYPT_READS = 72
"""Bytes of a password; bcrypt ignores the rest (OpenBSD)."""
_BCRYPT_DIGEST = 31
_SCRYPT_MEMORY = 288 * 1024 * 1024
_ARGON2 = {Algorithm.ARGON2I: Type.I, Algorithm.ARGON2D: Type.D, Algorithm.ARGON2ID: Type.ID}


def foreign_digest(recipe: Recipe, password: str) -> bytes:
    """The digest that a recipe makes of a password."""
    # A lone surrogate is nobody's password, but comparing it must not fail.
    raw = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    match recipe.algorithm, recipe.costs:
        case Algorithm.BCRYPT, (cost,):
            return _bcrypt(raw, cost, recipe.salt)
        case Algorithm.BCRYPT_SHA256, (cost,):
            return _bcrypt(binascii.hexlify(hashlib.sha256(raw).digest()), cost, recipe.salt)
        case Algorithm.PHPASS, (rounds,):
            return _phpass(raw, rounds, recipe.salt)
        case Algorithm.SCRYPT, (n, r, p, length):
            return hashlib.scrypt(raw, salt=recipe.salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY, dklen=length)
        case _, (iterations, length):
            name = recipe.algorithm.removeprefix("pbkdf2_")
            return hashlib.pbkdf2_hmac(name, raw, recipe.salt, iterations, length)
        case _, (version, kib, passes, lanes, length):
            kind = _ARGON2[recipe.algorithm]
            return hash_secret_raw(raw, recipe.salt, passes, kib, lanes, length, kind, version)
        case _:
            return hashlib.new(recipe.algorithm, raw + recipe.salt, usedforsecurity=False).digest()


def _bcrypt(raw: bytes, cost: int, salt: bytes) -> bytes:
    written = bcrypt.hashpw(raw[:_BCRYPT_READS], b"$2b$%02d$%s" % (cost, bcrypt_base64(salt)))
    return from_bcrypt_base64(written[-_BCRYPT_DIGEST:])


def _phpass(raw: bytes, rounds: int, salt: bytes) -> bytes:
    digest = hashlib.md5(salt + raw, usedforsecurity=False).digest()
    for _ in range(1 << rounds):
        digest = hashlib.md5(digest + raw, usedforsecurity=False).digest()
    return digest
