"""Threads that hash, as many as cores and memory allow, and the places in the line before them."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from reclave.domain.errors import Overloaded

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_SHARE_OF_MEMORY = 4
"""Hashes under way take a quarter of the memory at most."""

_Result = TypeVar("_Result")


def threads_for(bytes_each: int, processes: int = 1, limit: Path = _CGROUP_LIMIT) -> int:
    """How many hashes of so many bytes each of so many processes makes at once: one a core, if the memory is there."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    written = limit.read_text().strip() if limit.exists() else "max"
    if written != "max":
        memory = min(memory, int(written))
    return max(1, min(cores, memory // _SHARE_OF_MEMORY // bytes_each) // processes)


class HashingPool:
    """A bounded pool: who finds no place hears so at once, and nobody waits who has none.

    Args:
        workers: threads.
        waiting: places beyond the threads.
    """

    def __init__(self, workers: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="hashing")
        self._places = threading.BoundedSemaphore(workers + waiting)

    def take(self) -> "Place":
        """A place. Raises `Overloaded` where there is none."""
        if not self._places.acquire(blocking=False):
            raise Overloaded
        return Place(self._threads, self._places.release)

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Do a piece of work in a place of its own. Raises `Overloaded`."""
        place = self.take()
        try:
            return await place.run(work)
        finally:
            place.leave()

    def close(self) -> None:
        """Let the work under way end, drop what waits, and end the threads."""
        self._threads.shutdown(cancel_futures=True)


class Place:
    """Room for one piece of work at a time, kept until it is left."""

    def __init__(self, threads: ThreadPoolExecutor, free: Callable[[], None]) -> None:
        self._threads = threads
        self._free = free
        self._job: Future[Any] | None = None

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Do the work in the next thread that is free."""
        job = self._threads.submit(work)
        self._job = job
        return await asyncio.wrap_future(job)

    def leave(self) -> None:
        """Give the place back; of a caller that goes away, once its thread is done: the work goes on without it."""
        if self._job is None:
            self._free()
        else:
            self._job.add_done_callback(lambda _: self._free())
