"""Argon2id hashes a second, on all cores, by each library that is installed, at the cost that Reclave uses.

Run `python bench/hashing.py [seconds]`. PyNaCl is what Reclave uses; `argon2-cffi` and `cryptography` are
compared where they are installed. The processor time of a hash is what counts on a machine that is not idle; the
system's part of it is the memory that the library takes anew for each hash.
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from itertools import repeat

from reclave.adapters.argon2 import MEMORY_KIB, PASSES

_SECRET = b"x" * 44  # as long as what Reclave hashes: an HMAC-SHA-256 in base 64
_ROUNDS = 3

Hash = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class _Round:
    rate: float  # hashes a second
    user: float  # milliseconds of the processor a hash
    system: float


def _pynacl() -> Hash:
    argon2id = import_module("nacl.pwhash.argon2id")
    return lambda salt: argon2id.kdf(32, _SECRET, salt, opslimit=PASSES, memlimit=MEMORY_KIB * 1024)


def _argon2_cffi() -> Hash:
    low_level = import_module("argon2.low_level")
    return lambda salt: low_level.hash_secret_raw(
        _SECRET, salt, PASSES, MEMORY_KIB, parallelism=1, hash_len=32, type=low_level.Type.ID
    )


def _cryptography() -> Hash:
    kdf = import_module("cryptography.hazmat.primitives.kdf.argon2")
    return lambda salt: kdf.Argon2id(salt=salt, length=32, iterations=PASSES, lanes=1, memory_cost=MEMORY_KIB).derive(
        _SECRET
    )


def _round(hash_one: Hash, workers: int, seconds: float) -> _Round:
    """Hash with `workers` threads for about `seconds`."""

    def hash_until(end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            hash_one(os.urandom(16))
            count += 1
        return count

    with ThreadPoolExecutor(workers) as threads:
        before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        count = sum(threads.map(hash_until, repeat(started + seconds, workers)))
        took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return _Round(count / took, user / count * 1000, system / count * 1000)


def main(seconds: float) -> None:
    """Print the rates of each library: the best of three rounds, which take turns."""
    workers = os.cpu_count() or 1
    libraries: dict[str, Hash] = {}
    for name, load in (("PyNaCl", _pynacl), ("argon2-cffi", _argon2_cffi), ("cryptography", _cryptography)):
        try:
            libraries[name] = load()
        except ImportError:
            print(f"{name:14} is not installed")
    if len({hash_one(bytes(16)) for hash_one in libraries.values()}) != 1:
        raise SystemExit("the libraries do not agree on the hash: the parameters are not the same")
    rounds: dict[str, list[_Round]] = {name: [] for name in libraries}
    for _ in range(_ROUNDS):
        for name, hash_one in libraries.items():
            rounds[name].append(_round(hash_one, workers, seconds))
    print(f"Argon2id, {MEMORY_KIB} KiB, {PASSES} passes, 1 lane, {workers} threads, best of {_ROUNDS}:")
    for name, measured in rounds.items():
        rate = max(one.rate for one in measured)
        cheapest = min(measured, key=lambda one: one.user + one.system)
        print(
            f"{name:14} {rate:6.1f} hashes/s, {workers / rate * 1000:5.1f} ms each; processor"
            f" {cheapest.user + cheapest.system:5.1f} ms, {cheapest.system:4.1f} of it the system's"
        )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
