"""Disabling an account, and enabling it again: either ends its grants and sessions (invariant 2)."""

from dataclasses import replace

from reclave.domain.accounts import Account, Status
from reclave.domain.audit import Event
from reclave.domain.errors import ReclaveError
from reclave.journeys import grants
from reclave.journeys.password_schemes import count_change
from reclave.journeys.services import Services

_MAY_BE_DISABLED = {Status.ACTIVE, Status.AWAITING_FIRST_SIGN_IN}


class StatusUnchanged(ReclaveError):
    """The account's status does not allow the change; says which it has."""

    code = "status_unchanged"


async def disable(services: Services, account: Account, *, by: str) -> Account:
    """Disable an active account, or one that awaits its first sign-in. Raises `StatusUnchanged`.

    An initial password that was handed over is forgotten: enabled again, it would be taken for the owner's.
    """
    return await _change(services, account, Event.ACCOUNT_DISABLED, by)


async def enable(services: Services, account: Account, *, by: str) -> Account:
    """Enable a disabled account. Raises `StatusUnchanged`.

    One that never had a password awaits its first sign-in again, and needs a new initial password: the former one
    ended when it was disabled.
    """
    return await _change(services, account, Event.ACCOUNT_ENABLED, by)


async def _change(services: Services, account: Account, event: Event, by: str) -> Account:
    async with services.store.transaction() as tx:
        current = await services.directory.get(tx, account.portal, account.id, lock=True)
        if current is None:
            raise StatusUnchanged("the account is gone: somebody has just erased it")
        changed = replace(
            current,
            status=_next(current, event),
            password_hash=None if current.status is Status.AWAITING_FIRST_SIGN_IN else current.password_hash,
            credential_version=current.credential_version + 1,
            changed_at=tx.now,
        )
        if not await tx.accounts.change(changed, was=current.credential_version):
            raise StatusUnchanged("somebody has just changed the account: look at it and try again")
        await grants.end_everything(tx, changed)
        await grants.record(tx, event, changed, "", by=by, was=current.status, status=changed.status)
        await count_change(tx, current, changed.password_hash)
    return changed


def _next(account: Account, event: Event) -> Status:
    if event is Event.ACCOUNT_DISABLED:
        if account.status not in _MAY_BE_DISABLED:
            raise StatusUnchanged(f"the account is {account.status}: it cannot be used anyway")
        return Status.DISABLED
    if account.status is not Status.DISABLED:
        raise StatusUnchanged(f"the account is {account.status}, not disabled")
    return Status.AWAITING_FIRST_SIGN_IN if account.password_hash is None else Status.ACTIVE
