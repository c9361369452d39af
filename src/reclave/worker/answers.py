"""Answering intakes within one transaction: each step for all of them, each of them as if it were alone."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from reclave.domain.accounts import Account
from reclave.domain.audit import Entry, Event
from reclave.domain.intake import Intake, Outcome
from reclave.domain.outbox import Message, Template
from reclave.domain.portal import Portal
from reclave.journeys import find_user_id, recover_user_name, reset_link, temporary_password
from reclave.journeys.answering import Opened, Resolution, matching_each
from reclave.journeys.asking import Typed, typed_in
from reclave.journeys.grants import issue_for_nobody
from reclave.journeys.ledger import Ledger, Writing, open_ledger
from reclave.journeys.messages import queue_for_nobody
from reclave.journeys.services import Services
from reclave.ports.store import Transaction
from reclave.ports.vault import Unsealable

_log = structlog.get_logger("reclave.worker")
Resolve = Callable[[Services, Writing, Opened], Awaitable[Resolution]]
JOURNEYS: Mapping[str, tuple[Resolve, Template]] = {
    temporary_password.JOURNEY: (temporary_password.resolve, Template.TEMPORARY_PASSWORD),
    reset_link.JOURNEY: (reset_link.resolve, Template.RESET_LINK),
    find_user_id.JOURNEY: (find_user_id.resolve, Template.USER_NAMES),
    recover_user_name.JOURNEY: (recover_user_name.resolve, Template.USER_NAMES),
}
"""How each journey's requests are resolved, and the mail that a match gets."""


class Lost(Exception):
    """The lease ran out and another worker holds an intake: nothing of this attempt may stay."""


async def answer_all(
    services: Services, tx: Transaction, intakes: Sequence[Intake], *, claim: int = 0
) -> tuple[list[Resolution], list[Message]]:
    """Answer intakes in their order; claim so many of the mails that follow for who sends them at once, and give these.

    Raises `Lost`, or `SecretEnded` where another worker issued a grant meanwhile.
    """
    opened, touched = await _open(services, tx, intakes)
    ledger, rehearsed = await open_ledger(tx, touched), Ledger(tx.now, {})
    resolutions = []
    for intake in intakes:
        one = opened.get(intake.id)
        resolution = await _answer(services, ledger, rehearsed, one) if one else Resolution(Outcome.STALE)
        await ledger.audit.add(_resolved(intake, resolution))
        resolutions.append(resolution)
    async with tx.rehearsal() as undone:
        await rehearsed.write_grants(undone)
    claimed = await ledger.write(tx, claim=claim)
    ended = [(intake, each.outcome, each.grants) for intake, each in zip(intakes, resolutions, strict=True)]
    if not await tx.intakes.resolve_all(ended):
        raise Lost
    return resolutions, claimed


async def _open(
    services: Services, tx: Transaction, intakes: Sequence[Intake]
) -> tuple[Mapping[bytes, Opened], Mapping[str, set[str]]]:
    """What can be answered, by intake; by portal, the accounts whose rows are locked, or would be if they existed."""
    read = [each for intake in intakes if (each := _read(services, intake))]
    matches = await matching_each(services, tx, [(portal, typed.facts) for portal, _, typed in read])
    touched: dict[str, set[str]] = defaultdict(set)
    for (portal, intake, _), found in zip(read, matches, strict=True):
        if JOURNEYS[intake.journey][1] is not Template.USER_NAMES:
            touched[portal.id] |= {account.id for account in found if account.can_recover()} or {_nobody_of(intake)}
    locked: dict[str, Mapping[str, Account]] = defaultdict(dict)
    for portal_id, accounts in sorted(touched.items()):
        locked[portal_id] = await services.directory.get_all(tx, portal_id, accounts, lock=True)
    opened = {
        intake.id: Opened(portal, intake, typed, found, locked[portal.id])
        for (portal, intake, typed), found in zip(read, matches, strict=True)
    }
    return opened, touched


def _read(services: Services, intake: Intake) -> tuple[Portal, Intake, Typed] | None:
    portal = services.portals.get(intake.portal)
    if portal is None or intake.journey not in JOURNEYS or intake.journey not in portal.terms:
        return None
    try:
        typed = typed_in(services, intake)
    except Unsealable:
        _log.error("intake_unsealable", reference=intake.reference)
        return None
    return None if typed is None else (portal, intake, typed)


async def _answer(services: Services, ledger: Ledger, rehearsed: Ledger, opened: Opened) -> Resolution:
    portal, intake = opened.portal, opened.intake
    resolve, template = JOURNEYS[intake.journey]
    resolution = await resolve(services, ledger, opened)
    if resolution.outcome is not Outcome.SENT:
        if template is not Template.USER_NAMES:
            await issue_for_nobody(services, rehearsed, portal.id, _nobody_of(intake))
        await queue_for_nobody(services, ledger, portal, template, language=intake.language, reference=intake.reference)
    return resolution


def _nobody_of(intake: Intake) -> str:
    """The id of an account that does not exist, of each request's own: a batch may hold many that match nobody."""
    return f"nobody-{intake.id.hex()}"


def _resolved(intake: Intake, resolution: Resolution) -> Entry:
    return Entry(
        portal=intake.portal,
        event=Event.RECOVERY_RESOLVED,
        client=intake.client,
        reference=intake.reference,
        detail={"journey": intake.journey, "outcome": resolution.outcome},
    )
