"""Starting processes of the service and following them to their end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.wire import (
    Answered,
    Born,
    Compared,
    Done,
    Failed,
    Job,
    Point,
    Report,
    read_reports,
    write_job,
    write_report,
)
from tests.servers import ROOT

LIFE_SECONDS = 20
START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Life:
    """What a process told before its end: where it was killed, or what it passed without being killed."""

    killed_at: Point | None
    passed: tuple[Point, ...]
    answer: Answered | None
    compared: int
    failed: str | None


class Processes:
    """The fork server, seen from the test."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests

    async def live(self, job: Job) -> Life:
        """Start a process and wait for its end; one that takes longer than LIFE_SECONDS is ended, and has failed."""
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._requests, [write_job(job) + b"\n"], [writing])
        finally:
            os.close(writing)
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
        )
        told = bytearray()
        try:
            async with asyncio.timeout(START_SECONDS if job.here else LIFE_SECONDS):
                while piece := await reader.read(2**16):
                    told += piece
        except TimeoutError:
            _end(told)
            told += write_report(Failed(f"not done within {LIFE_SECONDS} s")) + b"\n"
        finally:
            transport.close()
        return _life(read_reports(bytes(told)))


def _end(told: bytes) -> None:
    complete = told[: told.rfind(b"\n") + 1]
    for report in read_reports(complete):
        if isinstance(report, Born):
            os.kill(report.pid, signal.SIGKILL)


def _life(reports: list[Report]) -> Life:
    killed_at = next((one for one in reports if isinstance(one, Point)), None)
    done = next((one for one in reports if isinstance(one, Done)), None)
    failed = next((one.traceback for one in reports if isinstance(one, Failed)), None)
    if not (killed_at or done or failed):
        failed = "the process ended without a word"
    return Life(
        killed_at=killed_at,
        passed=done.points if done else (),
        answer=next((one for one in reports if isinstance(one, Answered)), None),
        compared=sum(isinstance(one, Compared) for one in reports),
        failed=failed,
    )


@contextmanager
def fork_server(url: str, keyring: Path) -> Iterator[Processes]:
    """A fork server for the service over the database at `url`; it ends with the block."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-m", "tests.crash.fork_server", url, str(keyring), str(theirs.fileno())]
        server = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        try:
            yield Processes(ours)
        finally:
            ours.close()
            server.wait(LIFE_SECONDS)
