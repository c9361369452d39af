"""What resolving a request shares: the accounts that everything typed matches, their grants, one mail."""

from collections.abc import Sequence
from dataclasses import dataclass

from reclave.domain.accounts import Account
from reclave.domain.grants import Grant, Purpose
from reclave.domain.intake import Intake, Outcome
from reclave.domain.outbox import Template
from reclave.domain.portal import CLASSIFICATION, EMAIL, Portal
from reclave.domain.secrets import Presentation
from reclave.journeys import grants
from reclave.journeys.asking import Facts, typed_in
from reclave.journeys.messages import letter_to, queue
from reclave.journeys.services import Services
from reclave.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class Resolution:
    """How an intake ends, and the grants that answer it."""

    outcome: Outcome
    grants: tuple[bytes, ...] = ()


async def matching(services: Services, tx: Transaction, portal: Portal, facts: Facts) -> list[Account]:
    """The accounts of which everything typed is true, in a stable order."""
    identifier = portal.file.sign_in.identifier
    known = {name: value for name, value in facts.items() if name not in {EMAIL, identifier}}
    if identifier in facts and identifier != EMAIL:
        named = await services.directory.by_identifier(tx, portal.id, identifier, facts[identifier])
        candidates = [named] if named else []
        if known:
            of_named = await services.directory.facts(tx, portal.id, named.id if named else "")
            candidates = candidates if known.items() <= of_named.items() else []
    elif set(known) - {CLASSIFICATION}:
        candidates = await services.directory.by_facts(tx, portal.id, known)
    elif known and EMAIL in facts:
        # What a whole class of accounts shares leads to none of them: the address does.
        of_address = await services.directory.by_address(tx, portal.id, facts[EMAIL])
        candidates = [
            one
            for one in of_address
            if known.items() <= (await services.directory.facts(tx, portal.id, one.id)).items()
        ]
    else:
        candidates = await services.directory.by_address(tx, portal.id, facts[EMAIL])
    return [account for account in candidates if has_address(account, facts)]


def has_address(account: Account, facts: Facts) -> bool:
    """Whether a typed address is the account's registered one; any account will do where none was typed."""
    return EMAIL not in facts or account.address_canonical == facts[EMAIL]


async def answer_with_grants(
    services: Services,
    tx: Transaction,
    portal: Portal,
    intake: Intake,
    presentation: Presentation,
    template: Template,
) -> Resolution:
    """Queue one mail that lists each matching account with a grant of its own (P6, C7)."""
    typed = typed_in(services, intake)
    if typed is None:
        return Resolution(Outcome.STALE)
    recoverable = [one for one in await matching(services, tx, portal, typed.facts) if one.can_recover()]
    answered: list[tuple[Account, Grant]] = []
    for candidate in sorted(recoverable, key=lambda account: account.id):
        account = await services.directory.get(tx, portal.id, candidate.id, lock=True)
        if account is None or not account.can_recover() or not has_address(account, typed.facts):
            continue
        if account.address_canonical != candidate.address_canonical:
            continue
        grant = await grants.grant_for_request(
            services,
            tx,
            account,
            intake,
            purpose=Purpose.SET_PASSWORD,
            presentation=presentation,
            lifetime=portal.terms[intake.journey].lifetime,
        )
        if grant is not None:
            answered.append((account, grant))
    if not answered:
        return Resolution(Outcome.COALESCED if recoverable else Outcome.NO_MATCH)
    await _queue_mail(services, tx, portal, intake, answered, typed.device, template)
    return Resolution(Outcome.SENT, tuple(grant.id for _, grant in answered))


async def _queue_mail(
    services: Services,
    tx: Transaction,
    portal: Portal,
    intake: Intake,
    answered: Sequence[tuple[Account, Grant]],
    device: str,
    template: Template,
) -> None:
    first = answered[0][0]
    report = await grants.report_grant(services, tx, first, reference=intake.reference, context=grants.ASKED)
    await queue(
        services,
        tx,
        portal,
        template,
        letter_to(first, at=intake.accepted_at, place=device, waiting=intake.waiting),
        language=intake.language,
        reference=intake.reference,
        grants=[grant for _, grant in answered],
        report=report,
        needs_grant=True,
    )


async def answer_with_names(services: Services, tx: Transaction, portal: Portal, intake: Intake) -> Resolution:
    """Queue one mail with the user name of each matching account, to the address that is registered (C9, A9)."""
    typed = typed_in(services, intake)
    if typed is None:
        return Resolution(Outcome.STALE)
    found = [one for one in await matching(services, tx, portal, typed.facts) if one.can_recover()]
    if not found or any(one.address_canonical != found[0].address_canonical for one in found):
        return Resolution(Outcome.NO_MATCH)
    accounts = tuple(account.id for account in found)
    letter = letter_to(found[0], at=intake.accepted_at, place=typed.device, accounts=accounts)
    await queue(
        services,
        tx,
        portal,
        Template.USER_NAMES,
        letter,
        language=intake.language,
        reference=intake.reference,
    )
    return Resolution(Outcome.SENT)
