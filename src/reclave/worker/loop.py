"""The worker: woken by the bell or by time, it resolves, sends and keeps house until it is told to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from functools import partial

import structlog

from reclave.domain.errors import StoreAway
from reclave.journeys.services import Services
from reclave.worker.housekeeping import keep_house_alone, leave_house
from reclave.worker.resolver import BATCH, resolve_some
from reclave.worker.sender import Sender

POLL_SECONDS = 1.0
HOUSEKEEPING_SECONDS = 60.0
GATHER_SECONDS = 0.008
FINISH_SECONDS = 7.0
"""How long mail may take that is being sent when the worker stops, so that it has ended after 10 s."""
_log = structlog.get_logger("reclave.worker")


class Stage(StrEnum):
    """What a worker does to what people asked for."""

    RESOLVE = "resolve"
    SEND = "send"


class Worker:
    """Runs the stages beside each other; each waits for its own event and polls as a fallback."""

    def __init__(self, services: Services, sender: Sender, only: Stage | None = None) -> None:
        """`only`: the one stage that this worker works in, where others work in the other one."""
        self._services = services
        self._sender = sender
        self._only = only
        self._more = False
        self._id = services.new_id()
        self.intake_bell = asyncio.Event()
        self.outbox_bell = asyncio.Event()

    def wake(self) -> None:
        """Something was accepted or queued; a worker in both stages looks for what was accepted first."""
        if self._only is not Stage.SEND:
            self.intake_bell.set()
        if self._only is not None:
            self.outbox_bell.set()

    async def run(self, stop: asyncio.Event, ending: asyncio.Event | None = None) -> None:
        """Work until `stop` is set; what is under way is finished, within `FINISH_SECONDS` of the end of the process.

        `ending` says that the process ends, where it may also go on after `stop`.
        """
        async with asyncio.TaskGroup() as group:
            if self._only in {None, Stage.RESOLVE}:
                resolve = partial(self._resolve_gathered, stop)
                group.create_task(self._stage("resolve", resolve, self.intake_bell, stop, POLL_SECONDS))
            if self._only in {None, Stage.SEND}:
                group.create_task(self._stage("send", self._send, self.outbox_bell, stop, POLL_SECONDS))
            group.create_task(self._stage("keep_house", self._keep_house, asyncio.Event(), stop, HOUSEKEEPING_SECONDS))
            await stop.wait()
            self._sender.claim_no_more()
        finishing = asyncio.create_task(self._finish())
        limit = asyncio.create_task(_seconds_after(ending or stop, FINISH_SECONDS))
        await asyncio.wait({finishing, limit}, return_when=asyncio.FIRST_COMPLETED)
        limit.cancel()
        if not finishing.done():
            finishing.cancel()
            _log.warning("sending_cut_off", messages=await self._sender.give_up())

    async def _finish(self) -> None:
        try:
            await self._sender.finish()
            await leave_house(self._services, self._id)
        except Exception:  # noqa: BLE001 - the reason follows
            # What could not be settled at the last moment is brought back by its lease, after this process.
            _log.exception("stage_failed", stage="send")

    async def resolve(self) -> int:
        """Resolve a batch, whose mail then waits for the sender; how many requests there were."""
        return await resolve_some(self._services)

    async def _resolve(self, stop: asyncio.Event) -> int:
        """Resolve a batch and hand its mail over to the sender; once `stop` is set, hand back what was only claimed."""
        sender = None if self._only is Stage.RESOLVE else self._sender
        resolved = await resolve_some(self._services, lambda: not stop.is_set(), sender)
        if sender is None:
            if resolved:
                self._services.bell.ring()
        elif not resolved or sender.may_find_some():
            self.outbox_bell.set()
        return resolved

    async def _resolve_gathered(self, stop: asyncio.Event) -> bool:
        """Let requests gather for a moment that nobody can predict, then resolve them.

        A request that follows within milliseconds is answered before the work for the one before it begins. After a
        full batch others have gathered already: whether it was one.
        """
        if not self._more:
            share = self._services.entropy.bytes(1)[0] / 255
            await asyncio.sleep(GATHER_SECONDS * (1 + share / 2))
        self._more = await self._resolve(stop) == BATCH
        return self._more

    async def _send(self) -> bool:
        await self._sender.send_some()
        return self._sender.more

    async def run_until_idle(self) -> int:
        """Resolve and send until nothing is due; how many pieces of work were done."""
        done = 0
        while some := await self.resolve() + await self._sender.send_some():
            await self._sender.finish()
            done += some
        return done

    async def _keep_house(self) -> int:
        return await keep_house_alone(self._services, self._id)

    async def _stage(
        self,
        name: str,
        work: Callable[[], Awaitable[bool | int]],
        bell: asyncio.Event,
        stop: asyncio.Event,
        patience: float,
    ) -> None:
        """Work whenever the bell has rung, or after so many seconds; again at once where there is more to do."""
        while not stop.is_set():
            bell.clear()
            try:
                more = await work()
            except StoreAway:
                # Whoever keeps its connections has said so, and says when it is back.
                await _wait(stop, patience)
                continue
            except Exception:  # noqa: BLE001 - the reason follows
                # A fault in one row must not end the other stages; it is logged whole, the claim's lease brings the
                # work back, and readiness shows what waits.
                _log.exception("stage_failed", stage=name)
                await _wait(stop, patience)
                continue
            if not more:
                await _wait(bell, patience, stop)


async def _seconds_after(event: asyncio.Event, seconds: float) -> None:
    await event.wait()
    await asyncio.sleep(seconds)


async def _wait(event: asyncio.Event, patience: float, stop: asyncio.Event | None = None) -> None:
    waits = [asyncio.create_task(event.wait())]
    if stop is not None:
        waits.append(asyncio.create_task(stop.wait()))
    _, pending = await asyncio.wait(waits, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
