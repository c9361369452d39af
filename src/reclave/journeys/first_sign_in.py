"""First sign-in (P2, P3): an initial password of the account's own, handed over by the operator.

The initial password is a grant's temporary password: derived, kept nowhere, good for its first use only (S15). Or it
was given by an operator, one each or one for all, and the account keeps its hash: it opens the account's grant, and
nothing when that has ended. What it opens is in `register_details`.
"""

from collections.abc import Iterable
from dataclasses import replace

from reclave.domain.accounts import Account, Status
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.portal import Portal
from reclave.domain.secrets import Presentation
from reclave.journeys import grants
from reclave.journeys.password_schemes import count_change
from reclave.journeys.services import Services
from reclave.ports.store import Transaction

SHARED = b"shared"
"""The context of an activation grant whose initial password was given to other accounts too."""


async def initial_password(services: Services, tx: Transaction, account: Account) -> str | None:
    """The initial password that an account holds, derived again; None when it has none that lives."""
    recent = await tx.grants.recent(account.portal, account.id, {Purpose.ACTIVATE}, limit=1)
    if not recent or not recent[0].live(tx.now) or account.password_hash is not None:
        return None
    return services.vault.secret(recent[0].bound(services.vault.epoch))


async def invite(services: Services, tx: Transaction, portal: Portal, account: Account) -> str:
    """Issue an account's initial password, ending the one before; the operator hands it over on paper."""
    grant = await _activation(services, tx, portal, account, b"")
    if account.password_hash is not None:
        await tx.accounts.change(replace(account, password_hash=None), was=account.credential_version)
        await count_change(tx, account, None)
    return services.vault.secret(grant.bound(services.vault.epoch))


async def given(
    services: Services, tx: Transaction, portal: Portal, account: Account, *, shared: bool = False
) -> Grant:
    """Let the password whose hash an account has be its initial password, ending the one before.

    A `shared` one, which several accounts have, opens only what a code to the registered address confirms (S15).
    """
    return await _activation(services, tx, portal, account, SHARED if shared else b"")


def opened_by_given(account: Account, recent: Iterable[Grant]) -> Grant | None:
    """The grant, live or ended, that an account's given initial password opens."""
    if account.status is not Status.AWAITING_FIRST_SIGN_IN or account.password_blocked:
        return None
    return next((grant for grant in recent if grant.purpose is Purpose.ACTIVATE), None)


async def _activation(services: Services, tx: Transaction, portal: Portal, account: Account, context: bytes) -> Grant:
    await tx.grants.end_all(portal.id, account.id, State.REPLACED, purposes={Purpose.ACTIVATE})
    return await grants.issue(
        services,
        tx,
        account,
        purpose=Purpose.ACTIVATE,
        presentation=Presentation.TEMPORARY_PASSWORD,
        expires_at=tx.now + portal.first_sign_in_lifetime,
        reference=services.new_reference(),
        context=context,
    )
