import asyncio
from dataclasses import replace

import pytest

from reclave.domain.audit import Event
from reclave.domain.time import HOUR, SECOND
from reclave.ports.records import SealedBatch
from reclave.ports.store import Store
from tests.contracts.rows import ACCOUNT, ELSEWHERE, PORTAL, an_entry
from tests.stores import Clock, OpenAnother

SIGN_IN = Event.SIGN_IN_SUCCEEDED


def a_batch(number: int) -> SealedBatch:
    return SealedBatch(number, 10 * number - 9, 10 * number, bytes([number]) * 32, "k1")


async def read_all(store: Store) -> list[tuple[int, bytes]]:
    async with store.reading() as tx:
        return await tx.audit.read(after=0, limit=1000)


@pytest.mark.req("S43")
async def test_entries_of_an_account_come_newest_first_with_the_databases_time(store: Store, clock: Clock) -> None:
    times = []
    for number in range(4):
        async with store.transaction() as tx:
            times.append(tx.now)
            await tx.audit.add(an_entry(detail={"número": f"«{number}»"}, at=1))
        clock.move(SECOND)
    expected = [an_entry(detail={"número": f"«{number}»"}, at=times[number]) for number in (3, 2, 1, 0)]
    async with store.reading() as tx:
        assert await tx.audit.of_account(PORTAL, ACCOUNT, [SIGN_IN], limit=10) == expected
        assert await tx.audit.of_account(PORTAL, ACCOUNT, [SIGN_IN], limit=2) == expected[:2]


async def test_entries_of_one_transaction_and_across_a_jump_of_the_clock_keep_their_order(
    store: Store, clock: Clock
) -> None:
    async with store.transaction() as tx:
        for reference in ("first", "second"):
            await tx.audit.add(an_entry(reference=reference))
    clock.move(-HOUR)
    async with store.transaction() as tx:
        await tx.audit.add(an_entry(reference="third"))
        found = await tx.audit.of_account(PORTAL, ACCOUNT, [SIGN_IN], limit=10)
    assert [entry.reference for entry in found] == ["third", "second", "first"]


@pytest.mark.req("S11")
async def test_entries_are_found_by_portal_account_and_event(store: Store) -> None:
    wanted = an_entry(event=Event.PASSWORD_CHANGED, client=b"", reference="", detail={})
    async with store.transaction() as tx:
        await tx.audit.add(wanted)
        await tx.audit.add(an_entry())
        await tx.audit.add(replace(wanted, account="account-2"))
        await tx.audit.add(replace(wanted, account=None))
        await tx.audit.add(replace(wanted, portal=ELSEWHERE))
        found = await tx.audit.of_account(PORTAL, ACCOUNT, {Event.PASSWORD_CHANGED}, limit=10)
        assert found == [replace(wanted, at=tx.now)]
        both = await tx.audit.of_account(PORTAL, ACCOUNT, [Event.PASSWORD_CHANGED, SIGN_IN], limit=10)
        assert [entry.event for entry in both] == [SIGN_IN, Event.PASSWORD_CHANGED]
        assert await tx.audit.of_account(PORTAL, ACCOUNT, [], limit=10) == []


@pytest.mark.req("S45")
async def test_the_trail_reads_in_order_in_pieces_and_always_the_same(store: Store, open_another: OpenAnother) -> None:
    async with store.transaction() as tx:
        for number in range(5):
            await tx.audit.add(an_entry(reference=str(number)))
    everything = await read_all(store)
    numbers = [number for number, _ in everything]
    assert len(numbers) == 5
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0
    async with (await open_another()).reading() as tx:
        first = await tx.audit.read(after=0, limit=2)
        rest = await tx.audit.read(after=first[-1][0], limit=10)
        assert first + rest == everything
        assert await tx.audit.read(after=numbers[-1], limit=10) == []


