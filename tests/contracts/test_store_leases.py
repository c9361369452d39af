"""What only one process does at a time."""

import asyncio

from reclave.domain.time import DAY, MINUTE
from reclave.ports.store import Store
from tests.contracts.rows import new_id
from tests.stores import Clock, OpenAnother

ONE, OTHER = b"one", b"other"


async def holds(store: Store, holder: bytes, name: str = "task") -> bool:
    async with store.transaction() as tx:
        return await tx.leases.hold(name, holder, MINUTE)


async def test_a_task_that_one_process_holds_is_refused_to_another_until_its_lease_ends(
    store: Store, open_another: OpenAnother, clock: Clock
) -> None:
    another = await open_another()
    assert await holds(store, ONE)
    assert not await holds(another, OTHER)
    assert await holds(another, OTHER, "another task")
    clock.move(2 * MINUTE)
    assert await holds(another, OTHER)
    assert not await holds(store, ONE)


async def test_who_holds_a_task_keeps_it_by_asking_again(store: Store, clock: Clock) -> None:
    for _ in range(3):
        assert await holds(store, ONE)
        clock.move(MINUTE // 2)
    assert not await holds(store, OTHER)


async def test_a_task_that_was_given_back_is_free_and_only_its_holder_gives_it_back(store: Store) -> None:
    assert await holds(store, ONE)
    async with store.transaction() as tx:
        assert not await tx.leases.release("task", OTHER)
    assert not await holds(store, OTHER)
    async with store.transaction() as tx:
        assert await tx.leases.release("task", ONE)
        assert not await tx.leases.release("task", ONE)
    assert await holds(store, OTHER)


async def test_a_lease_from_before_the_clock_jumped_back_has_ended(store: Store, clock: Clock) -> None:
    assert await holds(store, ONE)
    clock.move(-DAY)
    assert await holds(store, OTHER)


async def test_of_many_that_ask_at_once_one_gets_the_task(open_another: OpenAnother) -> None:
    stores = [await open_another() for _ in range(3)]
    asked = (holds(store, new_id()) for store in stores for _ in range(5))
    assert sum(await asyncio.gather(*asked)) == 1
