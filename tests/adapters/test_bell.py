"""The bell: rings without waiting, wakes once for many rings, and tells when its ringer is gone."""

import asyncio
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from reclave.adapters.bell import BellReader, Bells, PipeBell


@dataclass
class Pipe:
    reading: int
    writing: int


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe(*os.pipe())
    yield pipe
    for fd in (pipe.reading, pipe.writing):
        try:
            os.close(fd)
        except OSError:
            continue


@dataclass
class Counted:
    rings: int = 0

    def ring(self) -> None:
        self.rings += 1


async def rung(event: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await event.wait()


async def test_a_ring_wakes_whoever_waits(pipe: Pipe) -> None:
    event = asyncio.Event()
    reader = BellReader(pipe.reading, event)
    reader.start()
    for _ in range(3):
        PipeBell(pipe.writing).ring()
        await rung(event)
        event.clear()
    assert not reader.ended.is_set()
    reader.close()


async def test_many_rings_are_one(pipe: Pipe) -> None:
    event = asyncio.Event()
    bell = PipeBell(pipe.writing)
    for _ in range(100):
        bell.ring()
    reader = BellReader(pipe.reading, event)
    reader.start()
    await rung(event)
    event.clear()
    with pytest.raises(BlockingIOError):
        os.read(pipe.reading, 1)
    reader.close()


async def test_who_rings_within_one_turn_of_the_loop_rings_every_bell_once_and_in_the_next_turn_again() -> None:
    counted = [Counted(), Counted()]
    bells = Bells(counted)
    for turn in (1, 2, 3):
        for _ in range(32):
            bells.ring()
        await asyncio.sleep(0)
        assert [bell.rings for bell in counted] == [turn, turn]
    await asyncio.sleep(0)
    assert counted[0].rings == 3


async def test_a_bell_that_cannot_ring_does_not_silence_the_next_turn(pipe: Pipe) -> None:
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context.get("exception")))
    closed = os.dup(pipe.writing)
    bells = Bells([PipeBell(closed)])
    os.close(closed)
    for _ in range(2):
        bells.ring()
        await asyncio.sleep(0)
    assert [type(each) for each in told] == [OSError, OSError]


def test_ringing_a_bell_that_nobody_answers_never_waits(pipe: Pipe) -> None:
    bell = PipeBell(pipe.writing)
    os.set_blocking(pipe.reading, False)
    for _ in range(70_000):
        bell.ring()
    assert len(os.read(pipe.reading, 1 << 20)) < 70_000


def test_ringing_after_the_reader_is_gone_does_nothing(pipe: Pipe) -> None:
    bell = PipeBell(pipe.writing)
    os.close(pipe.reading)
    bell.ring()
    bell.ring()


def test_ringing_a_bell_that_was_closed_is_a_mistake(pipe: Pipe) -> None:
    bell = PipeBell(pipe.writing)
    os.close(pipe.writing)
    with pytest.raises(OSError, match="Bad file descriptor"):
        bell.ring()


async def test_the_end_of_the_ringer_wakes_and_is_told(pipe: Pipe) -> None:
    event = asyncio.Event()
    reader = BellReader(pipe.reading, event)
    reader.start()
    os.close(pipe.writing)
    await rung(reader.ended)
    assert event.is_set()
    assert not asyncio.get_running_loop().remove_reader(pipe.reading)
    reader.close()


async def test_a_ring_before_the_end_is_heard_before_it(pipe: Pipe) -> None:
    PipeBell(pipe.writing).ring()
    os.close(pipe.writing)
    event = asyncio.Event()
    reader = BellReader(pipe.reading, event)
    reader.start()
    await rung(event)
    await rung(reader.ended)


@pytest.mark.req("I5")
async def test_a_parent_that_is_killed_is_noticed(pipe: Pipe) -> None:
    event = asyncio.Event()
    reader = BellReader(pipe.reading, event)
    reader.start()
    ringer = "import os, sys, time; os.write(int(sys.argv[1]), b'x'); time.sleep(600)"
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ringer, str(pipe.writing), pass_fds=[pipe.writing]
    )
    try:
        os.close(pipe.writing)
        await rung(event)
        assert not reader.ended.is_set()
    finally:
        parent.kill()
        await parent.wait()
    await rung(reader.ended)


async def test_a_closed_reader_hears_nothing(pipe: Pipe) -> None:
    event = asyncio.Event()
    reader = BellReader(pipe.reading, event)
    reader.start()
    reader.close()
    reader.close()
    PipeBell(pipe.writing).ring()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not event.is_set()
    assert os.read(pipe.reading, 1) == b"\x01"
