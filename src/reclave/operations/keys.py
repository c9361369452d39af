"""What the keys of the keyring still hold, and what becomes of it when one is compromised."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeAlias

from reclave.domain.audit import Entry, Event
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.outbox import MessageState, Template
from reclave.domain.portal import Portal
from reclave.domain.secrets import Presentation
from reclave.journeys import asking, grants, messages
from reclave.journeys.services import Services
from reclave.ports.store import Transaction
from reclave.ports.vault import Unsealable

_AT_ONCE = 6
_READ_AT_ONCE = 20
_HASHES_AT_ONCE = 50
_MAILS = {
    Presentation.TEMPORARY_PASSWORD: ("temporary_password", Template.TEMPORARY_PASSWORD),
    Presentation.LINK: ("reset_link", Template.RESET_LINK),
}
"""The journey and the mail that a recovery's grant is sent again with; a typed code alone waits for a new request."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What a key still holds: grants that live, and sealed batches of the audit trail."""

    grants: int = 0
    batches: int = 0


@dataclass(slots=True)
class Ended:
    """What was ended of a compromised key's: grants in all, of these mailed anew, and initial passwords on paper."""

    grants: int = 0
    mailed: int = 0
    on_paper: int = 0


Step: TypeAlias = Callable[[int], None]


async def holdings(services: Services) -> dict[str, Holding]:
    """What each key holds, by key."""
    async with services.store.reading() as tx:
        live = await tx.grants.live_by_key()
        sealed = {each.key_id: each.batches for each in await tx.audit.sealed_by()}
    return {key: Holding(live.get(key, 0), sealed.get(key, 0)) for key in {*live, *sealed}}


async def seal_anew(services: Services, key_id: str) -> int:
    """Seal anew what waits for the worker and a key has sealed, before that key opens nothing; how many."""
    waiting = await _seal_messages(services, key_id) + await _seal_requests(services, key_id)
    return waiting + await _seal_hashes(services, key_id)


async def _seal_messages(services: Services, key_id: str) -> int:
    count, before = 0, None
    unsent = {MessageState.QUEUED, MessageState.SENDING}
    while True:
        async with services.store.transaction() as tx:
            page = [one.message for one in await tx.outbox.listed(limit=_READ_AT_ONCE, states=unsent, before=before)]
            for message in page:
                if services.vault.sealed_by(message.sealed) == key_id:
                    sealed = messages.resealed(services, message)
                    count += await tx.outbox.reseal(message.portal, message.id, sealed)
        if not page:
            return count
        before = (page[-1].created_at, page[-1].id)


async def _seal_requests(services: Services, key_id: str) -> int:
    count, after = 0, (0, b"")
    while True:
        async with services.store.transaction() as tx:
            page = await tx.intakes.unresolved(after=after, limit=_READ_AT_ONCE)
            for intake in page:
                if services.vault.sealed_by(intake.sealed_fields or b"") == key_id:
                    sealed = asking.resealed(services, intake)
                    count += await tx.intakes.reseal(intake.portal, intake.id, sealed)
        if not page:
            return count
        after = (page[-1].accepted_at, page[-1].id)


async def _seal_hashes(services: Services, key_id: str) -> int:
    """Hashes that an import has sealed and nobody has wrapped yet; what does not open now would not then."""
    count = 0
    while True:
        async with services.store.transaction() as tx:
            done = 0
            for each in await tx.imports.sealed(limit=_HASHES_AT_ONCE, key_id=key_id):
                account = await tx.accounts.get(each.portal, each.id, lock=True)
                if account is None or account.password_hash != each.password_hash:
                    continue
                with suppress(Unsealable):
                    sealed = services.hasher.seal_anew(account.password_hash or "")
                    done += await tx.accounts.change(
                        replace(account, password_hash=sealed), was=account.credential_version
                    )
        if not done:
            return count
        count += done


async def record(services: Services, event: Event, key_id: str, *, by: str, state: str = "") -> None:
    """Append what was done with a key to the audit trail."""
    detail = {"key": key_id, "by": by} | ({"state": state} if state else {})
    async with services.store.transaction() as tx:
        await tx.audit.add(Entry(portal="", event=event, detail=detail))


async def end_what_it_made(services: Services, key_id: str, *, step: Step) -> Ended:
    """End every live grant of a compromised key, and mail a new one to whoever asked for a recovery.

    Safe to repeat: it goes on where it was stopped. `step` is told how many grants are done. What is not mailed
    anew: initial passwords (they were handed over on paper), typed codes (the browser that waits for one asks again),
    and the links behind «No fui yo» in earlier mails.
    """
    ended = Ended()
    while True:
        async with services.store.transaction() as tx:
            few = await tx.grants.end_of_key(key_id, State.REVOKED, limit=_AT_ONCE)
            for grant in few:
                await _end_one(services, tx, grant, ended)
        step(len(few))
        if len(few) < _AT_ONCE:
            services.bell.ring()
            return ended


async def _end_one(services: Services, tx: Transaction, grant: Grant, ended: Ended) -> None:
    ended.grants += 1
    ended.on_paper += grant.purpose is Purpose.ACTIVATE
    detail = {"how": State.REVOKED, "key": grant.key_id, "purpose": grant.purpose}
    await tx.audit.add(
        Entry(
            portal=grant.portal,
            event=Event.GRANT_ENDED,
            account=grant.account,
            reference=grant.reference,
            detail=detail,
        )
    )
    portal = services.portals.get(grant.portal)
    if grant.purpose is Purpose.SET_PASSWORD and grant.presentation in _MAILS and portal is not None:
        ended.mailed += await _mail_anew(services, tx, portal, grant)


async def _mail_anew(services: Services, tx: Transaction, portal: Portal, grant: Grant) -> bool:
    """Issue a recovery's grant again under the key in use, and mail it; whether it still was the account's."""
    journey, template = _MAILS[grant.presentation]
    account = await services.directory.get(tx, portal.id, grant.account, lock=True)
    if account is None or not account.can_recover() or journey not in portal.terms:
        return False
    if account.credential_version != grant.credential_version:
        return False
    # The link behind «No fui yo» may be this key's too: the mail gets a new one.
    await tx.grants.end_all(portal.id, account.id, State.REVOKED, purposes={Purpose.REPORT})
    again = await grants.issue(
        services,
        tx,
        account,
        purpose=grant.purpose,
        presentation=grant.presentation,
        expires_at=tx.now + portal.terms[journey].lifetime,
        reference=grant.reference,
        requested_at=grant.requested_at,
    )
    report = await grants.report_grant(services, tx, account, reference=grant.reference, context=grants.ASKED)
    await messages.queue(
        services,
        tx,
        portal,
        template,
        messages.letter_to(account, at=grant.requested_at, without_code=True),
        language=account.language or portal.default_language,
        reference=grant.reference,
        grants=[again],
        report=report,
        needs_grant=True,
        bulk=True,
    )
    return True
