"""Unlocking: forgetting the failed guesses at an account, and a password that «No fui yo» has blocked."""

from dataclasses import dataclass, replace

from reclave.domain.accounts import Account
from reclave.domain.audit import Event
from reclave.domain.portal import Portal
from reclave.journeys import grants
from reclave.journeys.services import Services
from reclave.operations.find_account import AccountNotFound, user_name


@dataclass(frozen=True, slots=True)
class Unlocked:
    """How many counters of guesses were forgotten, and whether a blocked password works again."""

    counters: int
    password: bool


async def unlock(services: Services, portal: Portal, account: Account, *, password: bool, by: str) -> Unlocked:
    """End every wait and pause for guesses at the account's user name, from whichever client and device.

    With `password`, one that its owner or an operator has blocked works again: ask the owner first.
    Raises `AccountNotFound`.
    """
    async with services.store.transaction() as tx:
        current = await services.directory.get(tx, portal.id, account.id, lock=True)
        if current is None:
            raise AccountNotFound("the account is gone: somebody has just erased it")
        subject = services.vault.digest("guess", portal.id, await user_name(services, tx, portal, account.id))
        forgiven = await tx.guesses.forgive(portal.id, subject)
        unblocked = password and current.password_blocked
        if unblocked:
            await tx.accounts.change(replace(current, password_blocked=False), was=current.credential_version)
        how = "unblocked" if unblocked else "as it was"
        await grants.record(tx, Event.ACCOUNT_UNLOCKED, current, "", by=by, counters=str(forgiven), password=how)
    return Unlocked(forgiven, unblocked)
