"""Sending the outbox: claimed with a lease that outlasts SMTP, checked again, sent at least once (invariant 5)."""

import asyncio
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
from reclave.journeys.messages import Letter, letter_of
from reclave.journeys.services import Services
from reclave.pages.mail import Listed, Post
from reclave.ports.mailer import Mailer
from reclave.ports.store import Transaction
from reclave.ports.vault import Unsealable

BATCH = 32
_log = structlog.get_logger("reclave.worker")


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a message still has to say, now."""

    letter: Letter
    listed: list[Listed]
    report: Grant | None
    identifier: str


class Sender:
    """Sends what is due, several messages at a time."""

    def __init__(self, services: Services, mailer: Mailer, post: Post, *, at_once: int = 4) -> None:
        self._services = services
        self._mailer = mailer
        self._post = post
        self._gate = asyncio.Semaphore(at_once)

    async def send_some(self) -> int:
        """Claim and try up to a batch of due messages; how many were claimed."""
        async with self._services.store.transaction() as tx:
            messages = await tx.outbox.claim(limit=BATCH, lease=LEASE)
        async with asyncio.TaskGroup() as group:
            for message in messages:
                group.create_task(self._send(message))
        return len(messages)

    async def _send(self, message: Message) -> None:
        async with self._gate:
            async with self._services.store.reading() as tx:
                ready = await self._ready(tx, message)
            if ready is None:
                await self._cancel(message)
                return
            envelope = self._post.compose(
                message,
                ready.letter,
                listed=ready.listed,
                report=ready.report,
                identifier=ready.identifier,
                date=message.created_at,
            )
            answer = await self._mailer.send(envelope)
            await self._settle(message, ready, answer)

    async def _ready(self, tx: Transaction, message: Message) -> _Ready | None:
        """Check again that what the message promises still lives; None when nothing is left to say."""
        try:
            letter = letter_of(self._services, message)
        except Unsealable:
            _log.error("message_unsealable", reference=message.reference)
            return None
        if message.portal not in self._services.portals:
            return None
        listed = []
        for grant_id in message.grants:
            grant = await tx.grants.get(message.portal, grant_id)
            if grant is not None and await self._lives(tx, grant):
                listed.append(await self._listed(tx, grant))
        listed.sort(key=lambda one: one.identifier)
        if message.needs_grant and not listed:
            return None
        report = await tx.grants.get(message.portal, message.report) if message.report else None
        if message.template is Template.ADDRESS_CHANGING and (report is None or not report.live(tx.now)):
            return None
        if report is not None and not report.live(tx.now):
            report = None
        identifier = await self._identifier(tx, message.portal, letter.account)
        return _Ready(letter, listed, report, identifier)

    async def _lives(self, tx: Transaction, grant: Grant) -> bool:
        account = await self._services.directory.get(tx, grant.portal, grant.account)
        return (
            account is not None
            and grant.live(tx.now)
            and grant.credential_version == account.credential_version
            and account.status in {Status.ACTIVE, Status.AWAITING_FIRST_SIGN_IN}
        )

    async def _listed(self, tx: Transaction, grant: Grant) -> Listed:
        account = await self._services.directory.get(tx, grant.portal, grant.account)
        first = account is not None and account.status is Status.AWAITING_FIRST_SIGN_IN
        return Listed(grant, await self._identifier(tx, grant.portal, grant.account), first)

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
        _log.info("delivery", reference=message.reference, template=message.template, answer=type(answer).__name__)


def _entry(event: Event, message: Message, letter: Letter | None, detail: dict[str, str]) -> Entry:
    return Entry(
        portal=message.portal,
        event=event,
        account=(letter.account or None) if letter else None,
        reference=message.reference,
        detail={"template": message.template, **detail},
    )