@pytest.mark.req("S45")
async def test_entries_that_differ_in_any_column_differ_in_their_bytes(store: Store) -> None:
    variants = [
        an_entry(),
        an_entry(),
        an_entry(portal=ELSEWHERE),
        an_entry(event=Event.SIGN_IN_REFUSED),
        an_entry(account=None),
        an_entry(account=""),
        an_entry(client=b"other"),
        an_entry(reference="GHJK-MN34"),
        an_entry(detail={}),
        an_entry(detail={"device": "Firefox on Debia", "n": ""}),
        an_entry(detail={"device": "Firefox on Debian", "a": "b", "c": "d"}),
        an_entry(detail={"device": "Firefox on Debian", "a": "bc", "": "d"}),
    ]
    async with store.transaction() as tx:
        for entry in variants:
            await tx.audit.add(entry)
    assert len({content for _, content in await read_all(store)}) == len(variants)


@pytest.mark.req("S45")
async def test_the_order_in_which_a_detail_was_written_does_not_matter(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.audit.add(an_entry(detail={"a": "1", "b": "2"}))
        await tx.audit.add(an_entry(detail={"b": "2", "a": "1"}))
        found = await tx.audit.of_account(PORTAL, ACCOUNT, [SIGN_IN], limit=10)
    assert [entry.detail for entry in found] == [{"a": "1", "b": "2"}] * 2


@pytest.mark.req("S43")
async def test_no_entry_of_concurrent_transactions_is_lost(store: Store, open_another: OpenAnother) -> None:
    stores = [store, await open_another()]

    async def add(number: int) -> None:
        async with stores[number % 2].transaction() as tx:
            await tx.audit.add(an_entry(reference=str(number)))

    await asyncio.gather(*map(add, range(40)))
    assert len(await read_all(store)) == 40
    async with store.reading() as tx:
        found = await tx.audit.of_account(PORTAL, ACCOUNT, [SIGN_IN], limit=100)
    assert {entry.reference for entry in found} == {str(number) for number in range(40)}


@pytest.mark.req("S45")
async def test_a_reader_that_goes_on_after_the_last_number_misses_no_slow_transaction(store: Store) -> None:
    added, finish = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with store.transaction() as tx:
            await tx.audit.add(an_entry(reference="slow"))
            added.set()
            await finish.wait()

    async def quick() -> None:
        async with store.transaction() as tx:
            await tx.audit.add(an_entry(reference="quick"))

    slow_one = asyncio.create_task(slow())
    await added.wait()
    quick_one = asyncio.create_task(quick())
    await asyncio.wait([quick_one], timeout=0.3)  # it may have to wait for the slow one
    first = await read_all(store)
    finish.set()
    await asyncio.gather(slow_one, quick_one)
    async with store.reading() as tx:
        rest = await tx.audit.read(after=first[-1][0] if first else 0, limit=10)
    assert first + rest == await read_all(store)


@pytest.mark.req("S45")
async def test_sealed_batches_come_back_in_order(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.audit.last_batch() is None
        assert await tx.audit.batches() == []
        for number in (1, 2, 3):
            assert await tx.audit.add_batch(a_batch(number))
    async with store.reading() as tx:
        assert await tx.audit.batches() == [a_batch(1), a_batch(2), a_batch(3)]
        assert await tx.audit.batches(after=1) == [a_batch(2), a_batch(3)]
        assert await tx.audit.batches(limit=2) == [a_batch(1), a_batch(2)]
        assert await tx.audit.last_batch() == a_batch(3)


@pytest.mark.req("S45")
async def test_of_concurrent_workers_one_seals_a_batch(store: Store, open_another: OpenAnother) -> None:
    stores = [store, await open_another()]

    async def seal(number: int) -> bool:
        async with stores[number % 2].transaction() as tx:
            return await tx.audit.add_batch(replace(a_batch(1), seal=bytes([number]) * 32))

    answers = await asyncio.gather(*map(seal, range(10)))
    assert answers.count(True) == 1
    async with store.transaction() as tx:
        sealed = replace(a_batch(1), seal=bytes([answers.index(True)]) * 32)
        assert not await tx.audit.add_batch(a_batch(1))
        assert await tx.audit.last_batch() == sealed
        assert await tx.audit.add_batch(a_batch(2))
