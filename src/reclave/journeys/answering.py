"""What resolving a request shares: the accounts that everything typed matches, their grants, one mail."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from reclave.domain.accounts import Account
from reclave.domain.grants import Grant, Purpose
from reclave.domain.intake import Intake, Outcome
from reclave.domain.outbox import Template
from reclave.domain.portal import CLASSIFICATION, EMAIL, Portal
from reclave.domain.secrets import Presentation
from reclave.journeys import grants
from reclave.journeys.asking import Facts, Typed
from reclave.journeys.ledger import Writing
from reclave.journeys.messages import letter_to, queue
from reclave.journeys.services import Services
from reclave.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class Opened:
    """A request with what was typed, the accounts that match it, and those of them whose rows are locked, by id."""

    portal: Portal
    intake: Intake
    typed: Typed
    found: Sequence[Account]
    locked: Mapping[str, Account]


@dataclass(frozen=True, slots=True)
class Resolution:
    """How an intake ends, and the grants that answer it."""

    outcome: Outcome
    grants: tuple[bytes, ...] = ()


async def matching(services: Services, tx: Transaction, portal: Portal, facts: Facts) -> list[Account]:
    """The accounts of which everything typed is true, in a stable order."""
    (found,) = await matching_each(services, tx, [(portal, facts)])
    return found


async def matching_each(
    services: Services, tx: Transaction, typed: Sequence[tuple[Portal, Facts]]
) -> list[list[Account]]:
    """The accounts that match each of several requests, looked up together."""
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for portal, facts in typed:
        if field := _looked_up_by(portal, facts):
            asked[portal.id, field].add(facts[field])
    found = {key: await _looked_up(services, tx, *key, values) for key, values in sorted(asked.items())}
    candidates = [
        found[portal.id, field].get(facts[field], [])
        if (field := _looked_up_by(portal, facts))
        else await services.directory.by_facts(tx, portal.id, _known(portal, facts))
        for portal, facts in typed
    ]
    known_of = await _known_of(services, tx, typed, candidates)
    return [
        [
            each
            for each in some
            if has_address(each, facts)
            and _to_compare(portal, facts).items() <= known_of[portal.id].get(each.id, {}).items()
        ]
        for (portal, facts), some in zip(typed, candidates, strict=True)
    ]


async def _known_of(
    services: Services, tx: Transaction, typed: Sequence[tuple[Portal, Facts]], candidates: Sequence[Sequence[Account]]
) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """What is known of the candidates, by portal and account; where there are none, as much is looked up as for one."""
    asked: dict[str, set[str]] = {portal.id: set() for portal, _ in typed}
    for place, ((portal, facts), some) in enumerate(zip(typed, candidates, strict=True)):
        if _to_compare(portal, facts):
            asked[portal.id] |= {each.id for each in some} or {f"nobody {place}"}
    return {
        portal: await services.directory.facts_of_all(tx, portal, sorted(accounts)) if accounts else {}
        for portal, accounts in sorted(asked.items())
    }


def _to_compare(portal: Portal, facts: Facts) -> dict[str, str]:
    """What was typed beside user name and address, where accounts are looked up by one of these."""
    return _known(portal, facts) if _looked_up_by(portal, facts) else {}


def _known(portal: Portal, facts: Facts) -> dict[str, str]:
    """What was typed beside user name and address."""
    return {name: value for name, value in facts.items() if name not in {EMAIL, portal.file.sign_in.identifier}}


def _looked_up_by(portal: Portal, facts: Facts) -> str | None:
    """The field that accounts are looked up by; None where it is what is known of them."""
    identifier = portal.file.sign_in.identifier
    if identifier in facts and identifier != EMAIL:
        return identifier
    # What a whole class of accounts shares leads to none of them: the address does.
    return None if set(_known(portal, facts)) - {CLASSIFICATION} else EMAIL


async def _looked_up(
    services: Services, tx: Transaction, portal: str, field: str, values: Collection[str]
) -> Mapping[str, list[Account]]:
    if field == EMAIL:
        return await services.directory.by_addresses(tx, portal, values)
    named = await services.directory.by_identifiers(tx, portal, field, values)
    return {value: [account] for value, account in named.items()}


def has_address(account: Account, facts: Facts) -> bool:
    """Whether a typed address is the account's registered one; any account will do where none was typed."""
    return EMAIL not in facts or account.address_canonical == facts[EMAIL]


async def answer_with_grants(
    services: Services, tx: Writing, opened: Opened, presentation: Presentation, template: Template
) -> Resolution:
    """Queue one mail that lists each matching account with a grant of its own (P6, C7)."""
    portal, intake = opened.portal, opened.intake
    recoverable = [one for one in opened.found if one.can_recover()]
    answered: list[tuple[Account, Grant]] = []
    for candidate in sorted(recoverable, key=lambda account: account.id):
        account = opened.locked.get(candidate.id)
        if account is None or not account.can_recover() or not has_address(account, opened.typed.facts):
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
    await _queue_mail(services, tx, opened, answered, template)
    return Resolution(Outcome.SENT, tuple(grant.id for _, grant in answered))


async def _queue_mail(
    services: Services, tx: Writing, opened: Opened, answered: Sequence[tuple[Account, Grant]], template: Template
) -> None:
    intake, first = opened.intake, answered[0][0]
    report = await grants.report_grant(services, tx, first, reference=intake.reference, context=grants.ASKED)
    await queue(
        services,
        tx,
        opened.portal,
        template,
        letter_to(first, at=intake.accepted_at, place=opened.typed.device, waiting=intake.waiting),
        language=intake.language,
        reference=intake.reference,
        grants=[grant for _, grant in answered],
        report=report,
        needs_grant=True,
    )


async def answer_with_names(services: Services, tx: Writing, opened: Opened) -> Resolution:
    """Queue one mail with the user name of each matching account, to the address that is registered (C9, A9)."""
    intake = opened.intake
    found = [one for one in opened.found if one.can_recover()]
    if not found or any(one.address_canonical != found[0].address_canonical for one in found):
        return Resolution(Outcome.NO_MATCH)
    accounts = tuple(account.id for account in found)
    letter = letter_to(found[0], at=intake.accepted_at, place=opened.typed.device, accounts=accounts)
    await queue(
        services,
        tx,
        opened.portal,
        Template.USER_NAMES,
        letter,
        language=intake.language,
        reference=intake.reference,
    )
    return Resolution(Outcome.SENT)
