"""How many hash at once, and the places before them."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from reclave.adapters.hashing_pool import HashingPool, threads_for
from reclave.domain.errors import Overloaded

MIB = 1 << 20
CORES = 4


@pytest.fixture
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that says how much memory the service may take, on four cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(CORES)))
    path = tmp_path / "memory.max"
    path.write_text("max\n")
    return path


@pytest.mark.parametrize(
    ("memory", "processes", "threads"),
    [("max", 1, 4), ("max", 2, 2), ("max", 3, 1), ("max", 8, 1), (160 * MIB, 1, 2), (160 * MIB, 2, 1), (MIB, 1, 1)],
)
def test_there_is_a_thread_a_core_where_a_quarter_of_the_memory_holds_their_hashes(
    limit: Path, memory: str | int, processes: int, threads: int
) -> None:
    limit.write_text(f"{memory}\n")
    assert threads_for(19 * MIB, processes, limit) == threads


def test_where_nothing_limits_the_memory_it_is_the_machines(limit: Path) -> None:
    limit.unlink()
    assert threads_for(19 * MIB, 1, limit) == CORES
    assert threads_for(1 << 50, 1, limit) == 1


async def test_a_place_that_is_left_unused_is_free_again() -> None:
    pool = HashingPool(workers=1, waiting=0)
    for _ in range(3):
        place = pool.take()
        with pytest.raises(Overloaded):
            pool.take()
        place.leave()
    pool.close()


async def test_a_place_takes_one_piece_of_work_after_another_and_others_wait_outside() -> None:
    pool = HashingPool(workers=1, waiting=0)
    place = pool.take()
    assert [await place.run(lambda: 1), await place.run(lambda: 2)] == [1, 2]
    with pytest.raises(Overloaded):
        await pool.run(lambda: 3)
    place.leave()
    assert await pool.run(lambda: 3) == 3
    pool.close()


async def test_a_place_whose_owner_leaves_while_its_thread_works_is_free_when_the_thread_is() -> None:
    pool, go, begun = HashingPool(workers=1, waiting=0), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        assert go.wait(10)

    place = pool.take()
    running = asyncio.create_task(place.run(work))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    place.leave()
    with pytest.raises(Overloaded):
        pool.take()
    go.set()
    assert await asyncio.to_thread(pool._places.acquire, timeout=10)
    pool.close()
