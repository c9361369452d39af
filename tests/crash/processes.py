"""Processes of the service, seen from the test that starts and kills them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.wire import (
    FORK,
    HERE,
    Answered,
    Born,
    Compared,
    Done,
    Failed,
    Job,
    Point,
    Report,
    read_report,
    write_job,
)
from tests.servers import ROOT

JOB_SECONDS = 20
_END_SECONDS = 20
_LONGEST_LINE = 2**20


@dataclass(frozen=True, slots=True)
class Deeds:
    """What a process told of one job: where it was killed, or what it passed without being killed."""

    killed_at: Point | None
    passed: tuple[Point, ...]
    answer: Answered | None
    compared: bool
    failed: str | None


class Process:
    """One process, which does one job after the other until it is killed or no longer needed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._pid: int | None = None

    async def do(self, job: Job) -> Deeds:
        """Have it do a job, in JOB_SECONDS at most; a process that takes longer is ended, and has failed."""
        self._writer.write(write_job(job) + b"\n")
        told: list[Report] = []
        try:
            async with asyncio.timeout(JOB_SECONDS):
                await self._listen(told)
        except TimeoutError:
            told.append(Failed(f"not done within {JOB_SECONDS} s"))
            if self._pid is not None:
                os.kill(self._pid, signal.SIGKILL)
        return _deeds(told)

    async def _listen(self, told: list[Report]) -> None:
        """Note what it tells until the job is done, or it is gone."""
        while line := await self._reader.readline():
            report = read_report(line)
            if isinstance(report, Born):
                self._pid = report.pid
                continue
            told.append(report)
            if isinstance(report, Done | Failed):
                return


def _deeds(told: list[Report]) -> Deeds:
    killed_at = next((one for one in told if isinstance(one, Point)), None)
    done = next((one for one in told if isinstance(one, Done)), None)
    failed = next((one.traceback for one in told if isinstance(one, Failed)), None)
    if not (killed_at or done or failed):
        failed = "the process ended without a word"
    return Deeds(
        killed_at=killed_at,
        passed=done.points if done else (),
        answer=next((one for one in told if isinstance(one, Answered)), None),
        compared=any(isinstance(one, Compared) for one in told),
        failed=failed,
    )


class ForkServer:
    """Starts processes."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests

    @asynccontextmanager
    async def process(self, *, here: bool = False) -> AsyncIterator[Process]:
        """A process that has done nothing yet; `here` is the fork server itself, to warm up."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._requests, [HERE if here else FORK], [theirs.fileno()])
        reader, writer = await asyncio.open_connection(sock=ours, limit=_LONGEST_LINE)
        try:
            yield Process(reader, writer)
            writer.write_eof()
            await reader.read()  # until it is gone
        finally:
            writer.close()


@contextmanager
def fork_server(url: str, keyring: Path) -> Iterator[ForkServer]:
    """A fork server for the service over the database at `url`; it ends with the block."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-m", "tests.crash.fork_server", url, str(keyring), str(theirs.fileno())]
        server = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        try:
            yield ForkServer(ours)
        finally:
            ours.close()
            server.wait(_END_SECONDS)
