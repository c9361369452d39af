"""A signed-in person changes the password; the current one is asked for (S18, S31)."""

from dataclasses import replace

from reclave.domain.audit import Event
from reclave.domain.errors import FieldRefused, FormRefused, SessionEnded
from reclave.domain.outbox import Template
from reclave.domain.passwords import normalise
from reclave.domain.portal import Portal
from reclave.domain.sessions import SessionKind
from reclave.domain.throttle import PAUSE_AFTER, Guess
from reclave.journeys import grants
from reclave.journeys.new_password import check_new_password, is_too_large
from reclave.journeys.register_details import notify_change
from reclave.journeys.services import Caller, Services
from reclave.journeys.sessions import SignedInAs
from reclave.journeys.sign_in import SignedIn, open_session


async def change_password(
    services: Services,
    portal: Portal,
    who: SignedInAs,
    current: str,
    password: str,
    repeated: str,
    caller: Caller,
) -> SignedIn:
    """Set a new password, end every other session and grant, and go on in a new session (S27).

    Raises `FormRefused`, `SessionEnded`, `Overloaded`.
    """
    refused = check_new_password(
        portal, password, repeated, identifier=who.identifier, address=who.account.address_canonical
    )
    if password and password == current:
        refused.append(FieldRefused("password", "password_same_as_current"))
    if refused:
        if not current:
            refused.insert(0, FieldRefused("current", "password_missing"))
        raise FormRefused(*refused)
    await confirm_current_password(services, portal, who, current, caller)
    hashed = await services.hasher.hash(normalise(password))
    async with services.store.transaction() as tx:
        account = await services.directory.get(tx, portal.id, who.account.id, lock=True)
        version = who.account.credential_version
        if account is None or account.credential_version != version:
            raise SessionEnded
        changed = replace(account, password_hash=hashed, credential_version=version + 1, changed_at=tx.now)
        if not await tx.accounts.change(changed, was=version):
            raise SessionEnded
        await grants.end_everything(tx, changed)
        reference = services.new_reference()
        await grants.record(tx, Event.PASSWORD_CHANGED, changed, reference, client=caller.client, device=caller.device)
        await notify_change(services, tx, portal, changed, Template.PASSWORD_CHANGED, reference, caller)
        signed_in = await open_session(services, tx, changed, SessionKind.FULL, caller)
    services.bell.ring()
    return signed_in


async def confirm_current_password(
    services: Services, portal: Portal, who: SignedInAs, current: str, caller: Caller
) -> None:
    """Compare the current password, counted beside sign-in's own counters (S23, S31).

    Raises `FormRefused` on `current`.
    """
    if not current:
        raise FormRefused(FieldRefused("current", "password_missing"))
    if is_too_large(current):
        raise FormRefused(FieldRefused("current", "current_wrong"))
    subject = services.vault.digest("guess", portal.id, who.identifier, who.session.digest)
    with services.hasher.reserved() as hasher:
        async with services.store.transaction() as tx:
            everyone = services.vault.digest("guess", portal.id, who.identifier)
            wait = await tx.guesses.count(portal.id, Guess.PASSWORD, subject, identifier=everyone)
            tally = await tx.guesses.tally(portal.id, Guess.PASSWORD, subject)
        if wait or tally.failures > PAUSE_AFTER:
            raise FormRefused(FieldRefused("current", "throttled", wait=wait))
        fits = await hasher.verify(who.account.password_hash, normalise(current))
    if not fits:
        async with services.store.transaction() as tx:
            event = Event.CURRENT_PASSWORD_REFUSED
            await grants.record(tx, event, who.account, "", client=caller.client, device=caller.device)
        raise FormRefused(FieldRefused("current", "current_wrong"))
    async with services.store.transaction() as tx:
        await tx.guesses.reset(portal.id, Guess.PASSWORD, subject)
