"""Password hashing with Argon2id (RFC 9106), on a bounded pool of threads.

A hash is stored as `<key id>:<PHC string>`, for example `k1:$argon2id$v=19$m=19456,t=2,p=1$…$…`. What is
hashed isn't the password but its HMAC-SHA-256 under the pepper of that key, so that a copy of the database
alone gives nothing to guess against (S19, NIST SP 800-63B section 3.1.1.2).

A hash of another system is wrapped: `<key id>:<recipe><PHC string>`, for example `k1:bcrypt:12;c2Fs…$argon2id$…`. The
recipe makes the foreign digest of a typed password; what is hashed is the HMAC of recipe and digest, so that of the
digest itself nothing is stored that costs less to guess at than a hash of our own (invariant 4).
"""

import base64
import hmac
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Protocol

import structlog

from reclave.adapters.argon2_libraries import Argon2id, Cheaper, Libsodium, ReferenceCode
from reclave.adapters.foreign_hashes import foreign_digest
from reclave.adapters.hashing_pool import HashingPool, threads_for
from reclave.adapters.sealed_hashes import opened_hash, sealed_hash
from reclave.domain.foreign_hashes import ForeignHash, parse_foreign_hash
from reclave.domain.foreign_recipes import Recipe, read_recipe, recipe_like
from reclave.ports.vault import Unsealable

MEMORY_KIB = 19 * 1024
PASSES = 2
WAITING_PER_WORKER = 32
"""At 20 ms a hash the last in the queue waits 0.6 s; on a machine half as fast, 1.3 s."""

_STORED = re.compile(
    r"(?P<key>k[1-9][0-9]{0,8}):(?P<recipe>[a-z0-9_:]+;[A-Za-z0-9+/=]*)?"
    r"(?P<phc>\$argon2id\$v=19\$m=(?P<m>[1-9][0-9]{0,6}),t=(?P<t>[1-9][0-9]?),p=(?P<p>[1-9])"
    r"\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+)"
)
# A row that somebody has written into the database must not cost the machine its memory.
_MOST_MEMORY_KIB = 256 * 1024
_MOST_PASSES = 10
_MOST_PHC_BYTES = 127  # libsodium's crypto_pwhash_STRBYTES without its final NUL

_log = structlog.get_logger(__name__)


class Peppers(Protocol):
    """Where peppers come from, and what seals: the vault."""

    @property
    def key_id(self) -> str:
        """The id of the key whose pepper new hashes get."""

    def pepper(self, key_id: str) -> bytes | None:
        """The pepper (32 bytes) of a key; None for a key that is gone."""

    def seal(self, use: str, plain: bytes, bound_to: bytes = b"") -> bytes:
        """Seal bytes under the key that makes new secrets."""

    def sealed_by(self, sealed: bytes) -> str:
        """The id of the key that sealed bytes."""

    def open(self, use: str, sealed: bytes, bound_to: bytes = b"") -> bytes:
        """Open sealed bytes. Raises `Unsealable`."""


@dataclass(frozen=True, slots=True)
class _Stored:
    key_id: str
    recipe: Recipe | None  # of a wrapped one
    phc: bytes
    cost: tuple[int, int, int]  # memory in KiB, passes, lanes


