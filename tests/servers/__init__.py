"""The programs that tests run against: a real PostgreSQL and a real Chromium. Neither is ever skipped."""

import os
import secrets
import select
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


class MissingServer(Exception):
    """A program that the tests need is not on this machine; the message says what to do."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """One run of pytest, shared by its controller and its workers.

    `folder` is made when first needed; `owner` is the controller's process id; `prefix` starts the name of
    every database of this run.
    """

    __test__ = False  # a class that pytest would otherwise collect, because of its name

    folder: Path
    owner: int
    prefix: str

    @classmethod
    def new(cls, owner: int) -> "TestRun":
        """A run with a name of its own, owned by the process `owner`."""
        token = secrets.token_hex(8)
        return cls(Path(tempfile.gettempdir(), f"reclave-tests-{token}"), owner, f"reclave_{token}")


def wait_for_end(pid: int, seconds: float | None = None) -> None:
    """Wait until the process `pid` has ended. Raises `TimeoutError` after `seconds`."""
    ended = True
    try:
        if sys.platform == "linux":
            # psutil would wait for the parent to collect it too; process 1 of a container may never do so.
            handle = os.pidfd_open(pid)
            ended = bool(select.select([handle], [], [], seconds)[0])
            os.close(handle)
        else:
            ended = not psutil.wait_procs([psutil.Process(pid)], seconds)[1]
    except (ProcessLookupError, psutil.NoSuchProcess):
        return
    if not ended:
        raise TimeoutError(f"process {pid} has not ended after {seconds} seconds")
