"""Issuing and ending grants: what all journeys that hand out or redeem one share."""

from collections.abc import Collection
from dataclasses import replace

from reclave.domain.accounts import Account, Status
from reclave.domain.audit import Entry, Event
from reclave.domain.errors import SecretEnded
from reclave.domain.grants import Answer, Grant, Purpose, State, answer_request, extended
from reclave.domain.intake import Intake
from reclave.domain.portal import MAIL_CEILING
from reclave.domain.secrets import GRANT_ID_BYTES, Presentation, read_token, same_secret
from reclave.domain.time import Instant, Span
from reclave.journeys.ledger import Ledger, Writing
from reclave.journeys.services import Services
from reclave.ports.store import Transaction

_OF_A_RECOVERY = (
    (Purpose.SET_PASSWORD, Presentation.TEMPORARY_PASSWORD),
    (Purpose.REPORT, Presentation.LINK),
)
ASKED = b"asked"
CHANGED = b"changed"
"""Contexts of a report grant: mailed with a recovery that was asked for, or with a change that was made."""


async def grant_for_request(
    services: Services,
    tx: Writing,
    account: Account,
    intake: Intake,
    *,
    purpose: Purpose,
    presentation: Presentation,
    lifetime: Span,
) -> Grant | None:
    """The live grant that answers an intake: the same one again, or a new one; None when it changes nothing.

    The account's row must be locked, so that two workers answer one after the other.
    """
    last = next(iter(await tx.grants.recent(account.portal, account.id, {purpose}, limit=1)), None)
    answer = answer_request(account, last, intake.accepted_at, tx.now, lifetime)
    if answer is Answer.COALESCE:
        return None
    if last is not None and answer in {Answer.RESEND, Answer.EXTEND}:
        expires = last.expires_at
        if answer is Answer.EXTEND:
            expires = extended(last, tx.now, lifetime, MAIL_CEILING)
        await tx.grants.answer(account.portal, last.id, requested_at=intake.accepted_at, expires_at=expires)
        await record(tx, Event.GRANT_RESENT, account, intake.reference, purpose=purpose)
        return replace(last, requested_at=intake.accepted_at, expires_at=expires)
    if last is not None and last.live(tx.now):
        await tx.grants.end(account.portal, last.id, State.REPLACED)
    return await issue(
        services,
        tx,
        account,
        purpose=purpose,
        presentation=presentation,
        expires_at=tx.now + lifetime,
        reference=intake.reference,
        requested_at=intake.accepted_at,
    )


async def issue(
    services: Services,
    tx: Writing,
    account: Account,
    *,
    purpose: Purpose,
    presentation: Presentation,
    expires_at: Instant,
    reference: str,
    requested_at: Instant | None = None,
    context: bytes = b"",
) -> Grant:
    """Write a new grant for an account whose former one of this purpose has ended."""
    grant = Grant(
        portal=account.portal,
        id=services.new_id(),
        account=account.id,
        purpose=purpose,
        presentation=presentation,
        credential_version=account.credential_version,
        key_id=services.vault.key_id,
        issued_at=tx.now,
        expires_at=expires_at,
        requested_at=tx.now if requested_at is None else requested_at,
        reference=reference,
        context=context,
    )
    if not await tx.grants.issue(grant):
        raise SecretEnded(State.REPLACED)
    await record(tx, Event.GRANT_ISSUED, account, reference, purpose=purpose)
    return grant


async def report_grant(services: Services, tx: Writing, account: Account, *, reference: str, context: bytes) -> Grant:
    """The grant behind «No fui yo».

    One that was mailed with a change stays, so that asking for a recovery cannot take it from the owner.
    """
    recent = await tx.grants.recent(account.portal, account.id, {Purpose.REPORT}, limit=1)
    last = recent[0] if recent and recent[0].live(tx.now) else None
    current = last is not None and last.credential_version == account.credential_version
    if last is not None and current and (last.context == CHANGED or (last.expires_at - tx.now) * 2 >= MAIL_CEILING):
        return last
    if last is not None:
        await tx.grants.end(account.portal, last.id, State.REPLACED)
    return await issue(
        services,
        tx,
        account,
        purpose=Purpose.REPORT,
        presentation=Presentation.LINK,
        expires_at=tx.now + MAIL_CEILING,
        reference=reference,
        context=context,
    )


