"""Resolving intakes: each claim is a lease with a fence, each resolution one transaction."""

from collections.abc import Awaitable, Callable, Mapping

import structlog

from reclave.domain.audit import Entry, Event
from reclave.domain.errors import SecretEnded
from reclave.domain.intake import Intake, Outcome
from reclave.domain.outbox import Template
from reclave.domain.portal import Portal
from reclave.domain.time import SECOND
from reclave.journeys import find_user_id, recover_user_name, reset_link, temporary_password
from reclave.journeys.answering import Resolution
from reclave.journeys.grants import issue_for_nobody
from reclave.journeys.messages import queue_for_nobody
from reclave.journeys.services import Services
from reclave.ports.meter import RESOLUTIONS
from reclave.ports.store import Transaction
from reclave.ports.vault import Unsealable

LEASE = 30 * SECOND
BATCH = 32
_log = structlog.get_logger("reclave.worker")
Resolve = Callable[[Services, Transaction, Portal, Intake], Awaitable[Resolution]]
JOURNEYS: Mapping[str, tuple[Resolve, Template]] = {
    temporary_password.JOURNEY: (temporary_password.resolve, Template.TEMPORARY_PASSWORD),
    reset_link.JOURNEY: (reset_link.resolve, Template.RESET_LINK),
    find_user_id.JOURNEY: (find_user_id.resolve, Template.USER_NAMES),
    recover_user_name.JOURNEY: (recover_user_name.resolve, Template.USER_NAMES),
}
"""How each journey's requests are resolved, and the mail that a match gets."""


class _Lost(Exception):
    """The lease ran out and another worker holds the intake: nothing of this attempt may stay."""


def _always() -> bool:
    return True


async def resolve_some(services: Services, going_on: Callable[[], bool] = _always) -> int:
    """Claim and resolve up to a batch of intakes; how many were claimed.

    One that fails keeps nobody waiting who stands behind it. Once `going_on` says no, those that were only claimed are
    given back for another worker. Raises an `ExceptionGroup` of all that failed.
    """
    async with services.store.transaction() as tx:
        intakes = await tx.intakes.claim(limit=BATCH, lease=LEASE)
    faults = []
    for number, intake in enumerate(intakes):
        if not going_on():
            async with services.store.transaction() as tx:
                await tx.intakes.release(intakes[number:])
            services.bell.ring()
            break
        try:
            with services.tracer.span("resolve", **_said(intake)) as span:
                span.note(outcome=await _resolve(services, intake) or "")
        except Exception as fault:  # noqa: BLE001 - raised below, with the others
            fault.add_note(f"resolving the request with the reference {intake.reference}")
            faults.append(fault)
    if faults:
        raise ExceptionGroup("requests that could not be resolved", faults)
    return len(intakes)


def _said(intake: Intake) -> dict[str, str]:
    return {"portal": intake.portal, "journey": intake.journey, "reference": intake.reference}


async def _resolve(services: Services, intake: Intake) -> Outcome | None:
    """How the intake ended; None where another worker ends it."""
    try:
        async with services.store.transaction() as tx:
            resolution = await _resolution(services, tx, intake)
            await _keep_claim(tx, intake, resolution)
            await tx.audit.add(
                Entry(
                    portal=intake.portal,
                    event=Event.RECOVERY_RESOLVED,
                    client=intake.client,
                    reference=intake.reference,
                    detail={"journey": intake.journey, "outcome": resolution.outcome},
                )
            )
    except _Lost:
        _log.warning("lease_lost", stage="resolve", reference=intake.reference)
    except SecretEnded:
        # Another worker issued the account's grant between our look and our write: the lease brings it back.
        _log.info("issue_raced", reference=intake.reference)
    else:
        outcome = resolution.outcome
        services.meter.count(RESOLUTIONS, portal=intake.portal, journey=intake.journey, outcome=outcome)
        return outcome
    return None


async def _keep_claim(tx: Transaction, intake: Intake, resolution: Resolution) -> None:
    if not await tx.intakes.resolve(intake, resolution.outcome, resolution.grants):
        raise _Lost


async def _resolution(services: Services, tx: Transaction, intake: Intake) -> Resolution:
    portal = services.portals.get(intake.portal)
    if portal is None or intake.journey not in JOURNEYS or intake.journey not in portal.terms:
        return Resolution(Outcome.STALE)
    resolve, template = JOURNEYS[intake.journey]
    try:
        resolution = await resolve(services, tx, portal, intake)
    except Unsealable:
        _log.error("intake_unsealable", reference=intake.reference)
        return Resolution(Outcome.STALE)
    if resolution.outcome is not Outcome.SENT:
        if template is not Template.USER_NAMES:
            await issue_for_nobody(services, tx, portal.id)
        await queue_for_nobody(services, tx, portal, template, language=intake.language, reference=intake.reference)
    return resolution
