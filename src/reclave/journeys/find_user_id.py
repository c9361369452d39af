"""«Buscar ID» (A4–A9): the user name of the one account that matches everything typed.

With `reveal = "mail"` it goes to the registered address and the page is the same for everybody. With
`reveal = "screen"` the page says it, which breaks S1 by its nature: limits on everything that is a person's, a
budget a day for the portal with an alarm, and equal work whether or not there is a match.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from reclave.domain.accounts import Account
from reclave.domain.audit import Entry, Event
from reclave.domain.errors import FieldRefused, FormRefused, Throttled
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.portal import CLASSIFICATION, Classification, Portal
from reclave.domain.time import DAY
from reclave.journeys.answering import Opened, Resolution, answer_with_names, matching
from reclave.journeys.asking import Asked, Facts, accept, costs, read_facts
from reclave.journeys.ledger import Writing
from reclave.journeys.services import Caller, Services
from reclave.ports.store import Transaction

JOURNEY = "find_user_id"
_OF_COMPANIES = {"co.nit", "ec.ruc"}
_NOBODY = "nobody"
_log = structlog.get_logger("reclave.journeys")


@dataclass(frozen=True, slots=True)
class Found:
    """The user name (canonical) that everything typed leads to; None where it leads to none, or to several."""

    identifier: str | None


def classification_of(portal: Portal, typed: str) -> Classification | None:
    """The classification with this id."""
    return next((one for one in portal.file.classification if one.id == typed), None)


def read(services: Services, portal: Portal, typed: Mapping[str, str]) -> dict[str, str]:
    """The facts that the chosen classification requires; what it locks is not read (A5, A6). Raises `FormRefused`."""
    chosen = classification_of(portal, typed.get(CLASSIFICATION, ""))
    if chosen is None:
        raise FormRefused(FieldRefused(CLASSIFICATION, "classification_missing"))
    return {CLASSIFICATION: chosen.id, **read_facts(services, portal, chosen.requires, typed)}


async def ask(services: Services, portal: Portal, typed: Mapping[str, str], caller: Caller) -> Asked:
    """Accept a request that is answered by mail. Raises `FormRefused`."""
    return await accept(services, portal, JOURNEY, read(services, portal, typed), caller)


async def resolve(services: Services, tx: Writing, opened: Opened) -> Resolution:
    """Queue a mail with the user name to the registered address."""
    return await answer_with_names(services, tx, opened)


async def find(services: Services, portal: Portal, typed: Mapping[str, str], caller: Caller) -> Found:
    """Look the user name up for the screen. Raises `FormRefused`, `Throttled` (honest: too many attempts)."""
    services.switchboard.check(portal.id, JOURNEY, services.clock.now())
    facts = read(services, portal, typed)
    taken = _costs(services, portal, facts, caller)
    async with services.store.transaction() as tx:
        # By itself: the budget is one row, which nobody else gets before this transaction ends.
        passed = await tx.limits.take(taken)
    async with services.store.transaction() as tx:
        wait = max((cost.limit.interval for cost, took in zip(taken, passed, strict=True) if not took), default=0)
        if not passed[-1]:
            _log.error("user_id_budget_spent", portal=portal.id)
            await tx.audit.add(Entry(portal=portal.id, event=Event.USER_ID_BUDGET_SPENT, client=caller.client))
        found = await _only(services, tx, portal, facts)
        named = await services.directory.identifiers(tx, portal.id, found.id if found else _NOBODY)
        event = Event.USER_ID_FOUND if found and not wait else Event.USER_ID_NOT_FOUND
        await tx.audit.add(
            Entry(
                portal=portal.id,
                event=event,
                account=found.id if found else None,
                client=caller.client,
                detail={"device": caller.device},
            )
        )
    if wait:
        raise Throttled(wait)
    field = portal.file.sign_in.identifier
    return Found(next((one.value for one in named if one.field == field), None))


async def _only(services: Services, tx: Transaction, portal: Portal, facts: Facts) -> Account | None:
    found = [one for one in await matching(services, tx, portal, facts) if one.can_recover()]
    return found[0] if len(found) == 1 else None


def _costs(services: Services, portal: Portal, facts: Facts, caller: Caller) -> tuple[Cost, ...]:
    """Whatever typed is a person's counts for itself, so that a guesser cannot vary the rest; the budget last."""
    terms = portal.terms[JOURNEY]
    journey = portal.file.journeys.find_user_id
    personal = [name for name in facts if name != CLASSIFICATION and not _OF_COMPANIES & set(portal.field(name).kinds)]
    by_client = [limit for limit in terms.limits if limit.scope is not Scope.IDENTIFIER]
    by_person = [limit for limit in terms.limits if limit.scope is Scope.IDENTIFIER]
    taken = costs(services, portal, JOURNEY, by_client, {Scope.CLIENT: caller.client, Scope.PORTAL: b""})
    for name in personal or facts:
        typed = services.vault.digest("identifier", portal.id, JOURNEY, name, facts[name])
        taken += costs(services, portal, JOURNEY, by_person, {Scope.IDENTIFIER: typed})
    budget = Limit(journey.daily_budget if journey else 1, DAY, Scope.PORTAL)
    key = services.vault.digest("limit", portal.id, JOURNEY, "daily_budget")
    return (*taken, Cost(key, budget))
