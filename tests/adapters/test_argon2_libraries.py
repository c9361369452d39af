"""Argon2id by two libraries: the same hashes, and the cheaper one of them from when both have been seen to work."""

import threading
import time
from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from reclave.adapters.argon2 import MEMORY_KIB, PASSES, cheaper_library
from reclave.adapters.argon2_libraries import TURNS, Argon2id, Cheaper, Libsodium, ReferenceCode

SECRET = b"un secreto de cuarenta y tantos bytes de largo"
COST = {"memory_kib": 64, "passes": 1}
LIBRARIES: Sequence[Argon2id] = (Libsodium(), ReferenceCode())


def by_name(library: Argon2id) -> str:
    return library.name


class Slow:
    """A library that takes some processor time for each hash, and counts them."""

    def __init__(self, name: str, milliseconds: float) -> None:
        self.name = name
        self.computed = 0
        self._nanoseconds = milliseconds * 1e6
        self._counting = threading.Lock()

    def written(self, secret: bytes, *, memory_kib: int, passes: int) -> bytes:
        self._work()
        return b"$argon2id$v=19$m=%d,t=%d,p=1$" % (memory_kib, passes) + secret

    def fits(self, phc: bytes, secret: bytes) -> bool:
        self._work()
        return phc.endswith(secret)

    def _work(self) -> None:
        with self._counting:
            self.computed += 1
        until = time.thread_time_ns() + self._nanoseconds
        while time.thread_time_ns() < until:
            pass


@pytest.mark.req("S19")
@pytest.mark.parametrize("writer", LIBRARIES, ids=by_name)
@pytest.mark.parametrize("reader", LIBRARIES, ids=by_name)
def test_what_one_library_has_written_fits_in_both(writer: Argon2id, reader: Argon2id) -> None:
    phc = writer.written(SECRET, **COST)
    assert phc.startswith(b"$argon2id$v=19$m=64,t=1,p=1$")
    assert reader.fits(phc, SECRET)
    assert not reader.fits(phc, SECRET + b".")


@pytest.mark.req("S19")
@pytest.mark.parametrize("library", LIBRARIES, ids=by_name)
def test_every_hash_has_a_salt_of_its_own_and_as_much_of_a_digest(library: Argon2id) -> None:
    first, second = (library.written(SECRET, **COST).split(b"$") for _ in range(2))
    assert first[-2] != second[-2]
    assert first[-1] != second[-1]
    assert [len(part) for part in first[-2:]] == [22, 43]


@pytest.mark.parametrize("library", LIBRARIES, ids=by_name)
@pytest.mark.parametrize(
    "phc", [b"", b"$argon2id$", b"$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", b"\xff\x00"]
)
def test_what_is_no_hash_fits_nothing(library: Argon2id, phc: bytes) -> None:
    assert not library.fits(phc, SECRET)


def test_both_take_turns_and_then_the_cheaper_one_computes_all() -> None:
    dear, cheap = Slow("dear", 4), Slow("cheap", 1)
    chosen = Cheaper((dear, cheap), **COST)
    assert chosen.name == ""
    phc = chosen.written(SECRET, **COST)
    with capture_logs() as logs:
        for _ in range(2 * TURNS + 3):
            assert chosen.fits(phc, SECRET)
    assert chosen.name == "cheap"
    assert (dear.computed, cheap.computed) == (TURNS, TURNS + 4)
    (line,) = logs
    assert line["event"] == "hashing_library"
    assert line["library"] == "cheap"
    assert 0.9 < line["ms"] < 4


def test_hashes_of_another_cost_choose_nothing() -> None:
    one, other = Slow("one", 0), Slow("other", 0)
    chosen = Cheaper((one, other), memory_kib=64, passes=2)
    phc = one.written(SECRET, **COST)
    for _ in range(10):
        chosen.fits(phc, SECRET)
    assert chosen.name == ""
    assert (one.computed, other.computed) == (11, 0)


def test_threads_that_hash_at_once_choose_once() -> None:
    chosen = Cheaper((Slow("dear", 2), Slow("cheap", 1)), **COST)
    with capture_logs() as logs:
        threads = [threading.Thread(target=chosen.written, args=(SECRET,), kwargs=COST) for _ in range(8 * TURNS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert chosen.name == "cheap"
    assert len(logs) == 1


@pytest.mark.req("S19")
def test_the_service_chooses_from_both_at_its_own_cost() -> None:
    chosen = cheaper_library()
    for _ in range(2 * TURNS):
        chosen.written(SECRET, memory_kib=MEMORY_KIB, passes=PASSES)
    assert chosen.name in {"libsodium", "argon2-cffi"}
