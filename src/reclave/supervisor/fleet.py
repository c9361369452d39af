"""`reclave serve --processes N`: one port, N processes that answer pages on it, workers, all watched.

Each page process has a socket of its own on the port (a seat), so that the kernel spreads the connections: of one
socket that all share, whoever wakes first takes all that wait. The sockets stay open here when their processes change.
Pages wake the first worker. The others look by themselves: they are for more than one can do.
"""

import asyncio
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO

import structlog

from reclave.adapters.bell import BellReader
from reclave.adapters.logs import configure_logs
from reclave.adapters.tally import SharedSeries
from reclave.settings import Settings
from reclave.supervisor.child import Child, Kind, start_child
from reclave.supervisor.inherited import Inherited, listening, listening_often

RESTART_SECONDS = 1.0
BEGIN_SECONDS = 60.0
"""How long a new process may take until it answers."""
RETIRE_SECONDS = 30.0
"""How long one that was replaced may keep its connections: each ends with its next answer, or when it rests."""
_log = structlog.get_logger("reclave")


@dataclass(frozen=True, slots=True)
class Asked:
    """What signals ask of the fleet."""

    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reload: asyncio.Event = field(default_factory=asyncio.Event)
    renew: asyncio.Event = field(default_factory=asyncio.Event)

    def by_signals(self) -> None:
        """SIGTERM and SIGINT stop, SIGHUP reloads, SIGUSR2 renews."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop.set)
        loop.add_signal_handler(signal.SIGHUP, self.reload.set)
        loop.add_signal_handler(signal.SIGUSR2, self.renew.set)


@dataclass(frozen=True, slots=True)
class Seat:
    """What one of the processes does, and which of its kind it is."""

    kind: Kind
    number: int


class Fleet:
    """The processes of one service.

    Args:
        command: gives the command line of each kind of process; it is asked anew for each that is started.
        pages: how many answer pages.
        workers: how many resolve requests and send mail.
    """

    def __init__(
        self, settings: Settings, command: Callable[[Kind], Sequence[str]], *, pages: int, workers: int
    ) -> None:
        self._settings = settings
        self._command = command
        self._count = {Kind.PAGES: pages, Kind.WORKER: workers}
        self._seats = [Seat(kind, number) for kind, count in self._count.items() for number in range(count)]
        self._children: set[Child] = set()
        self._watching: set[asyncio.Task[None]] = set()
        self._asked = Asked()
        # While all are replaced there are twice as many.
        self._places = set(range(2 * len(self._seats)))
        self._opened = ExitStack()

    async def run(self, ready: Callable[[str], None]) -> int:
        """Run until SIGTERM or SIGINT; the exit code. `ready` is told the address once every process has begun.

        Raises `PortTaken`, OSError.
        """
        configure_logs(self._settings.log_level)
        self._asked.by_signals()
        with self._opened:
            port = self._listen()
            # One alone at first: what is wrong with an installation is said once.
            first = await self._begun(self._seats[0])
            if first is None:
                return 0 if self._asked.stop.is_set() else 1
            doing = [asyncio.create_task(work) for work in (self._pass_rings_on(), self._reload(), self._renew())]
            self._watch([first, *await asyncio.gather(*map(self._begun, self._seats[1:]))])
            if not self._asked.stop.is_set():
                ready(f"http://{self._settings.host}:{port}")
            await self._asked.stop.wait()
            for task in (*doing, *self._watching):
                task.cancel()
            await asyncio.gather(*(child.stop() for child in self._children))
        return 0

    def _listen(self) -> int:
        """Open all that the processes share; the port."""
        settings = self._settings
        self._listeners = listening_often(settings.host, settings.port, "port", self._count[Kind.PAGES])
        for listener in self._listeners:
            self._opened.enter_context(listener)
        self._operations: socket.socket | None = None
        self._numbers: IO[bytes] | None = None
        if settings.operations_port:
            asked = listening(settings.operations_host, settings.operations_port, "operations_port")
            self._operations = self._opened.enter_context(asked)
            self._numbers = tempfile.TemporaryFile()  # noqa: SIM115 - closed with all the others, below
            self._opened.enter_context(self._numbers)
        self._rung, self._bell = os.pipe()
        for fd in (self._rung, self._bell):
            self._opened.callback(os.close, fd)
        port: int = self._listeners[0].getsockname()[1]
        return port

    async def _begun(self, seat: Seat) -> Child | None:
        """Start a process and wait until it has begun; None, and nothing of it, when it ends instead or is told to."""
        try:
            child = await self._start(seat)
        except OSError:
            _log.exception("process_not_started", process=seat.kind)
            return None
        beginning = asyncio.create_task(child.begins())
        stopping = asyncio.create_task(self._asked.stop.wait())
        await asyncio.wait({beginning, stopping}, timeout=BEGIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if beginning.done() and beginning.result():
            return child
        beginning.cancel()
        await child.stop()
        self._see_off(child)
        return None

    async def _start(self, seat: Seat) -> Child:
        pages = seat.kind is Kind.PAGES
        shared = Inherited(
            parent=-1,
            bell=self._bell if pages else None,
            listener=self._listeners[seat.number].fileno() if pages else None,
            operations=self._operations.fileno() if pages and self._operations else None,
            numbers=self._numbers.fileno() if self._numbers else None,
            place=self._places.pop(),
            places=2 * len(self._seats),
            siblings=self._count[Kind.PAGES],
            workers=self._count[Kind.WORKER],
            helps=not pages and seat.number > 0,
        )
        child = await start_child(seat.kind, self._command(seat.kind), shared)
        self._children.add(child)
        if not pages:
            child.ring()
        return child

    def _watch(self, children: Sequence[Child | None]) -> None:
        """Have the processes of all seats started again when they end, instead of those that were watched before.

        One that has not begun (None) counts as ended.
        """
        for task in self._watching:
            task.cancel()
        pairs = zip(self._seats, children, strict=True)
        self._watching = {asyncio.create_task(self._kept(seat, child)) for seat, child in pairs}

    async def _kept(self, seat: Seat, child: Child | None) -> None:
        while True:
            if child is not None:
                code = await child.ends()
                self._see_off(child)
                _log.error("process_ended", process=seat.kind, code=code)
            await asyncio.sleep(RESTART_SECONDS)
            child = await self._begun(seat)

    def _see_off(self, child: Child) -> None:
        self._children.discard(child)
        child.forget()
        if self._numbers is not None:
            SharedSeries(self._numbers.fileno(), child.place).retire()
        self._places.add(child.place)

    async def _pass_rings_on(self) -> None:
        """Wake the first worker when pages ring."""
        rung = asyncio.Event()
        reader = BellReader(self._rung, rung)
        reader.start()
        try:
            while True:
                await rung.wait()
                rung.clear()
                for child in self._children:
                    if child.kind is Kind.WORKER and not child.helps:
                        child.ring()
        finally:
            reader.close()

    async def _reload(self) -> None:
        """Have every process read the portal files again whenever it is asked for."""
        while True:
            await self._asked.reload.wait()
            self._asked.reload.clear()
            for child in self._children:
                child.send(signal.SIGHUP)

    async def _renew(self) -> None:
        """Put new processes in place of all whenever it is asked for; where one does not begin, the old ones stay."""
        while True:
            await self._asked.renew.wait()
            self._asked.renew.clear()
            begun = await asyncio.gather(*map(self._begun, self._seats))
            new = [child for child in begun if child is not None]
            if len(new) == len(self._seats):
                self._watch(new)
                _log.info("renewed", processes=len(new))
                await self._replace([child for child in self._children if child not in new])
            else:
                _log.error("renewal_refused")
                await self._replace(new)

    async def _replace(self, children: Sequence[Child]) -> None:
        """End processes that others do the work of, each in peace."""

        async def end(child: Child) -> None:
            if child.kind is Kind.PAGES:
                await child.stop(signal.SIGUSR2, within=RETIRE_SECONDS)
            else:
                await child.stop()
            self._see_off(child)

        await asyncio.gather(*map(end, children))
