"""Settling what was sent: all that has finished meanwhile in one transaction."""

import asyncio
from dataclasses import dataclass

import structlog

from reclave.domain.audit import Entry, Event
from reclave.domain.outbox import GIVE_UP, Deferred, Delivery, Message, Sent, next_attempt
from reclave.domain.time import SECOND, Instant
from reclave.journeys.messages import Letter
from reclave.journeys.services import Services
from reclave.ports.meter import DELIVERIES, MAIL_SECONDS
from reclave.ports.outbox import Settled

GATHER_SECONDS = 0.005
"""How long the first one waits for others: its mail has been sent, so nobody else waits for it."""
_log = structlog.get_logger("reclave.worker")


@dataclass(slots=True, eq=False)
class Done:
    """A claimed message and the server's answer, None where there was nothing left to say; its letter, if known."""

    message: Message
    answer: Delivery | None
    letter: Letter | None
    over: bool = False
    fault: Exception | None = None


class Settling:
    """Records what became of messages: whoever's turn comes first settles for all who wait."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turn = asyncio.Lock()
        self._waiting: list[Done] = []

    async def settle(self, done: Done) -> None:
        """Record what became of a message, unless another sender holds it. Raises what recording it alone raised."""
        self._waiting.append(done)
        async with self._turn:
            if not done.over:
                await asyncio.sleep(GATHER_SECONDS)
                waiting, self._waiting = self._waiting, []
                await self._settle(waiting)
        if done.fault is not None:
            raise done.fault

    async def _settle(self, waiting: list[Done]) -> None:
        """Settle all of them, each alone where that fails, so that only one that fails alone has failed."""
        try:
            await self._settle_together(waiting)
        except Exception as fault:  # noqa: BLE001 - raised by whoever it belongs to
            if len(waiting) == 1:
                waiting[0].fault = fault
            else:
                for each in waiting:
                    await self._settle([each])
        finally:
            for each in waiting:
                each.over = True

    async def _settle_together(self, waiting: list[Done]) -> None:
        async with self._services.store.transaction() as tx:
            settled = [Settled(each.message, each.answer, self._retry_at(each, tx.now)) for each in waiting]
            own = {id(each) for each in await tx.outbox.settle_all(settled)}
            entries = [
                entry
                for done, each in zip(waiting, settled, strict=True)
                if id(each) in own and (entry := _entry(done, each.retry_at))
            ]
            if entries:
                await tx.audit.add_all(entries)
        for done, each in zip(waiting, settled, strict=True):
            if id(each) in own:
                self._tell(done, tx.now)
            else:
                _log.warning("lease_lost", stage="send", reference=done.message.reference)

    def _retry_at(self, done: Done, now: Instant) -> Instant | None:
        if not isinstance(done.answer, Deferred) or now - done.message.created_at >= GIVE_UP:
            return None
        jitter = int.from_bytes(self._services.entropy.bytes(4), "big") / 2**32
        return now + next_attempt(done.message.attempts, jitter)

    def _tell(self, done: Done, now: Instant) -> None:
        if done.answer is None:
            return
        message, answer = done.message, type(done.answer).__name__
        meter, portal, template = self._services.meter, message.portal, message.template
        meter.count(DELIVERIES, portal=portal, template=template, answer=answer.lower())
        if isinstance(done.answer, Sent) and done.letter is not None:
            meter.observe(MAIL_SECONDS, max(0, now - done.letter.at) / SECOND, portal=portal, template=template)
        _log.info("delivery", reference=message.reference, template=template, answer=answer)


def _entry(done: Done, retry_at: Instant | None) -> Entry | None:
    """What the audit trail says of a message that has ended; None while it is tried again."""
    account = (done.letter.account or None) if done.letter else None
    match done.answer:
        case None:
            event, account, detail = Event.MESSAGE_CANCELLED, None, {}
        case Sent(code=code):
            event, detail = Event.MESSAGE_SENT, {"code": str(code)}
        case _ if retry_at is None:
            event, detail = Event.MESSAGE_FAILED, {"answer": done.answer.text[:200]}
        case _:
            return None
    message = done.message
    return Entry(
        portal=message.portal,
        event=event,
        account=account,
        reference=message.reference,
        detail={"template": message.template, **detail},
    )
