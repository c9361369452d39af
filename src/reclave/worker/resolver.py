"""Resolving intakes: a batch in one transaction, and one by one where that fails.

A batch's rows stay locked until it is committed, so that it needs no lease. One by one, each claim is a lease with a
fence and each resolution a transaction.
"""

from collections.abc import Callable
from contextlib import ExitStack

import structlog

from reclave.domain.errors import SecretEnded
from reclave.domain.intake import Intake, Outcome
from reclave.domain.time import SECOND
from reclave.journeys.answering import Resolution
from reclave.journeys.services import Services
from reclave.ports.meter import RESOLUTIONS
from reclave.worker.answers import Lost, answer_all

LEASE = 30 * SECOND
BATCH = 64
_log = structlog.get_logger("reclave.worker")


def _always() -> bool:
    return True


async def resolve_some(services: Services, going_on: Callable[[], bool] = _always) -> int:
    """Resolve up to a batch of intakes; how many there were.

    One that fails keeps nobody waiting who stands behind it. Where they are resolved one by one and `going_on` says
    no, those that were only claimed are given back for another worker. Raises an `ExceptionGroup` of all that failed.
    """
    try:
        return await _resolve_together(services)
    except Exception:  # noqa: BLE001 - whatever failed, it fails alone next
        _log.warning("batch_failed", stage="resolve", exc_info=True)
    return await _resolve_singly(services, going_on)


async def _resolve_together(services: Services) -> int:
    with ExitStack() as around:
        async with services.store.transaction() as tx:
            intakes = await tx.intakes.take(limit=BATCH, lease=LEASE)
            if not intakes:
                return 0
            spans = [around.enter_context(services.tracer.span("resolve", **_said(intake))) for intake in intakes]
            resolutions = await answer_all(services, tx, intakes)
        for span, intake, resolution in zip(spans, intakes, resolutions, strict=True):
            span.note(outcome=resolution.outcome)
            _count(services, intake, resolution)
    return len(intakes)


async def _resolve_singly(services: Services, going_on: Callable[[], bool]) -> int:
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


def _count(services: Services, intake: Intake, resolution: Resolution) -> None:
    services.meter.count(RESOLUTIONS, portal=intake.portal, journey=intake.journey, outcome=resolution.outcome)


async def _resolve(services: Services, intake: Intake) -> Outcome | None:
    """How the intake ended; None where another worker ends it."""
    try:
        async with services.store.transaction() as tx:
            (resolution,) = await answer_all(services, tx, [intake])
    except Lost:
        _log.warning("lease_lost", stage="resolve", reference=intake.reference)
    except SecretEnded:
        # Another worker issued the account's grant between our look and our write: the lease brings it back.
        _log.info("issue_raced", reference=intake.reference)
    else:
        _count(services, intake, resolution)
        return resolution.outcome
    return None
