"""Resolving intakes: each claim is a lease with a fence, each resolution one transaction."""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from reclave.domain.audit import Entry, Event
from reclave.domain.errors import SecretEnded
from reclave.domain.intake import Intake, Outcome
from reclave.domain.portal import Portal
from reclave.domain.time import SECOND
from reclave.journeys import temporary_password
from reclave.journeys.grants import issue_for_nobody
from reclave.journeys.messages import queue_for_nobody
from reclave.journeys.services import Services
from reclave.ports.store import Transaction
from reclave.ports.vault import Unsealable

LEASE = 30 * SECOND
BATCH = 32
_log = structlog.get_logger("reclave.worker")
Resolve = Callable[[Services, Transaction, Portal, Intake], Awaitable[Outcome]]
JOURNEYS: Mapping[str, Resolve] = {temporary_password.JOURNEY: temporary_password.resolve}


class _Lost(Exception):
    """The lease ran out and another worker holds the intake: nothing of this attempt may stay."""


async def resolve_some(services: Services) -> int:
    """Claim and resolve up to a batch of intakes; how many were claimed.

    One that fails keeps nobody waiting who stands behind it. Raises an `ExceptionGroup` of all that failed.
    """
    async with services.store.transaction() as tx:
        intakes = await tx.intakes.claim(limit=BATCH, lease=LEASE)
    faults = []
    for intake in intakes:
        try:
            await _resolve(services, intake)
        except Exception as fault:  # noqa: BLE001 - raised below, with the others
            fault.add_note(f"resolving the request with the reference {intake.reference}")
            faults.append(fault)
    if faults:
        raise ExceptionGroup("requests that could not be resolved", faults)
    return len(intakes)


async def _resolve(services: Services, intake: Intake) -> None:
    try:
        async with services.store.transaction() as tx:
            outcome = await _outcome(services, tx, intake)
            await _keep_claim(tx, intake, outcome)
            await tx.audit.add(
                Entry(
                    portal=intake.portal,
                    event=Event.RECOVERY_RESOLVED,
                    client=intake.client,
                    reference=intake.reference,
                    detail={"journey": intake.journey, "outcome": outcome},
                )
            )
    except _Lost:
        _log.warning("lease_lost", stage="resolve", reference=intake.reference)
    except SecretEnded:
        # Another worker issued the account's grant between our look and our write: the lease brings it back.
        _log.info("issue_raced", reference=intake.reference)


async def _keep_claim(tx: Transaction, intake: Intake, outcome: Outcome) -> None:
    if not await tx.intakes.resolve(intake, outcome):
        raise _Lost


async def _outcome(services: Services, tx: Transaction, intake: Intake) -> Outcome:
    portal = services.portals.get(intake.portal)
    resolve = JOURNEYS.get(intake.journey)
    if portal is None or resolve is None:
        return Outcome.STALE
    try:
        outcome = await resolve(services, tx, portal, intake)
    except Unsealable:
        _log.error("intake_unsealable", reference=intake.reference)
        return Outcome.STALE
    if outcome is not Outcome.SENT:
        await issue_for_nobody(services, tx, portal.id)
        await queue_for_nobody(services, tx, portal, language=intake.language, reference=intake.reference)
    return outcome
