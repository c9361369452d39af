"""«Registro de datos de ingreso» (P3, P8): the one thing that an initial or temporary password opens.

An address that is not yet the account's is confirmed by a typed code in the same session before anything changes;
then one transaction consumes the grant, sets the password, ends everything else and queues the notice. Who came with an
initial password that others have too proves the registered address in this way, and can give no other one (S15).
"""

from dataclasses import dataclass, replace

import msgspec

from reclave.domain.accounts import Account, Status
from reclave.domain.addresses import Address, AddressRefused, mask_address, parse_address
from reclave.domain.audit import Event
from reclave.domain.errors import FieldRefused, FormRefused, SecretEnded, SessionEnded
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.outbox import Template
from reclave.domain.passwords import normalise
from reclave.domain.portal import Portal
from reclave.journeys import grants, messages
from reclave.journeys.confirm_address import Confirmation, Pending, ask_for_code, check_code, confirmation
from reclave.journeys.first_sign_in import SHARED
from reclave.journeys.new_password import check_new_password
from reclave.journeys.password_schemes import count_change
from reclave.journeys.services import Caller, Services
from reclave.journeys.sessions import SignedInAs
from reclave.journeys.tries import lift_pause
from reclave.ports.store import Transaction

_DONE = {
    True: (Event.ACCOUNT_ACTIVATED, Template.FIRST_REGISTRATION),
    False: (Event.PASSWORD_CHANGED, Template.PASSWORD_CHANGED),
}
"""What a completed change is called and which mail tells of it, by whether it was the first sign-in."""


@dataclass(frozen=True, slots=True)
class Details:
    """What the forced change knows: until when, whether it is the first sign-in, and what waits for a code."""

    grant: Grant
    first: bool
    waiting: Confirmation | None


async def look(services: Services, portal: Portal, who: SignedInAs) -> Details:
    """The state of the forced change. Raises `SecretEnded` when its grant has ended."""
    async with services.store.reading() as tx:
        grant = await _live_grant(tx, portal, who)
        return Details(grant, grant.purpose is Purpose.ACTIVATE, await confirmation(services, tx, who.account))


async def submit(
    services: Services,
    portal: Portal,
    who: SignedInAs,
    typed_address: str,
    password: str,
    repeated: str,
    caller: Caller,
) -> bool:
    """Set the password, or first ask for the code that confirms a new address; True when all is done.

    Raises `FormRefused`, `SecretEnded`, `Overloaded`.
    """
    details = await look(services, portal, who)
    address = _read(services, portal, who, details.grant, typed_address, password, repeated)
    await _refuse_given_password(services, who.account, password)
    hashed = await services.hasher.hash(normalise(password))
    async with services.store.transaction() as tx:
        account = await services.directory.get(tx, portal.id, who.account.id, lock=True)
        if account is None:
            raise SecretEnded(State.REVOKED)
        needs_code = await _needs_code(tx, portal, who, account, details.grant, address)
        if needs_code:
            await _live_grant(tx, portal, who)
            pending = Pending(address.stored, address.canonical, hashed)
            await ask_for_code(services, tx, portal, account, pending, caller)
        else:
            await _complete(
                services,
                tx,
                portal,
                who,
                account,
                details.grant,
                address=address,
                password_hash=hashed,
                caller=caller,
            )
    services.bell.ring()
    return not needs_code


def _read(
    services: Services,
    portal: Portal,
    who: SignedInAs,
    grant: Grant,
    typed_address: str,
    password: str,
    repeated: str,
) -> Address:
    refused: list[FieldRefused] = []
    address = None
    try:
        address = parse_address(typed_address, special_use=services.special_use_domains)
    except AddressRefused as error:
        refused.append(FieldRefused("email", error.code, **error.detail))
    refused += check_new_password(
        portal,
        password,
        repeated,
        identifier=who.identifier,
        address=address.canonical if address else who.account.address_canonical,
        temporary=services.vault.secret(grant.bound(services.vault.epoch)),
    )
    if refused or address is None:
        raise FormRefused(*refused)
    return address


async def _refuse_given_password(services: Services, account: Account, password: str) -> None:
    """Refuse the initial password that an operator gave as the new one (S14)."""
    given = account.password_hash if account.status is Status.AWAITING_FIRST_SIGN_IN else None
    if given and await services.hasher.verify(given, normalise(password)):
        raise FormRefused(FieldRefused("password", "is_temporary_password"))


