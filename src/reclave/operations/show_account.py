"""What the help desk and the operator see of an account: never a secret."""

from collections.abc import Mapping
from dataclasses import dataclass

from reclave.domain.accounts import Account, AccountIdentifier
from reclave.domain.audit import Entry, Event
from reclave.domain.cases import Case
from reclave.domain.grants import Grant, Purpose
from reclave.domain.portal import Portal
from reclave.domain.time import Instant
from reclave.journeys import grants
from reclave.journeys.messages import recipient_digest
from reclave.journeys.services import Services
from reclave.ports.outbox import Listed
from reclave.ports.store import Transaction

SIGN_INS = frozenset({Event.SIGN_IN_SUCCEEDED, Event.SIGN_IN_REFUSED, Event.SIGN_IN_THROTTLED})
RECOVERIES = frozenset(Event) - SIGN_INS - {Event.SIGNED_OUT}
_GRANTS = 50
_SIGN_INS_SHOWN = 10
_MESSAGES_SHOWN = 10
_TIMELINE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """An account with what happened to it lately, newest first; `messages` are those to its address."""

    account: Account
    identifiers: list[AccountIdentifier]
    facts: Mapping[str, str]
    sign_ins: list[Entry]
    grants: list[Grant]
    sessions: int
    cases: list[Case]
    messages: list[Listed]
    timeline: list[Entry]
    at: Instant


async def overview(services: Services, portal: Portal, account: Account, *, revealed_to: str | None = None) -> Overview:
    """Everything about an account that may be shown; its grants are those that live.

    `revealed_to`: the operator who sees its address and numbers whole, which is audited.
    """
    if revealed_to is not None:
        async with services.store.transaction() as tx:
            await grants.record(tx, Event.ACCOUNT_REVEALED, account, "", by=revealed_to)
    async with services.store.reading() as tx:
        held = await tx.grants.recent(portal.id, account.id, list(Purpose), limit=_GRANTS)
        sessions = await tx.sessions.of_account(portal.id, account.id)
        return Overview(
            account=account,
            identifiers=await services.directory.identifiers(tx, portal.id, account.id),
            facts=await services.directory.facts(tx, portal.id, account.id),
            sign_ins=await tx.audit.of_account(portal.id, account.id, SIGN_INS, limit=_SIGN_INS_SHOWN),
            grants=[grant for grant in held if grant.live(tx.now)],
            sessions=sum(one.alive(tx.now, portal.session_idle, portal.session_absolute) for one in sessions),
            cases=await tx.cases.of_account(portal.id, account.id),
            messages=await messages_to(services, tx, account, limit=_MESSAGES_SHOWN),
            timeline=await tx.audit.of_account(portal.id, account.id, RECOVERIES, limit=_TIMELINE),
            at=tx.now,
        )


async def messages_to(services: Services, tx: Transaction, account: Account, *, limit: int) -> list[Listed]:
    """The newest messages to an account's registered address, which other accounts may share."""
    if account.address_canonical is None:
        return []
    recipient = recipient_digest(services, account.portal, account.address_canonical)
    return await tx.outbox.to_recipient(account.portal, recipient, limit=limit)
