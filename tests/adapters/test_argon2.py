"""Argon2id: its stored form, its pepper, its bound, and the same work for every account."""

import asyncio
import base64
import hmac
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nacl.pwhash import argon2id
from structlog.testing import capture_logs

from reclave.adapters import argon2
from reclave.adapters.argon2 import MEMORY_KIB, PASSES, Argon2Hasher
from reclave.adapters.entropy import SystemEntropy
from reclave.adapters.keyring import create_keyring
from reclave.adapters.keyring_vault import KeyringVault
from reclave.domain.errors import Overloaded
from reclave.domain.foreign_recipes import Recipe

PASSWORD = "Cóndor-andino-2045 vuela"
CHEAP: dict[str, Any] = {"memory_kib": 8, "passes": 1}


@pytest.fixture
def vault(tmp_path: Path) -> KeyringVault:
    create_keyring(tmp_path / "keyring.json", SystemEntropy(), 0)
    return KeyringVault(tmp_path / "keyring.json", SystemEntropy())


Make = Callable[..., Argon2Hasher]


@pytest_asyncio.fixture
async def make(vault: KeyringVault) -> AsyncIterator[Make]:
    made: list[Argon2Hasher] = []

    def hasher(**changes: int) -> Argon2Hasher:
        made.append(Argon2Hasher(vault, **{**CHEAP, "workers": 1, **changes}))
        return made[-1]

    yield hasher
    for one in made:
        one.close()


