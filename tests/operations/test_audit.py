"""The audit trail as operators read it."""

import pytest

from reclave.domain.audit import Event
from reclave.domain.time import DAY, HOUR
from reclave.operations import audit
from reclave.operations.audit import Numbered, Wanted, after, everything, latest, newest_number
from reclave.ports.records import SealedBatch
from reclave.worker.housekeeping import seal_audit
from tests.contracts.rows import an_entry
from tests.world import World

pytestmark = pytest.mark.req("S43")


async def add(world: World, count: int, **given: object) -> None:
    for number in range(count):
        async with world.services.store.transaction() as tx:
            await tx.audit.add(an_entry(reference=f"REF{number}-0000", **given))


async def written(world: World, wanted: Wanted) -> list[Numbered | SealedBatch]:
    return [one async for one in everything(world.services, wanted)]


async def test_the_latest_that_are_wanted_are_found_behind_many_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_AT_ONCE", 3)
    await add(world, 5, account="wanted")
    await add(world, 10, account="other")
    found = await latest(world.services, Wanted(account="wanted"), 3)
    assert [entry.reference for _, entry in found] == ["REF2-0000", "REF3-0000", "REF4-0000"]
    assert await latest(world.services, Wanted(account="wanted", events=frozenset({Event.SIGNED_OUT})), 3) == []


async def test_new_entries_are_followed_from_a_number_on(world: World) -> None:
    number = await newest_number(world.services)
    assert await after(world.services, number, Wanted()) == (number, [])
    await add(world, 2)
    following, found = await after(world.services, number, Wanted(portal="pagos"))
    assert (len(found), following) == (2, found[-1][0])
    assert await after(world.services, number, Wanted(portal="aduana")) == (following, [])


@pytest.mark.req("S45")
async def test_an_export_holds_every_entry_and_each_seal_after_its_last_entry(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_AT_ONCE", 2)
    await add(world, 4)
    await seal_audit(world.services)
    await add(world, 3)
    await seal_audit(world.services)
    await add(world, 1)
    lines = await written(world, Wanted())
    entries = [one[0] for one in lines if isinstance(one, tuple)]
    assert entries == list(range(1, len(entries) + 1))
    seals = [(place, one) for place, one in enumerate(lines) if isinstance(one, SealedBatch)]
    for place, batch in seals:
        before = lines[place - 1]
        assert isinstance(before, tuple)
        assert before[0] == batch.last
    assert len(seals) == 2
    assert isinstance(lines[-1], tuple)


async def test_an_export_of_a_time_holds_what_happened_then(world: World) -> None:
    start = world.clock.standing()
    world.wait(DAY)
    await add(world, 2)
    world.wait(DAY)
    await add(world, 1)
    wanted = Wanted(since=start + HOUR, until=start + DAY + HOUR)
    assert len(await written(world, wanted)) == 2
    assert len(await latest(world.services, Wanted(since=start + HOUR), 99)) == 3
