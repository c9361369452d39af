"""Chunks that are settled several at a time, and yet in order."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from reclave.operations.import_accounts.in_order import Predecessor, settled_in_order


class Settling:
    """Notes which chunks began, and which were settled; one may fail. The earlier of two waits the longest."""

    def __init__(self, fails: int | None = None) -> None:
        self.begun: list[int] = []
        self.settled: list[int] = []
        self.most_at_once = 0
        self._fails = fails

    async def __call__(self, chunk: int, before: Predecessor) -> None:
        self.begun.append(chunk)
        self.most_at_once = max(self.most_at_once, len(self.begun) - len(self.settled))
        for _ in range(20 if chunk % 2 else 1):
            await asyncio.sleep(0)
        if chunk == self._fails:
            raise OSError("the database is away")
        if before is not None:
            await before
        self.settled.append(chunk)


async def chunks(count: int, broken_after: int | None = None) -> AsyncIterator[int]:
    for number in range(1, count + 1):
        yield number
        if number == broken_after:
            raise ValueError("this is no CSV")


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_chunks_are_settled_in_order_and_no_more_at_once_than_may_be(at_once: int) -> None:
    settling = Settling()
    await settled_in_order(chunks(9), settling, at_once=at_once)
    assert settling.settled == list(range(1, 10))
    assert settling.most_at_once == at_once


async def test_nothing_is_settled_after_a_chunk_that_failed() -> None:
    settling = Settling(fails=3)
    with pytest.raises(OSError, match="away"):
        await settled_in_order(chunks(9), settling, at_once=2)
    assert settling.settled == [1, 2]


async def test_what_was_read_before_a_damaged_line_is_settled() -> None:
    settling = Settling()
    with pytest.raises(ValueError, match="no CSV"):
        await settled_in_order(chunks(9, broken_after=5), settling, at_once=2)
    assert settling.settled == [1, 2, 3, 4, 5]


async def test_one_who_is_cancelled_leaves_nothing_under_way() -> None:
    settling = Settling()
    run = asyncio.ensure_future(settled_in_order(chunks(9), settling, at_once=2))
    for _ in range(40):
        await asyncio.sleep(0)
    assert settling.begun
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    begun, settled = list(settling.begun), list(settling.settled)
    assert settled == list(range(1, len(settled) + 1))
    for _ in range(50):
        await asyncio.sleep(0)
    assert (settling.begun, settling.settled) == (begun, settled)
