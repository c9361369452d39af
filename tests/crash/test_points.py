"""The instrumentation finds every await that suspends, and says where it is."""

import asyncio
from collections.abc import Callable, Coroutine

from reclave.adapters.memory import MemoryStore
from tests.crash.points import Points
from tests.crash.wire import Point


def passed(work: Callable[[], Coroutine[None, None, None]]) -> list[Point]:
    """The points of a coroutine that is run as a task."""
    killed_at: list[Point] = []
    points = Points(killed_at.append)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(points.watch)
        await asyncio.create_task(work())

    asyncio.run(main())
    assert killed_at == []
    return points.passed


async def suspend(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def test_an_await_that_suspends_is_a_point() -> None:
    assert [point.kind for point in passed(lambda: suspend(3))] == ["await"] * 3


def test_an_await_that_goes_on_at_once_is_none() -> None:
    async def work() -> None:
        async with asyncio.Lock():
            pass

    assert passed(work) == []


def test_tasks_that_a_task_starts_have_points_of_their_own() -> None:
    async def work() -> None:
        await asyncio.gather(suspend(2), suspend(2))

    assert len(passed(work)) == 1 + 2 + 2


def test_what_is_awaited_after_an_exception_is_a_point() -> None:
    async def work() -> None:
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            await suspend(2)

    assert len(passed(work)) == 1 + 2


def test_a_point_is_found_inside_of_context_managers_and_async_generators() -> None:
    async def work() -> None:
        store = MemoryStore()
        async with store.transaction():
            other = asyncio.create_task(_wait_for_turn(store))
            await suspend(2)
        await other

    waiting = [point for point in passed(work) if point.within("MemoryStore.transaction")]
    assert [point.trail[-1].partition(":")[0] for point in waiting] == ["adapters/memory/store.py"]


async def _wait_for_turn(store: MemoryStore) -> None:
    async with store.transaction():
        pass
