"""A signed-in person changes the registered address (S31, S35): a code to the new one, a notice to the old one that
can stop it, and a wait before it counts."""

from dataclasses import replace

from reclave.domain.accounts import Account
from reclave.domain.addresses import Address, AddressRefused, parse_address
from reclave.domain.audit import Event
from reclave.domain.errors import FieldRefused, FormRefused, SessionEnded
from reclave.domain.outbox import Template
from reclave.domain.portal import Portal
from reclave.domain.sessions import SessionKind
from reclave.journeys import grants, messages
from reclave.journeys.change_password import confirm_current_password
from reclave.journeys.confirm_address import Confirmation, Pending, ask_for_code, check_code, confirmation
from reclave.journeys.register_details import notify_old_address
from reclave.journeys.services import Caller, Services
from reclave.journeys.sessions import SignedInAs
from reclave.journeys.sign_in import SignedIn, open_session
from reclave.ports.store import Transaction


async def waiting(services: Services, who: SignedInAs) -> Confirmation | None:
    """The change of address that waits for its code, if any."""
    async with services.store.reading() as tx:
        return await confirmation(services, tx, who.account)


async def ask(
    services: Services, portal: Portal, who: SignedInAs, current: str, typed_address: str, caller: Caller
) -> None:
    """Mail a code to the new address. Raises `FormRefused`, `SessionEnded`, `Overloaded`."""
    try:
        address = parse_address(typed_address, special_use=services.special_use_domains)
    except AddressRefused as error:
        refused = [FieldRefused("email", error.code, **error.detail)]
        if not current:
            refused.insert(0, FieldRefused("current", "password_missing"))
        raise FormRefused(*refused) from error
    if address.canonical == who.account.address_canonical:
        raise FormRefused(FieldRefused("email", "address_is_registered"))
    await confirm_current_password(services, portal, who, current, caller)
    async with services.store.transaction() as tx:
        account = await _current(services, tx, portal, who)
        await ask_for_code(services, tx, portal, account, Pending(address.stored, address.canonical), caller)
    services.bell.ring()


async def confirm(
    services: Services, portal: Portal, who: SignedInAs, typed_code: str, caller: Caller
) -> SignedIn | None:
    """Take the typed code; the new address counts after the portal's wait, or at once where there was none.

    Where it counts at once every session ends and the person goes on in the new one that is returned (S27).
    Raises `FormRefused`, `SessionEnded`.
    """
    found = await check_code(services, portal, who.account, typed_code, caller)
    async with services.store.transaction() as tx:
        account = await _current(services, tx, portal, who)
        version = account.credential_version
        if await tx.grants.consume(portal.id, found.grant.id, credential_version=version) is None:
            raise FormRefused(FieldRefused("code", "code_ended"))
        changed = account.with_proven_address(found.pending.address, tx.now + portal.address_wait)
        signed_in = None
        if changed.next_address is None:
            changed = replace(changed, credential_version=version + 1, changed_at=tx.now)
        if not await tx.accounts.change(changed, was=version):
            raise SessionEnded
        if changed.next_address is None:
            await grants.end_everything(tx, changed)
            await grants.record(tx, Event.ADDRESS_CHANGED, changed, found.grant.reference, client=caller.client)
            signed_in = await open_session(services, tx, changed, SessionKind.FULL, caller)
        else:
            await notify_old_address(services, tx, portal, changed, found.grant.reference, caller)
    services.bell.ring()
    return signed_in


async def apply_due(services: Services, tx: Transaction, account: Account) -> bool:
    """Let a proposed address count whose wait is over; ends grants and sessions (invariant 2)."""
    if account.next_address is None or account.next_address_at is None or account.next_address_at > tx.now:
        return False
    if account.next_address_canonical is None:
        return False
    proven = Address(account.next_address, account.next_address_canonical)
    changed = replace(
        replace(account, address=None).with_proven_address(proven, tx.now),
        credential_version=account.credential_version + 1,
        changed_at=tx.now,
    )
    if not await tx.accounts.change(changed, was=account.credential_version):
        return False
    await grants.end_everything(tx, changed)
    reference = services.new_reference()
    await grants.record(tx, Event.ADDRESS_CHANGED, changed, reference)
    portal = services.portals.get(account.portal)
    if portal is not None:
        await messages.queue(
            services,
            tx,
            portal,
            Template.ADDRESS_CHANGED,
            messages.letter_to(changed, at=tx.now),
            language=changed.language or portal.default_language,
            reference=reference,
        )
    return True


async def _current(services: Services, tx: Transaction, portal: Portal, who: SignedInAs) -> Account:
    account = await services.directory.get(tx, portal.id, who.account.id, lock=True)
    if account is None or account.credential_version != who.account.credential_version:
        raise SessionEnded
    return account
