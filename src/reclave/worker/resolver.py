"""Resolving intakes: a batch in one transaction, and one by one where that fails.

A batch's rows stay locked until it is committed, so that it needs no lease. One by one, each claim is a lease with a
fence and each resolution a transaction.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Protocol

import structlog

from reclave.domain.errors import SecretEnded, StoreAway
from reclave.domain.intake import Intake, Outcome
from reclave.domain.outbox import Message
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


class Takes(Protocol):
    """Who takes mails over as soon as they are written: the sender."""

    def reserve(self, most: int) -> int:
        """Keep places for mails that are about to be claimed; how many there are."""

    def take_over(self, claimed: Sequence[Message], reserved: int) -> None:
        """Send what was claimed for the places that were reserved, and give the others back."""


async def resolve_some(services: Services, going_on: Callable[[], bool] = _always, sender: Takes | None = None) -> int:
    """Resolve up to a batch of intakes; how many there were. What `sender` has places for is handed over to it.

    One that fails keeps nobody waiting who stands behind it. Where they are resolved one by one and `going_on` says
    no, those that were only claimed are given back for another worker. Raises `StoreAway`, and an `ExceptionGroup` of
    all that failed one by one.
    """
    try:
        return await _resolve_together(services, sender)
    except StoreAway:
        raise
    except Exception:  # noqa: BLE001 - whatever failed, it fails alone next
        _log.warning("batch_failed", stage="resolve", exc_info=True)
    return await _resolve_singly(services, going_on)


async def _resolve_together(services: Services, sender: Takes | None = None) -> int:
    places = sender.reserve(BATCH) if sender else 0
    claimed: Sequence[Message] = ()
    with ExitStack() as around:
        if sender:
            around.callback(lambda: sender.take_over(claimed, places))
        async with services.store.transaction() as tx:
            intakes = await tx.intakes.take(limit=BATCH, lease=LEASE)
            if not intakes:
                return 0
            spans = [around.enter_context(services.tracer.span("resolve", **_said(intake))) for intake in intakes]
            resolutions, written = await answer_all(services, tx, intakes, claim=places)
        claimed = written  # not before they are committed
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
            (resolution,), _ = await answer_all(services, tx, [intake])
    except Lost:
        _log.warning("lease_lost", stage="resolve", reference=intake.reference)
    except SecretEnded:
        # Another worker issued the account's grant between our look and our write: the lease brings it back.
        _log.info("issue_raced", reference=intake.reference)
    else:
        _count(services, intake, resolution)
        return resolution.outcome
    return None
