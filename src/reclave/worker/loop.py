"""The worker: woken by the bell or by time, it resolves, sends and keeps house until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from reclave.journeys.services import Services
from reclave.worker.housekeeping import keep_house
from reclave.worker.resolver import resolve_some
from reclave.worker.sender import Sender

POLL_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 60.0
GATHER_SECONDS = 0.02
_log = structlog.get_logger("reclave.worker")


class Worker:
    """Runs the stages beside each other; each waits for its own event and polls as a fallback."""

    def __init__(self, services: Services, sender: Sender) -> None:
        self._services = services
        self._sender = sender
        self.intake_bell = asyncio.Event()
        self.outbox_bell = asyncio.Event()

    def wake(self) -> None:
        """Something was accepted or queued."""
        self.intake_bell.set()
        self.outbox_bell.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; what is under way is finished."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stage("resolve", self._resolve_gathered, self.intake_bell, stop, POLL_SECONDS))
            group.create_task(self._stage("send", self._sender.send_some, self.outbox_bell, stop, POLL_SECONDS))
            group.create_task(self._stage("keep_house", self._keep_house, asyncio.Event(), stop, HOUSEKEEPING_SECONDS))
            await stop.wait()
            self.wake()
        try:
            await self._sender.finish()
        except Exception:  # noqa: BLE001 - the reason follows
            # What could not be settled at the last moment is brought back by its lease, after this process.
            _log.exception("stage_failed", stage="send")

    async def resolve(self) -> int:
        """Resolve a batch and tell the sender."""
        resolved = await resolve_some(self._services)
        if resolved:
            self.outbox_bell.set()
        return resolved

    async def _resolve_gathered(self) -> int:
        """Let requests gather for a moment that nobody can predict, then resolve them.

        A request that follows within milliseconds is answered before the work for the one before it begins.
        """
        share = self._services.entropy.bytes(1)[0] / 255
        await asyncio.sleep(GATHER_SECONDS * (1 + share / 2))
        return await self.resolve()

    async def run_until_idle(self) -> int:
        """Resolve and send until nothing is due; how many pieces of work were done."""
        done = 0
        while some := await self.resolve() + await self._sender.send_some():
            await self._sender.finish()
            done += some
        return done

    async def _keep_house(self) -> int:
        return await keep_house(self._services)

    async def _stage(
        self,
        name: str,
        work: Callable[[], Awaitable[int]],
        bell: asyncio.Event,
        stop: asyncio.Event,
        patience: float,
    ) -> None:
        while not stop.is_set():
            bell.clear()
            try:
                worked = await work()
            except Exception:  # noqa: BLE001 - the reason follows
                # A database that is away or a fault in one row must not end the other stages; it is logged whole,
                # the claim's lease brings the work back, and readiness shows what waits.
                _log.exception("stage_failed", stage=name)
                await _wait(stop, patience)
                continue
            if not worked:
                await _wait(bell, patience, stop)


async def _wait(event: asyncio.Event, patience: float, stop: asyncio.Event | None = None) -> None:
    waits = [asyncio.create_task(event.wait())]
    if stop is not None:
        waits.append(asyncio.create_task(stop.wait()))
    _, pending = await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