async def _needs_code(
    tx: Transaction, portal: Portal, who: SignedInAs, account: Account, grant: Grant, address: Address
) -> bool:
    """Whether a code must confirm the address first.

    A shared initial password always needs one, gives no other address, and does not go on beside a newer sign-in (S15).
    """
    registered = account.is_registered(address)
    if grant.context != SHARED:
        return not registered
    if await tx.sessions.get(portal.id, who.session.digest) is None:
        raise SessionEnded
    if not registered:
        raise FormRefused(FieldRefused("email", "not_the_registered_one"))
    return True


async def confirm(services: Services, portal: Portal, who: SignedInAs, typed_code: str, caller: Caller) -> None:
    """Complete the change with the code that was mailed to the new address. Raises `FormRefused`, `SecretEnded`."""
    details = await look(services, portal, who)
    found = await check_code(services, portal, who.account, typed_code, caller)
    if found.pending.password_hash is None:
        raise FormRefused(FieldRefused("code", "code_ended"))
    async with services.store.transaction() as tx:
        account = await services.directory.get(tx, portal.id, who.account.id, lock=True)
        if account is None:
            raise SecretEnded(State.REVOKED)
        await _consume(tx, found.grant, account)
        await _complete(
            services,
            tx,
            portal,
            who,
            account,
            details.grant,
            address=found.pending.address,
            password_hash=found.pending.password_hash,
            caller=caller,
        )
    services.bell.ring()


async def _live_grant(tx: Transaction, portal: Portal, who: SignedInAs) -> Grant:
    grant = await tx.grants.get(portal.id, who.session.grant or b"")
    if grant is None:
        raise SecretEnded(State.EXPIRED)
    if not grant.live(tx.now) or grant.credential_version != who.account.credential_version:
        raise SecretEnded(grant.ending(tx.now))
    return grant


async def _consume(tx: Transaction, grant: Grant, account: Account) -> None:
    consumed = await tx.grants.consume(account.portal, grant.id, credential_version=account.credential_version)
    if consumed is None:
        current = await tx.grants.get(account.portal, grant.id)
        ended = current.ending(tx.now) if current else State.EXPIRED
        raise SecretEnded(State.REPLACED if ended in {State.ISSUED, State.APPLYING} else ended)


async def _complete(
    services: Services,
    tx: Transaction,
    portal: Portal,
    who: SignedInAs,
    account: Account,
    grant: Grant,
    *,
    address: Address,
    password_hash: str,
    caller: Caller,
) -> None:
    await _consume(tx, grant, account)
    first = account.status is Status.AWAITING_FIRST_SIGN_IN
    changed = replace(
        account.with_proven_address(address, tx.now + portal.address_wait),
        status=Status.ACTIVE,
        password_hash=password_hash,
        password_blocked=False,
        language=caller.language,
        credential_version=account.credential_version + 1,
        changed_at=tx.now,
    )
    if not await tx.accounts.change(changed, was=account.credential_version):
        raise SecretEnded(State.REPLACED)
    await grants.end_everything(tx, changed)
    await lift_pause(services, tx, portal, who.identifier, caller)
    event, template = _DONE[first]
    await grants.record(tx, event, changed, grant.reference, client=caller.client, device=caller.device)
    await notify_change(services, tx, portal, changed, template, grant.reference, caller)
    if changed.next_address:
        await notify_old_address(services, tx, portal, changed, grant.reference, caller)
    await count_change(tx, account, password_hash)


async def notify_change(
    services: Services,
    tx: Transaction,
    portal: Portal,
    account: Account,
    template: Template,
    reference: str,
    caller: Caller,
) -> None:
    """Queue the notice of a change to the registered address, with «No fui yo» (S21)."""
    if not account.reachable():
        return
    report = await grants.report_grant(services, tx, account, reference=reference, context=grants.CHANGED)
    await messages.queue(
        services,
        tx,
        portal,
        template,
        messages.letter_to(account, at=tx.now, place=caller.device),
        language=caller.language,
        reference=reference,
        report=report,
    )


async def notify_old_address(
    services: Services, tx: Transaction, portal: Portal, account: Account, reference: str, caller: Caller
) -> None:
    """Tell the registered address that another one will take its place, with a link that stops it (S35)."""
    await tx.grants.end_all(portal.id, account.id, State.REPLACED, purposes={Purpose.REVERT_ADDRESS})
    revert = await grants.revert_grant(services, tx, account, reference=reference)
    await grants.record(tx, Event.ADDRESS_CHANGE_ASKED, account, reference, client=caller.client)
    await messages.queue(
        services,
        tx,
        portal,
        Template.ADDRESS_CHANGING,
        msgspec.structs.replace(
            messages.letter_to(account, at=tx.now, place=caller.device),
            new_address=mask_address(account.next_address or ""),
            effective_at=account.next_address_at or 0,
        ),
        language=caller.language,
        reference=reference,
        report=revert,
    )
