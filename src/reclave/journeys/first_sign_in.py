"""First sign-in (P2, P3): an initial password of the account's own, handed over by the operator.

The initial password is a grant's temporary password: derived, kept nowhere, good for its first use only (S15).
What it opens is in `register_details`.
"""

from reclave.domain.accounts import Account
from reclave.domain.grants import Purpose, State
from reclave.domain.portal import Portal
from reclave.domain.secrets import Presentation
from reclave.journeys import grants
from reclave.journeys.services import Services
from reclave.ports.store import Transaction


async def initial_password(services: Services, tx: Transaction, account: Account) -> str | None:
    """The initial password that an account holds, derived again; None when it has none that lives."""
    recent = await tx.grants.recent(account.portal, account.id, {Purpose.ACTIVATE}, limit=1)
    if not recent or not recent[0].live(tx.now):
        return None
    return services.vault.secret(recent[0].bound(services.vault.epoch))


async def invite(services: Services, tx: Transaction, portal: Portal, account: Account) -> str:
    """Issue an account's initial password, ending the one before; the operator hands it over on paper."""
    await tx.grants.end_all(portal.id, account.id, State.REPLACED, purposes={Purpose.ACTIVATE})
    grant = await grants.issue(
        services,
        tx,
        account,
        purpose=Purpose.ACTIVATE,
        presentation=Presentation.TEMPORARY_PASSWORD,
        expires_at=tx.now + portal.first_sign_in_lifetime,
        reference=services.new_reference(),
    )
    return services.vault.secret(grant.bound(services.vault.epoch))