class Held:
    """Holds every verification until `go` is set, and counts them."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.begun = threading.Semaphore(0)
        self.running = 0
        self.at_once = 0
        self.hashes: list[bytes] = []

    def verify(self, password_hash: bytes, _password: bytes) -> bool:
        with self.lock:
            self.hashes.append(password_hash)
            self.running += 1
            self.at_once = max(self.at_once, self.running)
        self.begun.release()
        assert self.go.wait(10)
        with self.lock:
            self.running -= 1
        return True

    async def begin(self) -> None:
        """Wait until one more verification has begun."""
        assert await asyncio.to_thread(self.begun.acquire, timeout=10)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    holding = Held()
    monkeypatch.setattr(argon2id, "verify", holding.verify)
    yield holding
    holding.go.set()


@pytest.mark.req("S19")
async def test_a_hash_is_stored_with_its_key_and_the_recommended_cost(vault: KeyringVault) -> None:
    hasher = Argon2Hasher(vault)
    stored = await hasher.hash(PASSWORD)
    hasher.close()
    assert (MEMORY_KIB, PASSES) == (19_456, 2)
    assert stored.startswith("k1:$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored.isascii()
    assert len(stored) < 128


@pytest.mark.req("S19")
async def test_what_is_hashed_is_the_hmac_of_the_password_under_the_pepper(vault: KeyringVault, make: Make) -> None:
    stored = await make().hash(PASSWORD)
    key_id, _, phc = stored.partition(":")
    pepper = vault.pepper(key_id)
    assert pepper is not None
    peppered = base64.b64encode(hmac.digest(pepper, PASSWORD.encode(), "sha256"))
    assert argon2id.verify(phc.encode(), peppered)


@pytest.mark.req("S19")
async def test_a_hash_is_worth_nothing_without_the_keyring(make: Make, tmp_path: Path) -> None:
    stored = await make().hash(PASSWORD)
    create_keyring(tmp_path / "other.json", SystemEntropy(), 0)
    other = Argon2Hasher(KeyringVault(tmp_path / "other.json", SystemEntropy()), **CHEAP)
    assert not await other.verify(stored, PASSWORD)
    other.close()


async def test_a_hash_whose_pepper_is_gone_fits_nothing_and_is_reported(make: Make) -> None:
    hasher = make()
    stored = await hasher.hash(PASSWORD)
    with capture_logs() as logs:
        assert not await hasher.verify(stored.replace("k1:", "k7:"), PASSWORD)
    assert logs == [{"event": "pepper_missing", "key_id": "k7", "log_level": "error"}]


@pytest.mark.parametrize("cheaper", [{"memory_kib": 16}, {"passes": 2}])
async def test_a_hash_of_another_cost_fits_and_is_outdated(make: Make, cheaper: dict[str, int]) -> None:
    stored = await make(**cheaper).hash(PASSWORD)
    hasher = make()
    assert await hasher.verify(stored, PASSWORD)
    assert hasher.outdated(stored)
    assert hasher.outdated("!")


@pytest.mark.req("S26")
@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "!",
        "k1:$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
        "k1:$argon2id$v=19$m=8,t=99,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
        f"k1:$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA${'x' * 100}",
        "k1:$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaA",
        "k1:$2b$12$abcdefghijklmnopqrstuv",
    ],
)
async def test_what_is_no_hash_of_ours_costs_one_verification_at_our_cost(
    make: Make, held: Held, stored: str | None
) -> None:
    held.go.set()
    assert not await make().verify(stored, PASSWORD)
    [compared] = held.hashes
    assert compared.startswith(b"$argon2id$v=19$m=8,t=1,p=1$")


@pytest.mark.req("S26")
async def test_each_verification_does_the_foreign_work_of_its_own_hash_or_else_of_the_decoy(
    make: Make, monkeypatch: pytest.MonkeyPatch, held: Held
) -> None:
    done: list[Recipe] = []

    def digest(recipe: Recipe, _password: str) -> bytes:
        done.append(recipe)
        return b"digest"

    monkeypatch.setattr(argon2, "foreign_digest", digest)
    held.go.set()
    hasher = make()
    foreign, native = await hasher.wrap("{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng=="), await hasher.hash(PASSWORD)
    work = []
    for stored in (foreign, native, None, "!", foreign.replace("sha1;", "bcrypt:31;")):
        done.clear()
        held.hashes.clear()
        await hasher.verify(stored, PASSWORD, decoy="bcrypt:12")
        work.append(([recipe.scheme for recipe in done], len(held.hashes)))
    assert work == [(["sha1"], 1), ([], 1), (["bcrypt:12"], 1), (["bcrypt:12"], 1), (["bcrypt:12"], 1)]


@pytest.mark.req("S26")
async def test_a_known_and_an_unknown_account_take_the_same_time(vault: KeyringVault) -> None:
    hasher = Argon2Hasher(vault, memory_kib=2048, passes=2, workers=1)
    known = await hasher.hash(PASSWORD)
    taken: dict[str | None, list[int]] = {known: [], None: [], "!": []}
    for _ in range(40):
        for stored, times in taken.items():
            # CPU time of this process: what else the machine does must not decide.
            started = time.process_time_ns()
            await hasher.verify(stored, "otra")
            times.append(time.process_time_ns() - started)
    hasher.close()
    quickest = [min(times) for times in taken.values()]
    assert max(quickest) < 1.25 * min(quickest)


async def test_as_many_run_at_once_as_there_are_workers_and_no_more(make: Make, held: Held) -> None:
    hasher = make(workers=2, waiting=6)
    verifying = [asyncio.create_task(hasher.verify(None, "x")) for _ in range(8)]
    await held.begin()
    await held.begin()
    held.go.set()
    assert await asyncio.gather(*verifying) == [False] * 8
    assert held.at_once == 2


async def test_one_more_than_workers_and_queue_take_is_overloaded_at_once(make: Make, held: Held) -> None:
    hasher = make(workers=1, waiting=2)
    taken = [asyncio.create_task(hasher.verify(None, "x")) for _ in range(3)]
    await held.begin()
    with pytest.raises(Overloaded):
        await hasher.verify(None, "x")
    with pytest.raises(Overloaded):
        await hasher.hash("x")
    held.go.set()
    assert await asyncio.gather(*taken) == [False] * 3
    assert await hasher.verify(None, "x") is False


async def test_a_caller_that_leaves_frees_its_place_only_when_its_thread_is_done(make: Make, held: Held) -> None:
    hasher = make(workers=1, waiting=0)
    leaving = asyncio.create_task(hasher.verify(None, "x"))
    await held.begin()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    with pytest.raises(Overloaded):
        await hasher.verify(None, "x")
    held.go.set()
    assert await asyncio.to_thread(hasher._pool._places.acquire, timeout=10)
    hasher._pool._places.release()
    assert await hasher.verify(None, "x") is False
    assert held.at_once == 1


async def test_a_caller_that_leaves_the_queue_frees_its_place_and_costs_no_hash(make: Make, held: Held) -> None:
    hasher = make(workers=1, waiting=1)
    running = asyncio.create_task(hasher.verify(None, "x"))
    await held.begin()
    leaving = asyncio.create_task(hasher.verify(None, "x"))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    staying = asyncio.create_task(hasher.verify(None, "x"))
    held.go.set()
    assert [await running, await staying] == [False, False]
    assert len(held.hashes) == 2


async def test_the_event_loop_goes_on_while_hashes_are_made(make: Make, held: Held) -> None:
    hasher = make(workers=1, waiting=0)
    verifying = asyncio.create_task(hasher.verify(None, "x"))
    await held.begin()
    assert not verifying.done()
    held.go.set()
    await verifying


async def test_after_closing_nothing_is_hashed_and_no_place_is_lost(make: Make) -> None:
    hasher = make()
    hasher.close()
    for _ in range(100):
        with pytest.raises(RuntimeError, match="shutdown"):
            await hasher.hash("x")
