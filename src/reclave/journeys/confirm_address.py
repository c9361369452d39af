"""A typed code proves that a person reads an address: the step that first sign-in and change of address share.

The mail is a fixed text. To an address that no directory knows yet it goes once a day (invariant 7), and for one
account five times a day at most. The code stays the same for that day, so a second mail is not missed.
"""

from dataclasses import dataclass, replace

import msgspec

from reclave.domain.accounts import Account
from reclave.domain.addresses import Address
from reclave.domain.audit import Event
from reclave.domain.errors import FieldRefused, FormRefused
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.outbox import Template
from reclave.domain.portal import Portal
from reclave.domain.secrets import Presentation, read_code, same_secret
from reclave.domain.throttle import CODE_TRIES
from reclave.domain.time import DAY
from reclave.journeys import grants, messages
from reclave.journeys.services import Caller, Services
from reclave.ports.store import Transaction
from reclave.ports.vault import Unsealable

_SEAL = "address"
_ADDRESSES = Limit(5, DAY, Scope.IDENTIFIER)


class Pending(msgspec.Struct, frozen=True):
    """What waits for the code: the address and, in a forced change, the hash of the new password."""

    stored: str
    canonical: str
    password_hash: str | None = None

    @property
    def address(self) -> Address:
        """The address that is being confirmed."""
        return Address(self.stored, self.canonical)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A live request for a code and what waits for it."""

    grant: Grant
    pending: Pending

    @property
    def tries_left(self) -> int:
        """How many codes may still be typed."""
        return max(0, CODE_TRIES - self.grant.tries)


async def ask_for_code(
    services: Services, tx: Transaction, portal: Portal, account: Account, pending: Pending, caller: Caller
) -> None:
    """Keep what waits and mail a code to the new address, unless one went there within a day.

    Raises `FormRefused` (email) when the account has asked for too many addresses today.
    """
    grant = await _grant(services, tx, account)
    await tx.grants.keep(portal.id, grant.id, services.vault.seal(_SEAL, msgspec.json.encode(pending), grant.id))
    digest = messages.recipient_digest(services, portal.id, pending.canonical)
    known = any(a.reachable() for a in await services.directory.by_address(tx, portal.id, pending.canonical))
    since = tx.now - DAY
    if not known and await tx.outbox.mailed(portal.id, Template.CONFIRM_ADDRESS, digest, since=since):
        return
    key = services.vault.digest("limit", portal.id, "confirm_address", account.id)
    (passed,) = await tx.limits.take([Cost(key, _ADDRESSES)])
    if not passed:
        raise FormRefused(FieldRefused("email", "too_many_addresses"))
    await messages.queue(
        services,
        tx,
        portal,
        Template.CONFIRM_ADDRESS,
        messages.Letter(
            to=pending.stored, canonical=pending.canonical, account=account.id, at=tx.now, place=caller.device
        ),
        language=caller.language,
        reference=grant.reference,
        grants=[grant],
        needs_grant=True,
    )


async def _grant(services: Services, tx: Transaction, account: Account) -> Grant:
    recent = await tx.grants.recent(account.portal, account.id, {Purpose.CONFIRM_ADDRESS}, limit=1)
    if recent and recent[0].live(tx.now) and recent[0].credential_version == account.credential_version:
        return recent[0]
    return await grants.issue(
        services,
        tx,
        account,
        purpose=Purpose.CONFIRM_ADDRESS,
        presentation=Presentation.CODE,
        expires_at=tx.now + DAY,
        reference=services.new_reference(),
    )


async def confirmation(services: Services, tx: Transaction, account: Account) -> Confirmation | None:
    """What waits for a code, if anything does."""
    recent = await tx.grants.recent(account.portal, account.id, {Purpose.CONFIRM_ADDRESS}, limit=1)
    if not recent or not recent[0].live(tx.now) or recent[0].sealed is None:
        return None
    if recent[0].credential_version != account.credential_version:
        return None
    try:
        opened = services.vault.open(_SEAL, recent[0].sealed, recent[0].id)
    except Unsealable:  # its key was retired as compromised, and the grant is about to end
        return None
    return Confirmation(recent[0], msgspec.json.decode(opened, type=Pending))


def code_for(services: Services, grant: Grant, canonical: str) -> str:
    """The code that confirms one address under a grant: another address has another code."""
    bound = grant.bound(services.vault.epoch, Presentation.CODE)
    return services.vault.secret(replace(bound, context=services.vault.digest("address", canonical)))


async def check_code(services: Services, portal: Portal, account: Account, typed: str, caller: Caller) -> Confirmation:
    """Count a try, then compare the code; the confirmation that it completes.

    Raises `FormRefused` on `code`: missing, not a code, wrong (with `left`), or none left, when the waiting change is
    dropped and another address may be given.
    """
    if not typed.strip():
        raise FormRefused(FieldRefused("code", "code_missing"))
    code = read_code(typed)
    if code is None:
        raise FormRefused(FieldRefused("code", "code_malformed"))
    async with services.store.transaction() as tx:
        found = await confirmation(services, tx, account)
        tries = await tx.grants.count_try(portal.id, found.grant.id) if found else 0
        if found and tries > CODE_TRIES:
            await tx.grants.end(portal.id, found.grant.id, State.REVOKED)
    if found is None:
        raise FormRefused(FieldRefused("code", "code_ended"))
    if tries > CODE_TRIES:
        raise FormRefused(FieldRefused("code", "code_no_tries_left"))
    if not same_secret(code, code_for(services, found.grant, found.pending.canonical)):
        async with services.store.transaction() as tx:
            await grants.record(tx, Event.CODE_REFUSED, account, found.grant.reference, client=caller.client)
        raise FormRefused(FieldRefused("code", "code_wrong", left=CODE_TRIES - tries))
    return found