class Argon2Hasher:
    """Argon2id with a pepper; more than the threads and the queue take raises `Overloaded` at once.

    Args:
        peppers: the vault.
        memory_kib: memory of one hash, KiB.
        passes: passes over that memory.
        workers: hashes at the same time; as many as cores and memory allow when None.
        waiting: how many more may wait for a thread; 32 for each worker when None.
        library: what computes the hashes; libsodium when None.
    """

    def __init__(
        self,
        peppers: Peppers,
        *,
        memory_kib: int = MEMORY_KIB,
        passes: int = PASSES,
        workers: int | None = None,
        waiting: int | None = None,
        library: Argon2id | None = None,
    ) -> None:
        workers = workers or threads_for(memory_kib * 1024)
        waiting = WAITING_PER_WORKER * workers if waiting is None else waiting
        self._peppers = peppers
        self._memory_kib = memory_kib
        self._passes = passes
        self._library = library or Libsodium()
        self._pool = HashingPool(workers, waiting)
        self._run = self._pool.run
        # Nobody's password: what an unknown account's is compared with, at the same cost (S26).
        self._decoy = self._argon2id(base64.b64encode(os.urandom(32)))

    async def hash(self, password: str) -> str:
        key_id, pepper = self._own_pepper()
        phc = await self._run(lambda: self._argon2id(_peppered(pepper, password, None)))
        return f"{key_id}:{phc.decode()}"

    def seal(self, foreign: ForeignHash) -> str:
        return sealed_hash(self._peppers, foreign)

    def seal_anew(self, stored: str) -> str:
        foreign = opened_hash(self._peppers, stored)
        if foreign is None:
            raise Unsealable("it is no sealed hash")
        return sealed_hash(self._peppers, foreign)

    async def wrap(self, foreign: str) -> str:
        read = opened_hash(self._peppers, foreign) or parse_foreign_hash(foreign)
        key_id, pepper = self._own_pepper()
        phc = await self._run(lambda: self._argon2id(_peppered_digest(pepper, read.recipe, read.digest)))
        return f"{key_id}:{read.recipe.written}{phc.decode()}"

    async def verify(self, stored: str | None, password: str, *, decoy: str | None = None) -> bool:
        """Whether a password fits a hash; False for None and for what isn't a hash, after the decoy's work."""
        sealed = self._sealed(stored)
        if sealed is not None:
            return await self._fits_sealed(sealed, password)
        known = _read(stored)
        key_id = known.key_id if known else self._peppers.key_id
        pepper = self._peppers.pepper(key_id)
        if pepper is None:
            _log.error("pepper_missing", key_id=key_id)
        phc = known.phc if known else self._decoy
        recipe = known.recipe if known else recipe_like(decoy)
        fits = await self._run(lambda: self._library.fits(phc, _peppered(pepper or bytes(32), password, recipe)))
        return fits and known is not None and pepper is not None

    def _sealed(self, stored: str | None) -> ForeignHash | None:
        try:
            return opened_hash(self._peppers, stored) if stored else None
        except Unsealable as why:
            _log.error("sealed_hash_does_not_open", why=str(why))
            return None

    async def _fits_sealed(self, sealed: ForeignHash, password: str) -> bool:
        """Whether a password fits a hash that is not wrapped yet, for as much work as if it were (S26)."""
        _, pepper = self._own_pepper()

        def compare() -> bool:
            digest = foreign_digest(sealed.recipe, password)
            self._library.fits(self._decoy, _peppered_digest(pepper, sealed.recipe, digest))
            return hmac.compare_digest(digest, sealed.digest)

        return await self._run(compare)

    def outdated(self, stored: str) -> bool:
        known = _read(stored)
        return (
            known is None
            or known.recipe is not None
            or known.key_id != self._peppers.key_id
            or known.cost != (self._memory_kib, self._passes, 1)  # one lane
        )

    @contextmanager
    def reserved(self) -> Iterator["Argon2Hasher"]:
        place = self._pool.take()
        try:
            hasher = copy(self)
            hasher._run = place.run  # noqa: SLF001 - a copy of this very object
            yield hasher
        finally:
            place.leave()

    def close(self) -> None:
        """Let the hashes in work end, drop those that wait, and end the threads."""
        self._pool.close()

    def _own_pepper(self) -> tuple[str, bytes]:
        key_id = self._peppers.key_id
        pepper = self._peppers.pepper(key_id)
        if pepper is None:
            raise RuntimeError(f"the vault has no pepper for its own key {key_id}")
        return key_id, pepper

    def _argon2id(self, peppered: bytes) -> bytes:
        return self._library.written(peppered, memory_kib=self._memory_kib, passes=self._passes)


def cheaper_library() -> Argon2id:
    """The library that computes a hash of our cost with less of this machine's processor."""
    return Cheaper((Libsodium(), ReferenceCode()), memory_kib=MEMORY_KIB, passes=PASSES)


def _peppered(pepper: bytes, password: str, recipe: Recipe | None) -> bytes:
    if recipe is not None:
        return _peppered_digest(pepper, recipe, foreign_digest(recipe, password))
    # A lone surrogate is nobody's password, but comparing it must not fail.
    raw = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(pepper, raw, "sha256"))


def _peppered_digest(pepper: bytes, recipe: Recipe, digest: bytes) -> bytes:
    # UTF-8 has no byte FF: nobody can type a password that is peppered to the same.
    return base64.b64encode(hmac.digest(pepper, b"\xff" + recipe.written.encode() + b"$" + digest, "sha256"))


def _read(stored: str | None) -> _Stored | None:
    """A stored hash taken apart; None when it is none, or costs more than any hash of ours."""
    written = _STORED.fullmatch(stored) if stored else None
    if written is None:
        return None
    memory_kib, passes, lanes = (int(number) for number in written.group("m", "t", "p"))
    if memory_kib > _MOST_MEMORY_KIB or passes > _MOST_PASSES or len(written["phc"]) > _MOST_PHC_BYTES:
        return None
    recipe = read_recipe(written["recipe"]) if written["recipe"] else None
    if written["recipe"] and recipe is None:
        return None
    return _Stored(written["key"], recipe, written["phc"].encode(), (memory_kib, passes, lanes))
