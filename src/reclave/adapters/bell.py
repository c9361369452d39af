"""Waking the worker over a pipe, which also tells it that its parent has died; several bells as one."""

import asyncio
import os
from collections.abc import Sequence

from reclave.ports.entropy import Bell

_GULP = 4096


class PipeBell:
    """Rings by a byte in a pipe; a full pipe is a bell that rings already.

    Args:
        fd: the pipe's writing end. It is made non-blocking and stays the caller's to close.
    """

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd

    def ring(self) -> None:
        try:
            os.write(self._fd, b"\x01")
        except (BlockingIOError, BrokenPipeError):
            # Full: it wakes anyway. Gone: its supervisor notices, and what it missed is in the database.
            return


class Bells:
    """All the bells that a process has. Whoever rings within one turn of the event loop rings once.

    Requests that one commit has accepted go on in one turn: each would wake the supervisor and the worker else.
    """

    def __init__(self, bells: Sequence[Bell]) -> None:
        self._bells = bells
        self._ringing = False

    def ring(self) -> None:
        """Have each rung at the end of this turn. Raises `RuntimeError` outside an event loop."""
        if not self._ringing:
            self._ringing = True
            asyncio.get_running_loop().call_soon(self._ring)

    def _ring(self) -> None:
        self._ringing = False
        for bell in self._bells:
            bell.ring()


class BellReader:
    """Turns the bytes in a pipe into events in the running event loop.

    Args:
        fd: the pipe's reading end. It is made non-blocking and stays the caller's to close.
        rung: set for each wake; the worker clears it before it looks for work. Set at the end too.

    Attributes:
        ended: set once no writer is left: the parent has died, or closed its end.
    """

    def __init__(self, fd: int, rung: asyncio.Event) -> None:
        self.ended = asyncio.Event()
        self._fd = fd
        self._rung = rung
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to listen. Raises `RuntimeError` outside an event loop."""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(self._fd, False)
        self._loop.add_reader(self._fd, self._read)

    def close(self) -> None:
        """Stop listening; a second time does nothing."""
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
            self._loop = None

    def _read(self) -> None:
        try:
            rings = os.read(self._fd, _GULP)
        except BlockingIOError:
            return
        if not rings:
            # A pipe at its end is readable for ever: without this the loop would spin.
            self.close()
            self.ended.set()
        self._rung.set()
