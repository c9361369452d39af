"""What wakes a process from outside: signals, the pipe to its parent, the database's notifications."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable

from reclave.adapters.bell import BellReader, PipeBell
from reclave.adapters.sql.engine import is_postgresql
from reclave.settings import Settings
from reclave.supervisor import Inherited


def on_signals(*numbers: signal.Signals) -> asyncio.Event:
    """An event that these signals set."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in numbers:
        loop.add_signal_handler(number, event.set)
    return event


def first_of(*events: asyncio.Event) -> asyncio.Event:
    """An event that is set with the first of these."""
    first = asyncio.Event()

    async def pass_on(wait: Awaitable[object]) -> None:
        await wait
        first.set()

    waiting = [asyncio.create_task(pass_on(event.wait())) for event in events]

    def forget() -> None:
        for task in waiting:
            task.cancel()

    asyncio.create_task(first.wait()).add_done_callback(lambda _: forget())
    return first


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until each has put away what it had in hand, such as a statement under way."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


def end_with_parent(fd: int, stop: asyncio.Event) -> BellReader:
    """Set `stop` once nobody holds the writing end of a pipe any more; hold on to what this returns."""
    reader = BellReader(fd, stop)
    reader.start()
    return reader


def say_begun(inherited: Inherited | None) -> None:
    """Tell the process that started this one that it has begun."""
    if inherited is not None and inherited.ready is not None:
        PipeBell(inherited.ready).ring()


async def listen_to_database(settings: Settings, ring: Callable[[], None]) -> None:
    """Call `ring` whenever another process has left work in the database, where the database can tell."""
    if is_postgresql(settings.database):
        from reclave.adapters.sql.listen import listen

        await listen(settings.database_direct or settings.database, ring)


class Doorbell:
    """What wakes a worker: the pipe of the process that started it, and whatever else calls `ring`.

    Args:
        fd: the pipe's reading end, at the end of which the worker stops; None for one that nobody started.
    """

    def __init__(self, stop: asyncio.Event, fd: int | None) -> None:
        self._rung = asyncio.Event()
        self._stop = stop
        self._reader = None if fd is None else BellReader(fd, self._rung)
        if self._reader is not None:
            self._reader.start()
            self._ending = asyncio.create_task(self._end_with_parent(self._reader))

    def ring(self) -> None:
        """Wake the worker."""
        self._rung.set()

    async def first(self) -> bool:
        """Wait for the first ring, where somebody will ring; False when the worker was told to stop instead."""
        if self._reader is None:
            return True
        rung, stopped = asyncio.create_task(self._rung.wait()), asyncio.create_task(self._stop.wait())
        await asyncio.wait({rung, stopped}, return_when=asyncio.FIRST_COMPLETED)
        rung.cancel()
        stopped.cancel()
        return not self._reader.ended.is_set() and not self._stop.is_set()

    async def pass_on(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever the bell rings."""
        while not self._stop.is_set():
            await self._rung.wait()
            self._rung.clear()
            wake()

    async def _end_with_parent(self, reader: BellReader) -> None:
        await reader.ended.wait()
        self._stop.set()
