"""Recovery by a temporary password sent to the registered address (P4–P6).

`ask` is the half that a page calls: it never looks an account up. `resolve` is the worker's half: it finds the
accounts and queues the mail. What the temporary password opens is in `register_details`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from reclave.domain.accounts import Account
from reclave.domain.addresses import AddressRefused, parse_address
from reclave.domain.errors import FieldRefused
from reclave.domain.grants import Grant, Purpose
from reclave.domain.intake import Admission, Intake, Outcome, Request
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.outbox import Template
from reclave.domain.portal import Portal
from reclave.domain.secrets import Presentation, digest_of
from reclave.journeys import grants
from reclave.journeys.messages import letter_to, queue
from reclave.journeys.services import Caller, Services
from reclave.ports.store import Transaction

JOURNEY = "temporary_password"
_SEAL = "intake"


class Fields(msgspec.Struct, frozen=True):
    """What an intake of this journey keeps sealed until it is resolved."""

    address: str
    device: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the waiting page may know: nothing of any account."""

    address: str
    reference: str
    handle: bytes
    cooling: bool


async def ask(services: Services, portal: Portal, typed_address: str, caller: Caller) -> Asked:
    """Accept a request for a temporary password; committed when this returns.

    Raises `FieldRefused` (email) for an address that is none. Over a limit the answer is the same.
    """
    try:
        address = parse_address(typed_address, special_use=services.special_use_domains)
    except AddressRefused as refused:
        raise FieldRefused("email", refused.code, **refused.detail) from refused
    identifier = services.vault.digest("identifier", portal.id, JOURNEY, address.canonical)
    asked_for = services.new_id()
    handle = services.new_id()
    reference = services.new_reference()
    sealed = services.vault.seal(_SEAL, msgspec.json.encode(Fields(address.canonical, caller.device)), asked_for)
    admission = await services.store.accept(
        Request(
            portal=portal.id,
            id=asked_for,
            journey=JOURNEY,
            sealed_fields=sealed,
            identifier=identifier,
            client=caller.client,
            language=caller.language,
            waiting=digest_of(handle),
            reference=reference,
            cooldown=_cooldown(services, portal, identifier),
            costs=_costs(services, portal, identifier, caller.client),
        )
    )
    if admission is Admission.ACCEPTED:
        services.bell.ring()
    return Asked(typed_address.strip(), reference, handle, admission is Admission.COOLING)


async def resolve(services: Services, tx: Transaction, portal: Portal, intake: Intake) -> Outcome:
    """Find the accounts of the address and queue one mail that lists each with its own temporary password (P6)."""
    if intake.sealed_fields is None:
        return Outcome.STALE
    fields = msgspec.json.decode(services.vault.open(_SEAL, intake.sealed_fields, intake.id), type=Fields)
    found = await services.directory.by_address(tx, portal.id, fields.address)
    recoverable = [account for account in found if account.can_recover()]
    answered: list[tuple[Account, Grant]] = []
    for candidate in sorted(recoverable, key=lambda account: account.id):
        account = await services.directory.get(tx, portal.id, candidate.id, lock=True)
        if account is None or not account.can_recover() or account.address_canonical != fields.address:
            continue
        grant = await grants.grant_for_request(
            services,
            tx,
            account,
            intake,
            purpose=Purpose.SET_PASSWORD,
            presentation=Presentation.TEMPORARY_PASSWORD,
            lifetime=portal.temporary_password_lifetime,
        )
        if grant is not None:
            answered.append((account, grant))
    if not answered:
        return Outcome.COALESCED if recoverable else Outcome.NO_MATCH
    await _queue_mail(services, tx, portal, intake, answered, fields.device)
    return Outcome.SENT


async def _queue_mail(
    services: Services,
    tx: Transaction,
    portal: Portal,
    intake: Intake,
    answered: Sequence[tuple[Account, Grant]],
    device: str,
) -> None:
    first = answered[0][0]
    report = await grants.report_grant(services, tx, first, reference=intake.reference, context=grants.ASKED)
    await queue(
        services,
        tx,
        portal,
        Template.TEMPORARY_PASSWORD,
        letter_to(first, at=intake.accepted_at, place=device),
        language=intake.language,
        reference=intake.reference,
        grants=[grant for _, grant in answered],
        report=report,
        needs_grant=True,
    )


def _cooldown(services: Services, portal: Portal, identifier: bytes) -> Cost:
    key = services.vault.digest("limit", portal.id, Scope.COOLDOWN, identifier)
    return Cost(key, Limit(1, portal.cooldown, Scope.COOLDOWN))


def _costs(services: Services, portal: Portal, identifier: bytes, client: bytes) -> tuple[Cost, ...]:
    counted_by = {Scope.IDENTIFIER: identifier, Scope.CLIENT: client, Scope.PORTAL: b""}
    return tuple(
        Cost(services.vault.digest("limit", portal.id, JOURNEY, limit.scope, counted_by[limit.scope]), limit)
        for limit in portal.limits
    )
