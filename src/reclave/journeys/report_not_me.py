"""«No fui yo» (B4): the link in every mail that ends what somebody else began, and opens a case.

Before a change it ends the grants; after it, it ends the sessions and blocks the new password until a recovery
through the registered address or the help desk; for a change of address, it stops the new address.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from reclave.domain.accounts import Account
from reclave.domain.audit import Event
from reclave.domain.cases import Case, CaseKind
from reclave.domain.errors import FieldRefused, FormRefused, SecretEnded
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.portal import Portal
from reclave.journeys import grants
from reclave.journeys.services import Caller, Services
from reclave.ports.store import Transaction

_PURPOSES = {Purpose.REPORT, Purpose.REVERT_ADDRESS}
_RECOVERY = {Purpose.SET_PASSWORD, Purpose.CONFIRM_ADDRESS}


class Kind(StrEnum):
    """What a report is about."""

    ASKED = "asked"
    CHANGED = "changed"
    ADDRESS = "address"


_CASES = {
    Kind.ASKED: CaseKind.NOT_ME_BEFORE_CHANGE,
    Kind.CHANGED: CaseKind.NOT_ME_AFTER_CHANGE,
    Kind.ADDRESS: CaseKind.NOT_ME_ADDRESS,
}


@dataclass(frozen=True, slots=True)
class Report:
    """What the page may say about the link that was opened; `identifier` is canonical."""

    kind: Kind
    identifier: str
    reference: str


async def look(services: Services, portal: Portal, token: str) -> Report:
    """What a report link is about. Changes nothing. Raises `SecretEnded`."""
    async with services.store.reading() as tx:
        grant = await grants.grant_of_token(services, tx, portal.id, token, _PURPOSES)
        account = await _account(services, tx, portal, grant)
        identifiers = await services.directory.identifiers(tx, portal.id, account.id)
    field = portal.file.sign_in.identifier
    return Report(_kind(grant), next((i.value for i in identifiers if i.field == field), ""), grant.reference)


async def confirm(services: Services, portal: Portal, token: str, confirmed: bool, caller: Caller) -> Report:
    """Act on the report, once. Raises `SecretEnded`, and `FormRefused` while the box is not ticked (S12)."""
    report = await look(services, portal, token)
    if not confirmed:
        raise FormRefused(FieldRefused("confirm", "confirm_not_ticked"))
    async with services.store.transaction() as tx:
        grant = await grants.grant_of_token(services, tx, portal.id, token, _PURPOSES)
        account = await _account(services, tx, portal, grant, lock=True)
        consumed = await tx.grants.consume(portal.id, grant.id, credential_version=account.credential_version)
        if consumed is None:
            raise SecretEnded(State.CONSUMED)
        reference = services.new_reference()
        await grants.record(tx, Event.REPORTED_NOT_ME, account, grant.reference, client=caller.client, kind=report.kind)
        await _act(tx, services, account, report.kind)
        case = Case(
            portal=portal.id,
            id=grant.id,
            account=account.id,
            kind=_CASES[report.kind],
            reference=reference,
            opened_at=tx.now,
        )
        await tx.cases.open(case)
        await grants.record(tx, Event.CASE_OPENED, account, reference, kind=case.kind)
    return replace(report, reference=reference)


async def reported(services: Services, portal: Portal, token: str) -> Report | None:
    """The report that a used link made, for a person whose browser lost the answer; None where there is none."""
    async with services.store.reading() as tx:
        try:
            grant = await grants.true_grant(services, tx, portal.id, token, _PURPOSES)
        except SecretEnded:
            return None
        cases = await tx.cases.of_account(portal.id, grant.account)
    return next((Report(_kind(grant), "", case.reference) for case in cases if case.id == grant.id), None)


async def _act(tx: Transaction, services: Services, account: Account, kind: Kind) -> None:
    if kind is Kind.ASKED:
        for other in await services.directory.by_address(tx, account.portal, account.address_canonical or ""):
            await tx.grants.end_all(other.portal, other.id, State.REVOKED, purposes=_RECOVERY)
            await grants.record(tx, Event.GRANT_ENDED, other, "", how=State.REVOKED)
        return
    changed = replace(
        account,
        next_address=None,
        next_address_canonical=None,
        next_address_at=None,
        password_blocked=True,
        credential_version=account.credential_version + 1,
        changed_at=tx.now,
    )
    if not await tx.accounts.change(changed, was=account.credential_version):
        raise SecretEnded(State.REPLACED)
    await grants.end_everything(tx, changed)


async def _account(services: Services, tx: Transaction, portal: Portal, grant: Grant, *, lock: bool = False) -> Account:
    account = await services.directory.get(tx, portal.id, grant.account, lock=lock)
    if account is None or account.credential_version != grant.credential_version:
        raise SecretEnded(State.REPLACED)
    return account


def _kind(grant: Grant) -> Kind:
    if grant.purpose is Purpose.REVERT_ADDRESS:
        return Kind.ADDRESS
    return Kind.CHANGED if grant.context == grants.CHANGED else Kind.ASKED
