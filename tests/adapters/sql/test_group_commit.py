"""Group commit over a commit that the test controls."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from reclave.adapters.sql.group_commit import LARGEST_BATCH, GroupCommit


class BadItem(Exception):
    """The item cannot be written."""


class DatabaseGone(Exception):
    """Nothing can be written."""


class Recorder:
    """Commits batches, one at a time, and writes down which. It waits where `gate` is shut."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.bad: set[int] = set()
        self.gone = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()

    async def commit(self, items: Sequence[int]) -> list[str]:
        self.batches.append(list(items))
        self.entered.set()
        await self.gate.wait()
        if self.gone:
            raise DatabaseGone
        if self.bad.intersection(items):
            raise BadItem(sorted(self.bad.intersection(items)))
        return [f"wrote {item}" for item in items]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def group(recorder: Recorder) -> AsyncIterator[GroupCommit[int, str]]:
    group = GroupCommit(recorder.commit, lambda error: isinstance(error, DatabaseGone))
    yield group
    recorder.gate.set()
    await group.close()


async def hold(recorder: Recorder, group: GroupCommit[int, str], item: int) -> asyncio.Task[str]:
    """Submit an item whose commit waits until the gate opens."""
    recorder.gate.clear()
    held = asyncio.create_task(group.submit(item))
    await recorder.entered.wait()
    return held


async def submit_all(group: GroupCommit[int, str], items: Sequence[int]) -> list[asyncio.Task[str]]:
    """Submit items, and return when all of them are queued."""
    tasks = [asyncio.create_task(group.submit(item)) for item in items]
    await asyncio.sleep(0)  # lets each task take its first step
    return tasks


async def test_a_lone_item_is_committed_at_once(recorder: Recorder, group: GroupCommit[int, str]) -> None:
    assert await group.submit(1) == "wrote 1"
    assert await group.submit(2) == "wrote 2"
    assert recorder.batches == [[1], [2]]


async def test_what_arrives_during_a_commit_is_the_next_batch_in_order(
    recorder: Recorder, group: GroupCommit[int, str]
) -> None:
    held = await hold(recorder, group, 0)
    others = await submit_all(group, range(1, 200))
    recorder.gate.set()
    assert await held == "wrote 0"
    assert await asyncio.gather(*others) == [f"wrote {item}" for item in range(1, 200)]
    assert recorder.batches == [[0], list(range(1, 200))]


async def test_a_batch_has_an_upper_size(recorder: Recorder, group: GroupCommit[int, str]) -> None:
    held = await hold(recorder, group, 0)
    others = await submit_all(group, range(1, LARGEST_BATCH + 2))
    recorder.gate.set()
    await asyncio.gather(held, *others)
    assert [len(batch) for batch in recorder.batches] == [1, LARGEST_BATCH, 1]


async def test_one_bad_item_raises_alone(recorder: Recorder, group: GroupCommit[int, str]) -> None:
    recorder.bad = {3}
    answers = await asyncio.gather(*map(group.submit, range(6)), return_exceptions=True)
    assert isinstance(answers[3], BadItem)
    assert [answer for answer in answers if answer is not answers[3]] == [f"wrote {n}" for n in (0, 1, 2, 4, 5)]


async def test_when_the_database_is_gone_a_batch_fails_after_one_more_try(
    recorder: Recorder, group: GroupCommit[int, str]
) -> None:
    recorder.gone = True
    answers = await asyncio.gather(*map(group.submit, range(50)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseGone] * 50
    assert [len(batch) for batch in recorder.batches] == [50, 1]
    recorder.gone = False
    assert await group.submit(51) == "wrote 51"


async def test_an_item_whose_caller_left_the_queue_is_not_committed(
    recorder: Recorder, group: GroupCommit[int, str]
) -> None:
    held = await hold(recorder, group, 0)
    leaving, staying = await submit_all(group, [1, 2])
    leaving.cancel()
    recorder.gate.set()
    assert (await held, await staying) == ("wrote 0", "wrote 2")
    assert leaving.cancelled()
    assert recorder.batches == [[0], [2]]


async def test_a_caller_that_leaves_during_its_commit_disturbs_nobody(
    recorder: Recorder, group: GroupCommit[int, str]
) -> None:
    recorder.gate.clear()
    leaving, staying = await submit_all(group, [1, 2])
    await recorder.entered.wait()
    leaving.cancel()
    await asyncio.wait({leaving})
    recorder.gate.set()
    assert await staying == "wrote 2"
    assert await group.submit(3) == "wrote 3"
    assert recorder.batches == [[1, 2], [3]]


async def test_a_batch_that_everybody_left_is_not_committed(recorder: Recorder, group: GroupCommit[int, str]) -> None:
    held = await hold(recorder, group, 0)
    leaving = await submit_all(group, [1, 2])
    for task in leaving:
        task.cancel()
    await asyncio.wait(leaving)
    recorder.gate.set()
    await held
    await group.close()
    assert recorder.batches == [[0]]


async def test_closing_waits_for_what_is_queued_and_takes_no_more(
    recorder: Recorder, group: GroupCommit[int, str]
) -> None:
    held = await hold(recorder, group, 0)
    [queued] = await submit_all(group, [1])
    closing = asyncio.create_task(group.close())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="closed"):
        await group.submit(2)
    assert not closing.done()
    recorder.gate.set()
    await closing
    assert held.result() == "wrote 0"
    assert queued.result() == "wrote 1"


async def test_when_the_committing_task_is_cancelled_nobody_waits_for_ever(
    recorder: Recorder, group: GroupCommit[int, str]
) -> None:
    held = await hold(recorder, group, 0)
    [queued] = await submit_all(group, [1])
    assert group._running is not None
    group._running.cancel()
    answers = await asyncio.gather(held, queued, return_exceptions=True)
    assert [type(answer) for answer in answers] == [asyncio.CancelledError] * 2
    recorder.gate.set()
    assert await group.submit(2) == "wrote 2"
