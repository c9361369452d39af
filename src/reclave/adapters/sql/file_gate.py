"""A gate before SQLite's write lock, at which processes wait without polling.

SQLite's busy handler sleeps for ever longer spans and mostly misses the gaps between the transactions of a busy worker:
the door then starves. A lock on a file beside the database wakes its waiters at once. It only orders the writers;
what keeps them apart is SQLite's own lock.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path


class FileGate:
    """An exclusive lock (flock) on a file, made where it is missing (mode 0600); the kernel frees a dead holder's."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._open = True
        self._waiter = ThreadPoolExecutor(1, thread_name_prefix="file-gate")

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Hold the gate for the length of a block; one task of a process at a time."""
        await self._pass()
        try:
            yield
        finally:
            self._leave()

    def close(self) -> None:
        """Give the file back; nobody may be waiting. A second time does nothing."""
        if self._open:
            self._open = False
            self._waiter.shutdown()
            os.close(self._file)

    async def _pass(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting = asyncio.get_running_loop().run_in_executor(self._waiter, fcntl.flock, self._file, fcntl.LOCK_EX)
            try:
                await asyncio.shield(waiting)
            except asyncio.CancelledError:
                # The thread waits on; what it gets in the end belongs to nobody.
                waiting.add_done_callback(lambda _: self._leave())
                raise

    def _leave(self) -> None:
        if self._open:
            fcntl.flock(self._file, fcntl.LOCK_UN)
