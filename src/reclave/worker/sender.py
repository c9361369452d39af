"""Sending the outbox: claimed with a lease that outlasts SMTP, checked again, sent at least once (invariant 5).

What this process resolves is claimed as it is written and handed over; everything else is claimed here.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog

from reclave.domain.outbox import LEASE, Deferred, Delivery, Message
from reclave.journeys.messages import Letter, letter_of
from reclave.journeys.services import Services
from reclave.pages.mail import Post
from reclave.ports.mailer import Mailer
from reclave.ports.vault import Unsealable
from reclave.worker.ready import Ready, ready_ones
from reclave.worker.rehearsal import FOR_NOBODY, compose_for_nobody
from reclave.worker.settling import Done, Settling

AT_ONCE = 24
_QUEUED_BEHIND = 2
"""How many more messages may be claimed for each that is sent while the mail server is quick: they wait for moments."""
_QUICK_SECONDS = 0.1
_GATHER_SECONDS = 0.01
_LOOK_SECONDS = 0.1
"""How long mail that pages queue may wait while all else is handed over: a look costs four round trips."""
_LONGEST_PRETENCE = 2.0
_FAULT = Deferred(None, "a fault of the service, see its log")
_log = structlog.get_logger("reclave.worker")


class Sender:
    """Sends what is due, several messages at a time; a slow server holds up only the messages that it has."""

    def __init__(self, services: Services, mailer: Mailer, post: Post, *, at_once: int = AT_ONCE) -> None:
        self._services = services
        self._mailer = mailer
        self._post = post
        self._settling = Settling(services)
        self._at_once = at_once
        self._under_way: set[asyncio.Task[None]] = set()
        self._sending = 0
        self._reserved = 0
        self._claiming = False
        self._freed = asyncio.Event()
        self._ending = False
        self._exchange = 0.0
        self.more = False
        """Whether there may be more to send than was claimed the last time."""
        self._left_some = True
        self._looked_at = 0.0

    async def send_some(self) -> int:
        """Claim as many due messages as there is room for and begin to send them; how many were claimed."""
        self._claiming = True
        self._looked_at = time.monotonic()
        try:
            await self._make_room()
            if self._ending:
                return 0
            room = max(1, self._free())
            async with self._services.store.transaction() as tx:
                messages = await tx.outbox.claim(limit=room, lease=LEASE)
        finally:
            self._claiming = False
        self.more = len(messages) == room
        self._sending += len(messages)
        if messages:
            await self._begin(messages)
        return len(messages)

    def reserve(self, most: int) -> int:
        """`resolver.Takes`; none while older messages are waiting to be claimed, or most of the room is taken."""
        busy = self._ending or self._claiming or self._sending + self._reserved > self._room() // 4
        places = 0 if busy else min(most, self._free())
        self._reserved += places
        return places

    def take_over(self, claimed: Sequence[Message], reserved: int) -> None:
        """`resolver.Takes`."""
        self._left_some = not claimed or len(claimed) >= reserved
        self._reserved -= reserved
        self._sending += len(claimed)
        if claimed:
            self._under_way.add(asyncio.create_task(self._begin(claimed)))

    def may_find_some(self) -> bool:
        """Whether there may be messages to claim: not all was handed over, or nobody has looked for a while."""
        return self._left_some or time.monotonic() - self._looked_at > _LOOK_SECONDS

    def claim_no_more(self) -> None:
        """Claim nothing from now on, even while somebody waits for room to claim more."""
        self._ending = True
        self._freed.set()

    async def finish(self) -> None:
        """Wait for all that is under way, then raise an `ExceptionGroup` of what could not be settled."""
        while under_way := [task for task in self._under_way if not task.done()]:
            await asyncio.wait(under_way)
        self._reap()

    async def give_up(self) -> int:
        """Let go of all that is still under way; how much. Its lease brings it back, to whichever process is there."""
        left = list(self._under_way)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self._under_way.clear()
        return len(left)

    async def _make_room(self) -> None:
        """Wait until most of the room is free, or some of it while nothing else finishes.

        A claim costs the same for one message and for many. Messages that were sent need no room while they are
        settled.
        """
        while self._sending > self._room() // 4 and not self._ending:
            patience = None if self._sending >= self._room() else _GATHER_SECONDS
            self._freed.clear()
            try:
                await asyncio.wait_for(self._freed.wait(), patience)
            except TimeoutError:
                break
        self._reap()

    def _room(self) -> int:
        """How many messages may be under way; those for which there is no connection yet wait for one in the mailer."""
        quick = 0 < self._exchange < _QUICK_SECONDS
        return self._at_once * (1 + _QUEUED_BEHIND if quick else 1)

    def _free(self) -> int:
        return self._room() - self._sending - self._reserved

    def _reap(self) -> None:
        done = {task for task in self._under_way if task.done()}
        self._under_way -= done
        faults = [fault for task in done if isinstance(fault := task.exception(), Exception)]
        if faults:
            raise ExceptionGroup("messages that could not be settled", faults)

    async def _begin(self, messages: Sequence[Message]) -> None:
        """Check again what still lives of what the messages promise, and begin to send them."""
        letters = {message.id: self._letter(message) for message in messages}
        read = [(each, letter) for each in messages if isinstance(letter := letters[each.id], Letter)]
        try:
            async with self._services.store.reading() as tx:
                ready = await ready_ones(self._services, tx, read)
        except BaseException:  # their leases bring them back
            self._sending -= len(messages)
            raise
        for message in messages:
            what = _FAULT if letters[message.id] is _FAULT else ready.get(message.id)
            self._under_way.add(asyncio.create_task(self._send(message, what)))

    def _letter(self, message: Message) -> Letter | Deferred | None:
        """What a message says; None when its key is gone, and a deferral where it cannot be read."""
        try:
            return letter_of(self._services, message)
        except Unsealable:
            _log.error("message_unsealable", reference=message.reference)
            return None
        except Exception:  # noqa: BLE001 - the reason follows
            # One letter keeps no other waiting that was claimed with it.
            _log.exception("attempt_failed", reference=message.reference, template=message.template)
            return _FAULT

    async def _send(self, message: Message, what: Ready | Deferred | None) -> None:
        said = {"portal": message.portal, "reference": message.reference, "template": message.template}
        with self._services.tracer.span("send", **said) as span:
            span.note(answer=await self._sent(message, what))

    async def _sent(self, message: Message, what: Ready | Deferred | None) -> str:
        """Send a message; what became of it, in a word."""
        try:
            answer = await self._attempt(message, what)
        finally:
            self._sending -= 1
            self._freed.set()
        await self._settle(Done(message, answer, what.letter if isinstance(what, Ready) else None))
        return type(answer).__name__.lower() if answer else "cancelled"

    async def _attempt(self, message: Message, what: Ready | Deferred | None) -> Delivery | None:
        """The server's answer; None where there was nothing left to say."""
        if what is None:
            await self._send_nothing(message)
            return None
        return await self._deliver(message, what) if isinstance(what, Ready) else what

    async def _deliver(self, message: Message, ready: Ready) -> Delivery:
        try:
            envelope = self._post.compose(
                message,
                ready.letter,
                listed=ready.listed,
                report=ready.report,
                identifier=ready.identifier,
                names=ready.names,
                date=message.created_at,
            )
            began = time.monotonic()
            answer = await self._mailer.send(envelope)
        except Exception:  # noqa: BLE001 - the reason follows
            # A fault in one letter or template is logged whole and counts as an attempt, so that it comes back
            # ever more rarely and ends as failed, instead of for ever with each lease.
            _log.exception("attempt_failed", reference=message.reference, template=message.template)
            return _FAULT
        self._exchange = min(time.monotonic() - began, _LONGEST_PRETENCE)
        return answer

    async def _send_nothing(self, message: Message) -> None:
        """Do the work of a message that nobody gets: render, and wait as long as a server last took.

        What the machine does after a request then does not tell whether an account was found
        (architecture, «Timing»).
        """
        if message.template in FOR_NOBODY and message.portal in self._services.portals:
            compose_for_nobody(self._services, self._post, message)
        await asyncio.sleep(self._exchange)

    async def _settle(self, done: Done) -> None:
        await self._settling.settle(done)
