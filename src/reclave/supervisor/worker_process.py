"""The worker's process: begun before anything else is loaded, told when to work, started again when it ends."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

from reclave.adapters.bell import PipeBell
from reclave.supervisor.inherited import Inherited

RESTART_SECONDS = 1.0
STOP_SECONDS = 8.0
"""How long a worker may take to finish what is under way: service managers wait 10 s and longer."""

Spawn: TypeAlias = Callable[[], Awaitable[asyncio.subprocess.Process]]


class WorkerProcess:
    """A worker that loads while its parent loads, and works from the first ring of its `bell`."""

    def __init__(self, spawn: Spawn, process: asyncio.subprocess.Process, writing: int, numbers_fd: int) -> None:
        self.bell = PipeBell(writing)
        self.numbers_fd = numbers_fd
        """A file without a name, into which the worker may write its numbers (`adapters.tally.SharedSeries`)."""
        self._spawn = spawn
        self._process = process

    async def supervise(self, stop: asyncio.Event) -> None:
        """Let the worker work until `stop` is set; one that ends by itself is started again after a moment."""
        while not stop.is_set():
            self.bell.ring()
            ended = asyncio.create_task(self._process.wait())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not ended.done():
                await self._stop(ended)
                return
            await self._start_again(stop)

    def hang_up(self) -> None:
        """Have the worker go on with the portal files as they are now (SIGHUP)."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGHUP)

    async def _start_again(self, stop: asyncio.Event) -> None:
        import structlog

        structlog.get_logger("reclave").error("worker_ended", code=self._process.returncode)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), RESTART_SECONDS)
        if not stop.is_set():
            self._process = await self._spawn()

    async def _stop(self, ended: asyncio.Task[int]) -> None:
        self._process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(ended), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await ended


@asynccontextmanager
async def loading_worker(command: Sequence[str]) -> AsyncIterator[WorkerProcess]:
    """Start the worker, with the options that name what it shares with this process; it ends when the block does."""
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as numbers:
        inherited = Inherited(parent=reading, numbers=numbers.fileno())

        async def spawn() -> asyncio.subprocess.Process:
            return await asyncio.create_subprocess_exec(*command, *inherited.option(), pass_fds=inherited.descriptors)

        try:
            yield WorkerProcess(spawn, await spawn(), writing, numbers.fileno())
        finally:
            os.close(writing)  # at the pipe's end a worker ends by itself
            os.close(reading)
