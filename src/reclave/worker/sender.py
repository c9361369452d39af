"""Sending the outbox: claimed with a lease that outlasts SMTP, checked again, sent at least once (invariant 5)."""

import asyncio
import time
from dataclasses import dataclass

import structlog

from reclave.domain.accounts import Status
from reclave.domain.audit import Entry, Event
from reclave.domain.grants import Grant
from reclave.domain.outbox import (
    GIVE_UP,
    LEASE,
    Deferred,
    Delivery,
    Message,
    Refused,
    Sent,
    Template,
    next_attempt,
)
from reclave.domain.secrets import GRANT_ID_BYTES
from reclave.domain.time import SECOND, Span
from reclave.journeys.messages import Letter, letter_of
from reclave.journeys.services import Services
from reclave.pages.mail import Listed, Post
from reclave.ports.mailer import Mailer
from reclave.ports.meter import DELIVERIES, MAIL_SECONDS
from reclave.ports.store import Transaction
from reclave.ports.vault import Unsealable
from reclave.worker.rehearsal import FOR_NOBODY, compose_for_nobody

AT_ONCE = 8
_LONGEST_PRETENCE = 2.0
_NO_GRANT = bytes(GRANT_ID_BYTES)
_NOBODY = "nobody"
_MAY_HOLD_GRANTS = {Status.ACTIVE, Status.AWAITING_FIRST_SIGN_IN}
_log = structlog.get_logger("reclave.worker")


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a message still has to say, now."""

    letter: Letter
    listed: list[Listed]
    report: Grant | None
    identifier: str
    names: list[str]


class Sender:
    """Sends what is due, several messages at a time; a slow server holds up only the messages that it has."""

    def __init__(self, services: Services, mailer: Mailer, post: Post, *, at_once: int = AT_ONCE) -> None:
        self._services = services
        self._mailer = mailer
        self._post = post
        self._at_once = at_once
        self._under_way: set[asyncio.Task[None]] = set()
        self._exchange = 0.0

    async def send_some(self) -> int:
        """Claim as many due messages as there is room for and begin to send them; how many were claimed."""
        await self._make_room()
        async with self._services.store.transaction() as tx:
            messages = await tx.outbox.claim(limit=self._at_once - len(self._under_way), lease=LEASE)
        for message in messages:
            self._under_way.add(asyncio.create_task(self._send(message)))
        return len(messages)

    async def finish(self) -> None:
        """Wait for all that is under way, then raise an `ExceptionGroup` of what could not be settled."""
        if self._under_way:
            await asyncio.wait(self._under_way)
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
        if len(self._under_way) >= self._at_once:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        self._reap()

    def _reap(self) -> None:
        done = {task for task in self._under_way if task.done()}
        self._under_way -= done
        faults = [fault for task in done if isinstance(fault := task.exception(), Exception)]
        if faults:
            raise ExceptionGroup("messages that could not be settled", faults)

    async def _send(self, message: Message) -> None:
        said = {"portal": message.portal, "reference": message.reference, "template": message.template}
        with self._services.tracer.span("send", **said) as span:
            span.note(answer=await self._sent(message))

    async def _sent(self, message: Message) -> str:
        """Send a message; what became of it, in a word."""
        async with self._services.store.reading() as tx:
            ready = await self._ready(tx, message)
        if ready is None:
            await self._send_nothing(message)
            return "cancelled"
        answer = await self._attempt(message, ready)
        await self._settle(message, ready, answer)
        return type(answer).__name__.lower()

    async def _attempt(self, message: Message, ready: _Ready) -> Delivery:
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
            return Deferred(None, "a fault of the service, see its log")
        self._exchange = min(time.monotonic() - began, _LONGEST_PRETENCE)
        return answer

    async def _send_nothing(self, message: Message) -> None:
        """Do the work of a message that nobody gets: render, wait as long as a server last took, and cancel.

        What the machine does after a request then does not tell whether an account was found
        (architecture, «Timing»).
        """
        if message.template in FOR_NOBODY and message.portal in self._services.portals:
            compose_for_nobody(self._services, self._post, message)
        await asyncio.sleep(self._exchange)
        await self._cancel(message)

    async def _ready(self, tx: Transaction, message: Message) -> _Ready | None:
        """Check again that what the message promises still lives; None when nothing is left to say."""
        try:
            letter = letter_of(self._services, message)
        except Unsealable:
            _log.error("message_unsealable", reference=message.reference)
            return None
        if message.portal not in self._services.portals:
            return None
        # Every look-up is made whether or not it is needed: a message for nobody costs what another one costs.
        found = [await self._listed(tx, message.portal, grant) for grant in message.grants or (_NO_GRANT,)]
        report = await tx.grants.get(message.portal, message.report or _NO_GRANT)
        identifier = await self._identifier(tx, message.portal, letter.account)
        listed = sorted((one for one in found if one is not None), key=lambda one: one.identifier)
        if message.needs_grant and not listed:
            return None
        if report is not None and not report.live(tx.now):
            report = None
        if message.template is Template.ADDRESS_CHANGING and report is None:
            return None
        names = []
        if message.template is Template.USER_NAMES:
            found_names = [await self._name(tx, message.portal, account, letter) for account in _named_in(letter)]
            names = sorted(filter(None, found_names))
        if message.template is Template.USER_NAMES and (message.needs_grant or not names):
            return None
        if message.template is Template.RESET_REQUIRED and not await self._still_blocked(tx, message, letter):
            return None
        return _Ready(letter, listed, report, identifier, names)

    async def _still_blocked(self, tx: Transaction, message: Message, letter: Letter) -> bool:
        """Whether a forced reset still has to be told: an owner who recovered meanwhile has done what it asks."""
        account = await self._services.directory.get(tx, message.portal, letter.account)
        return account is not None and account.password_blocked

    async def _listed(self, tx: Transaction, portal: str, grant_id: bytes) -> Listed | None:
        """A grant that lives, as the mail lists it; None for one that has ended or never was."""
        grant = await tx.grants.get(portal, grant_id)
        account = await self._services.directory.get(tx, portal, grant.account if grant else _NOBODY)
        identifier = await self._identifier(tx, portal, account.id if account else _NOBODY)
        if grant is None or account is None or not grant.live(tx.now):
            return None
        if grant.credential_version != account.credential_version or account.status not in _MAY_HOLD_GRANTS:
            return None
        return Listed(grant, identifier, account.status is Status.AWAITING_FIRST_SIGN_IN)

    async def _name(self, tx: Transaction, portal: str, account_id: str, letter: Letter) -> str:
        """The user name of an account that may still be told it at this address, else nothing."""
        account = await self._services.directory.get(tx, portal, account_id)
        identifier = await self._identifier(tx, portal, account_id)
        told = account is not None and account.can_recover() and account.address_canonical == letter.canonical
        return identifier if told else ""

    async def _identifier(self, tx: Transaction, portal: str, account: str) -> str:
        field = self._services.portals[portal].file.sign_in.identifier
        found = await self._services.directory.identifiers(tx, portal, account)
        return next((one.value for one in found if one.field == field), "")

    async def _cancel(self, message: Message) -> None:
        async with self._services.store.transaction() as tx:
            if await tx.outbox.cancel(message):
                await tx.audit.add(_entry(Event.MESSAGE_CANCELLED, message, None, {}))

    async def _settle(self, message: Message, ready: _Ready, answer: Delivery) -> None:
        async with self._services.store.transaction() as tx:
            retry_at = None
            if isinstance(answer, Deferred) and tx.now - message.created_at < GIVE_UP:
                jitter = int.from_bytes(self._services.entropy.bytes(4), "big") / 2**32
                retry_at = tx.now + next_attempt(message.attempts, jitter)
            if not await tx.outbox.settle(message, answer, retry_at=retry_at):
                _log.warning("lease_lost", stage="send", reference=message.reference)
                return
            if isinstance(answer, Sent):
                await tx.audit.add(_entry(Event.MESSAGE_SENT, message, ready.letter, {"code": str(answer.code)}))
            elif isinstance(answer, Refused) or retry_at is None:
                await tx.audit.add(_entry(Event.MESSAGE_FAILED, message, ready.letter, {"answer": answer.text[:200]}))
        self._count(message, answer, tx.now - ready.letter.at)
        _log.info("delivery", reference=message.reference, template=message.template, answer=type(answer).__name__)

    def _count(self, message: Message, answer: Delivery, waited: Span) -> None:
        meter, portal, template = self._services.meter, message.portal, message.template
        meter.count(DELIVERIES, portal=portal, template=template, answer=type(answer).__name__.lower())
        if isinstance(answer, Sent):
            meter.observe(MAIL_SECONDS, max(0, waited) / SECOND, portal=portal, template=template)


def _named_in(letter: Letter) -> tuple[str, ...]:
    return letter.accounts or (_NOBODY,)


def _entry(event: Event, message: Message, letter: Letter | None, detail: dict[str, str]) -> Entry:
    return Entry(
        portal=message.portal,
        event=event,
        account=(letter.account or None) if letter else None,
        reference=message.reference,
        detail={"template": message.template, **detail},
    )
