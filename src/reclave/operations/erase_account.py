"""Erasing an account (S50): what is the owner's goes, what proves what happened stays under an opaque id.

The audit trail is sealed and stays whole. It and the cases name the account by its random id, and clients by keyed
digests: with the account gone, nothing in the database leads from there to a person.
"""

from dataclasses import dataclass

from reclave.domain.accounts import Account
from reclave.domain.audit import Event
from reclave.domain.foreign_recipes import scheme_of
from reclave.domain.grants import Purpose
from reclave.domain.portal import Portal
from reclave.journeys import grants
from reclave.journeys.messages import letter_of
from reclave.journeys.services import Services
from reclave.operations.find_account import AccountNotFound, user_name
from reclave.operations.show_account import messages_to
from reclave.ports.outbox import Listed
from reclave.ports.store import Transaction
from reclave.ports.vault import Unsealable

_ALL = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How many rows of each kind go (or would go); `messages` are emptied, the rest is deleted."""

    identifiers: int
    facts: int
    grants: int
    sessions: int
    devices: int
    messages: int


async def what_would_go(services: Services, tx: Transaction, portal: Portal, account: Account) -> Erased:
    """What erasing the account would delete."""
    return Erased(
        identifiers=len(await services.directory.identifiers(tx, portal.id, account.id)),
        facts=len(await services.directory.facts(tx, portal.id, account.id)),
        grants=len(await tx.grants.recent(portal.id, account.id, list(Purpose), limit=_ALL)),
        sessions=len(await tx.sessions.of_account(portal.id, account.id)),
        devices=await tx.sessions.devices(portal.id, account.id),
        messages=len(await _own_messages(services, tx, account)),
    )


async def erase(services: Services, portal: Portal, account: Account, *, by: str) -> Erased:
    """Erase the account in one transaction; messages that were not sent yet are not sent. Raises `AccountNotFound`."""
    async with services.store.transaction() as tx:
        current = await services.directory.get(tx, portal.id, account.id, lock=True)
        if current is None:
            raise AccountNotFound("the account is gone: somebody has just erased it")
        gone = await what_would_go(services, tx, portal, current)
        subject = services.vault.digest("guess", portal.id, await user_name(services, tx, portal, account.id))
        for listed in await _own_messages(services, tx, current):
            await tx.outbox.erase(portal.id, listed.message.id)
        await tx.guesses.forgive(portal.id, subject)
        await tx.grants.erase(portal.id, account.id)
        await tx.sessions.erase(portal.id, account.id)
        await tx.accounts.erase(portal.id, account.id)
        scheme = scheme_of(current.password_hash)
        if scheme is not None and await tx.password_schemes.every(portal.id):
            await tx.password_schemes.count(portal.id, scheme, -1)
        await grants.record(tx, Event.ACCOUNT_ERASED, current, "", by=by)
    return gone


async def _own_messages(services: Services, tx: Transaction, account: Account) -> list[Listed]:
    """The messages to the account's address that are about no other account that shares it."""
    own = {grant.id for grant in await tx.grants.recent(account.portal, account.id, list(Purpose), limit=_ALL)}
    found = []
    for listed in await messages_to(services, tx, account, limit=_ALL):
        try:
            letter = letter_of(services, listed.message)
        except Unsealable:
            continue
        if {letter.account, *letter.accounts} - {""} <= {account.id} and set(listed.message.grants) <= own:
            found.append(listed)
    return found