async def issue_for_nobody(services: Services, rehearsed: Ledger, portal: str, account: str) -> None:
    """Issue a grant and its report to an account that does not exist, in a ledger to be undone: the work of a match."""
    nobodys = Account(portal=portal, id=account, status=Status.ACTIVE)
    for purpose, presentation in _OF_A_RECOVERY:
        await rehearsed.grants.recent(portal, account, {purpose}, limit=1)
        await issue(
            services,
            rehearsed,
            nobodys,
            purpose=purpose,
            presentation=presentation,
            expires_at=rehearsed.now + MAIL_CEILING,
            reference="",
        )


async def revert_grant(services: Services, tx: Transaction, account: Account, *, reference: str) -> Grant:
    """The grant behind the link that stops a change of address before it counts."""
    return await issue(
        services,
        tx,
        account,
        purpose=Purpose.REVERT_ADDRESS,
        presentation=Presentation.LINK,
        expires_at=tx.now + MAIL_CEILING,
        reference=reference,
    )


async def grant_of_token(
    services: Services, tx: Transaction, portal: str, token: str, purposes: Collection[Purpose]
) -> Grant:
    """The live grant that a link's token opens. Raises `SecretEnded`: damaged, or how the grant ended."""
    grant = await true_grant(services, tx, portal, token, purposes)
    if not grant.live(tx.now):
        raise SecretEnded(grant.ending(tx.now))
    return grant


async def true_grant(
    services: Services, tx: Transaction, portal: str, token: str, purposes: Collection[Purpose]
) -> Grant:
    """The grant, live or ended, that a link's token was made for.

    Raises `SecretEnded`: damaged. A token that is not true says so whatever the row says, and costs the same.
    """
    grant_id = read_token(token)
    grant = await tx.grants.get(portal, grant_id or bytes(GRANT_ID_BYTES))
    bound = (grant or nobody(services, portal)).bound(services.vault.epoch, Presentation.LINK)
    expected = services.vault.secret(bound)
    true = same_secret(token, expected)
    if grant is None or not true or grant.purpose not in purposes:
        raise SecretEnded("damaged")
    return grant


def nobody(
    services: Services,
    portal: str,
    purpose: Purpose = Purpose.REPORT,
    presentation: Presentation = Presentation.LINK,
) -> Grant:
    """A grant that nobody holds, for the work that an unknown account must cost too."""
    return Grant(
        portal=portal,
        id=bytes(GRANT_ID_BYTES),
        account="",
        purpose=purpose,
        presentation=presentation,
        credential_version=0,
        key_id=services.vault.key_id,
        issued_at=0,
        expires_at=0,
        requested_at=0,
    )


async def end_everything(tx: Transaction, account: Account, *, keep: bytes | None = None) -> None:
    """End every other grant and session of an account whose password, address or status changed (invariant 2)."""
    await tx.grants.end_all(account.portal, account.id, State.REPLACED)
    ended = await tx.sessions.end_all(account.portal, account.id, keep=keep)
    if ended:
        await record(tx, Event.SESSIONS_ENDED, account, "", count=str(ended))


async def record(
    tx: Writing, event: Event, account: Account, reference: str, *, client: bytes = b"", **detail: str
) -> None:
    """Append an event of an account to the audit trail."""
    await tx.audit.add(
        Entry(
            portal=account.portal,
            event=event,
            account=account.id,
            client=client,
            reference=reference,
            detail=detail,
        )
    )
