"""The mail server of the side-by-side run: postfix's smtp-sink, which takes everything and counts it."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.service import free_port, running_sink

_SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))
_COUNT = re.compile(rb"mesg=(\d+)")
_BACKLOG = "500"
_LONGEST_SECONDS = 6 * 3600
_START_SECONDS = 10
_TAIL = 200  # bytes that hold the last count
_LOOK_SECONDS = 0.05


class Counter(ABC):
    """A mail server that counts."""

    name: str
    port: int

    @abstractmethod
    def count(self) -> int:
        """How many messages it has taken."""

    def settled(self, quiet: float, patience: float) -> tuple[int, float]:
        """How many it has taken once none came for `quiet` seconds, and when the last one came (monotonic clock).

        Waits no longer than `patience` seconds.
        """
        until = time.monotonic() + patience
        count, last = self.count(), time.monotonic()
        while time.monotonic() < until and time.monotonic() - last < quiet:
            time.sleep(_LOOK_SECONDS)
            if (now := self.count()) != count:
                count, last = now, time.monotonic()
        return count, last


@dataclass(frozen=True, slots=True)
class _SmtpSink(Counter):
    name = "smtp-sink (postfix)"
    port: int
    printed: Path

    def count(self) -> int:
        with self.printed.open("rb") as file:
            file.seek(max(0, self.printed.stat().st_size - _TAIL))
            counts = _COUNT.findall(file.read())
        return int(counts[-1]) if counts else 0


@dataclass(frozen=True, slots=True)
class _OwnSink(Counter):
    """The recipients that it has seen: every address is asked for once."""

    name = "bench/smtp_sink.py"
    port: int
    seen: Callable[[], dict[str, int]]

    def count(self) -> int:
        return len(self.seen())


@contextlib.contextmanager
def counting(folder: Path) -> Iterator[Counter]:
    """A mail server: postfix's where it is installed, else our own, which takes more of the processor."""
    program = shutil.which("smtp-sink", path=_SBIN)
    if program is None:
        with running_sink() as own:
            yield _OwnSink(own.port, own.seen)
        return
    port, printed = free_port(), folder / "smtp-sink"
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = ["timeout", str(_LONGEST_SECONDS), program, "-c", *user, f"127.0.0.1:{port}", _BACKLOG]
    with printed.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
    try:
        _wait(port, process)
        yield _SmtpSink(port, printed)
    finally:
        process.terminate()
        process.wait()


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(_LOOK_SECONDS)
    raise RuntimeError("smtp-sink did not start")
