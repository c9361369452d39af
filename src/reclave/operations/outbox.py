"""The outbox as an operator works on it: finding a message, sending a failed one again, cancelling one that waits."""

from collections.abc import Callable
from dataclasses import dataclass

from reclave.domain.addresses import mask_address
from reclave.domain.audit import Entry, Event
from reclave.domain.errors import ReclaveError
from reclave.domain.outbox import Message, MessageState
from reclave.domain.portal import Portal
from reclave.domain.time import Instant
from reclave.journeys.messages import letter_of
from reclave.journeys.services import Services
from reclave.ports.outbox import Attempt, Listed
from reclave.ports.store import Transaction
from reclave.ports.vault import Unsealable

_AT_ONCE = 20
_ID_BYTES = 16
UNREADABLE = "(its key is gone)"


class MessageNotFound(ReclaveError):
    """No message, or several, answer to an id; or its state does not allow what was asked."""

    code = "message_not_found"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message with its deliveries, first to last; the recipient is masked."""

    listed: Listed
    recipient: str
    attempts: list[Attempt]


async def find(services: Services, tx: Transaction, prefix: str) -> Listed:
    """The one message whose id (hexadecimal) begins so. Raises `MessageNotFound`."""
    try:
        lowest = bytes.fromhex(prefix.ljust(_ID_BYTES * 2, "0"))
        highest = bytes.fromhex(prefix.ljust(_ID_BYTES * 2, "f"))
    except ValueError:
        raise MessageNotFound(f"{prefix!r} is no id: write the first digits of one that `outbox list` shows") from None
    found = [one for name in services.portals for one in await tx.outbox.between(name, lowest, highest)]
    if not found:
        raise MessageNotFound(f"no message has an id that begins with {prefix}")
    if len(found) > 1:
        raise MessageNotFound(f"several messages have an id that begins with {prefix}: write more of it")
    return found[0]


async def show(services: Services, prefix: str) -> Shown:
    """A message and what servers answered to it. Raises `MessageNotFound`."""
    async with services.store.reading() as tx:
        listed = await find(services, tx, prefix)
        attempts = await tx.outbox.attempts(listed.message.portal, listed.message.id)
    return Shown(listed, recipient(services, listed.message), attempts)


def recipient(services: Services, message: Message) -> str:
    """Whom a message goes to, masked."""
    try:
        to = letter_of(services, message).to
    except Unsealable:
        return UNREADABLE
    return mask_address(to) if to else "(nobody)"


async def last_answers(services: Services, listed: list[Listed]) -> list[tuple[Listed, Attempt | None]]:
    """Messages with the last delivery of each."""
    found = []
    async with services.store.reading() as tx:
        for one in listed:
            attempts = await tx.outbox.attempts(one.message.portal, one.message.id) if one.message.attempts else []
            found.append((one, attempts[-1] if attempts else None))
    return found


async def listing(
    services: Services, *, portal: Portal | None, states: set[MessageState], limit: int
) -> list[tuple[Listed, Attempt | None]]:
    """The newest messages in these states (in any, where none is named), each with its last delivery."""
    async with services.store.reading() as tx:
        listed = await tx.outbox.listed(limit=limit, portal=portal.id if portal else None, states=states)
    return await last_answers(services, listed)


async def retry(services: Services, prefix: str, *, by: str) -> Listed:
    """Queue a failed message again under a new Message-ID, or mailboxes would drop it. Raises `MessageNotFound`."""
    async with services.store.transaction() as tx:
        listed = await find(services, tx, prefix)
        if not await _requeue(services, tx, listed, by):
            raise MessageNotFound(f"the message is {listed.state}: only a failed one is sent again")
    services.bell.ring()
    return listed


async def count_failed(services: Services, portal: Portal | None) -> int:
    """How many messages have failed."""
    count, before = 0, None
    while page := await _failed(services, portal, before):
        count += len(page)
        before = (page[-1].message.created_at, page[-1].message.id)
    return count


async def retry_failed(services: Services, portal: Portal | None, *, by: str, step: Callable[[int], None]) -> int:
    """Queue every failed message again, a few in a transaction; how many. `step` is told how many are done."""
    count, before = 0, None
    while page := await _failed(services, portal, before):
        before = (page[-1].message.created_at, page[-1].message.id)
        async with services.store.transaction() as tx:
            count += sum([await _requeue(services, tx, listed, by) for listed in page])
        step(len(page))
        services.bell.ring()
    return count


async def cancel(services: Services, prefix: str, *, by: str) -> Listed:
    """Cancel a message that waits for its turn. Raises `MessageNotFound`."""
    async with services.store.transaction() as tx:
        listed = await find(services, tx, prefix)
        if not await tx.outbox.drop(listed.message.portal, listed.message.id):
            raise MessageNotFound(f"the message is {listed.state}: only a queued one can be cancelled")
        await tx.audit.add(_entry(services, Event.MESSAGE_CANCELLED, listed.message, by))
    return listed


async def _failed(services: Services, portal: Portal | None, before: tuple[Instant, bytes] | None) -> list[Listed]:
    async with services.store.reading() as tx:
        return await tx.outbox.listed(
            limit=_AT_ONCE, portal=portal.id if portal else None, states={MessageState.FAILED}, before=before
        )


async def _requeue(services: Services, tx: Transaction, listed: Listed, by: str) -> bool:
    message = listed.message
    portal = services.portals.get(message.portal)
    if portal is None:
        return False
    message_id = f"<{services.new_id().hex()}@{portal.sender_domain}>"
    if not await tx.outbox.requeue(message.portal, message.id, message_id):
        return False
    await tx.audit.add(_entry(services, Event.MESSAGE_RETRIED, message, by))
    return True


def _entry(services: Services, event: Event, message: Message, by: str) -> Entry:
    try:
        account = letter_of(services, message).account or None
    except Unsealable:
        account = None
    return Entry(
        portal=message.portal,
        event=event,
        account=account,
        reference=message.reference,
        detail={"template": message.template, "by": by},
    )
