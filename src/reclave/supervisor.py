"""The worker's process: begun before anything else is loaded, told when to work, started again when it ends."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from reclave.adapters.bell import PipeBell

RESTART_SECONDS = 1.0
STOP_SECONDS = 8.0
"""How long a worker may take to finish what is under way: service managers wait 10 s and longer."""


class WorkerProcess:
    """A worker that loads while its parent loads, and works from the first ring of its `bell`."""

    def __init__(self, command: Sequence[str], process: asyncio.subprocess.Process, reading: int, writing: int) -> None:
        self.bell = PipeBell(writing)
        self._command = command
        self._process = process
        self._reading = reading

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

    async def _start_again(self, stop: asyncio.Event) -> None:
        import structlog

        structlog.get_logger("reclave").error("worker_ended", code=self._process.returncode)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), RESTART_SECONDS)
        if not stop.is_set():
            self._process = await _spawn(self._command, self._reading)

    async def _stop(self, ended: asyncio.Task[int]) -> None:
        self._process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(ended), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await ended


@asynccontextmanager
async def loading_worker(command: Sequence[str]) -> AsyncIterator[WorkerProcess]:
    """Start the worker with `--bell-fd N` appended to its command; it ends when the block does."""
    reading, writing = os.pipe()
    try:
        process = await _spawn(command, reading)
        yield WorkerProcess(command, process, reading, writing)
    finally:
        os.close(writing)  # at the pipe's end a worker ends by itself
        os.close(reading)


async def _spawn(command: Sequence[str], reading: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(*command, "--bell-fd", str(reading), pass_fds=[reading])


def own_command(*arguments: str) -> list[str]:
    """The command line that starts this program again."""
    return [sys.executable, "-m", "reclave", *arguments]
