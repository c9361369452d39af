"""Argon2id hashes a second, on all cores, by each library that is installed, at the cost that Reclave uses.

Run `python bench/hashing.py [seconds]`. PyNaCl is what Reclave uses; `argon2-cffi` and `cryptography` are
compared where they are installed.
"""

import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from itertools import repeat

from reclave.adapters.argon2 import MEMORY_KIB, PASSES

_SECRET = b"x" * 44  # as long as what Reclave hashes: an HMAC-SHA-256 in base 64
_ROUNDS = 3

Hash = Callable[[bytes], object]


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


def _rate(hash_one: Hash, workers: int, seconds: float) -> float:
    """Hashes a second with `workers` threads, over about `seconds`."""

    def hash_until(end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            hash_one(os.urandom(16))
            count += 1
        return count

    with ThreadPoolExecutor(workers) as threads:
        started = time.perf_counter()
        count = sum(threads.map(hash_until, repeat(started + seconds, workers)))
        return count / (time.perf_counter() - started)


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
    rates: dict[str, list[float]] = {name: [] for name in libraries}
    for _ in range(_ROUNDS):
        for name, hash_one in libraries.items():
            rates[name].append(_rate(hash_one, workers, seconds))
    print(f"Argon2id, {MEMORY_KIB} KiB, {PASSES} passes, 1 lane, {workers} threads, best of {_ROUNDS}:")
    for name, measured in rates.items():
        each = workers / max(measured)
        print(f"{name:14} {max(measured):6.1f} hashes/s, {each * 1000:5.1f} ms each")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
