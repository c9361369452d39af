"""One process of the fleet: started with what it shares with the others, asked to go, and seen off."""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import structs

from reclave.adapters.bell import BellReader, PipeBell
from reclave.supervisor.inherited import Inherited

STOP_SECONDS = 8.0
"""How long a process may take to finish what is under way: service managers wait 10 s and longer."""


class Kind(StrEnum):
    """What a process does; the name of its command."""

    PAGES = "web"
    WORKER = "worker"


@dataclass(eq=False)
class Child:
    """A running process and what only its parent has of it."""

    kind: Kind
    place: int
    process: asyncio.subprocess.Process
    _writing: int
    _ready: int
    helps: bool
    """Whether it is a worker that nobody wakes, once it has begun."""
    _ended: asyncio.Task[int] = field(init=False)

    def __post_init__(self) -> None:
        self._ended = asyncio.create_task(self.process.wait())

    def ring(self) -> None:
        """Wake a worker."""
        PipeBell(self._writing).ring()

    async def begins(self) -> bool:
        """Wait until it answers requests, or works; False when it has ended instead."""
        told = asyncio.Event()
        reader = BellReader(self._ready, told)
        reader.start()
        try:
            await told.wait()
        finally:
            reader.close()
        return not reader.ended.is_set()

    async def ends(self) -> int:
        """Wait for its end; its exit code."""
        return await asyncio.shield(self._ended)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def stop(self, number: signal.Signals = signal.SIGTERM, *, within: float = STOP_SECONDS) -> None:
        """Have it end: by this signal at first, with SIGTERM after `within` seconds, with SIGKILL in the end."""
        asked = {number: within, signal.SIGTERM: STOP_SECONDS} if number != signal.SIGTERM else {number: within}
        for each, seconds in asked.items():
            self.send(each)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ends(), seconds)
                return
        self.send(signal.SIGKILL)
        await self.ends()

    def forget(self) -> None:
        """Close what was kept of it, once it has ended."""
        os.close(self._writing)
        os.close(self._ready)


async def start_child(kind: Kind, command: Sequence[str], shared: Inherited) -> Child:
    """Start a process of this kind with what all of its kind share; it ends by itself when this one does."""
    reading, writing = os.pipe()
    told, telling = os.pipe()
    inherited = structs.replace(shared, parent=reading, ready=telling)
    try:
        process = await asyncio.create_subprocess_exec(*command, *inherited.option(), pass_fds=inherited.descriptors)
    finally:
        os.close(reading)
        os.close(telling)
    return Child(kind, shared.place, process, writing, told, shared.helps)
