"""Argon2id (RFC 9106) by two libraries that make the same bytes; whichever takes less of the processor here is used.

libsodium's code suits the processor that it finds, but it has the system give it 19 MiB anew for each hash. The
reference code, behind argon2-cffi, keeps that memory, and suits what it was built for (docs/adr/0017-who-hashes.md).
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Protocol, TypeVar

import structlog
from argon2.exceptions import VerificationError
from argon2.low_level import Type, hash_secret, verify_secret
from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id

TURNS = 3
"""How many hashes each library computes before one is chosen."""
_SALT_BYTES = 16
_DIGEST_BYTES = 32
_Result = TypeVar("_Result")
_log = structlog.get_logger("reclave")


class Argon2id(Protocol):
    """One lane of Argon2id; it lets other threads go on meanwhile."""

    @property
    def name(self) -> str:
        """Its name."""

    def written(self, secret: bytes, *, memory_kib: int, passes: int) -> bytes:
        """A new hash of a secret under a salt of its own, as a PHC string."""

    def fits(self, phc: bytes, secret: bytes) -> bool:
        """Whether a secret is the one of a PHC string; False for what is none."""


class Libsodium:
    """Argon2id by libsodium."""

    name = "libsodium"

    def written(self, secret: bytes, *, memory_kib: int, passes: int) -> bytes:
        return argon2id.str(secret, opslimit=passes, memlimit=memory_kib * 1024)

    def fits(self, phc: bytes, secret: bytes) -> bool:
        try:
            return argon2id.verify(phc, secret)
        except InvalidkeyError:
            return False


class ReferenceCode:
    """Argon2id by the code of its authors."""

    name = "argon2-cffi"

    def written(self, secret: bytes, *, memory_kib: int, passes: int) -> bytes:
        return hash_secret(secret, os.urandom(_SALT_BYTES), passes, memory_kib, 1, _DIGEST_BYTES, Type.ID)

    def fits(self, phc: bytes, secret: bytes) -> bool:
        try:
            return verify_secret(phc, secret, Type.ID)
        except VerificationError:
            return False


class Cheaper:
    """The library that takes less processor time, from when each has computed a few hashes of one cost.

    Args:
        libraries: what there is to choose from; they take turns until then.
        memory_kib: the memory of the hashes that are compared, KiB.
        passes: their passes.
    """

    def __init__(self, libraries: Sequence[Argon2id], *, memory_kib: int, passes: int) -> None:
        self._took: dict[Argon2id, list[int]] = {each: [] for each in libraries}
        self._turns = cycle(libraries)
        self._like = f"$argon2id$v=19$m={memory_kib},t={passes},p=1$".encode()
        self._chosen: Argon2id | None = None
        self._choosing = threading.Lock()

    @property
    def name(self) -> str:
        """The name of the chosen one; nothing as long as there is none."""
        return self._chosen.name if self._chosen else ""

    def written(self, secret: bytes, *, memory_kib: int, passes: int) -> bytes:
        return self._by_turns(lambda library: library.written(secret, memory_kib=memory_kib, passes=passes))

    def fits(self, phc: bytes, secret: bytes) -> bool:
        if self._chosen is None and not phc.startswith(self._like):
            return next(iter(self._took)).fits(phc, secret)
        return self._by_turns(lambda library: library.fits(phc, secret))

    def _by_turns(self, work: Callable[[Argon2id], _Result]) -> _Result:
        if self._chosen is not None:
            return work(self._chosen)
        with self._choosing:
            library = next(self._turns)
        began = time.thread_time_ns()
        result = work(library)
        self._note(library, time.thread_time_ns() - began)
        return result

    def _note(self, library: Argon2id, nanoseconds: int) -> None:
        with self._choosing:
            self._took[library].append(nanoseconds)
            if self._chosen is None and all(len(each) >= TURNS for each in self._took.values()):
                self._choose()

    def _choose(self) -> None:
        least = {each: min(took) for each, took in self._took.items()}
        self._chosen = min(least, key=lambda each: least[each])
        _log.info("hashing_library", library=self._chosen.name, ms=round(least[self._chosen] / 1e6, 1))
