"""Recovery by a single-use link, a typed code, or both in one mail (C2–C8, C10, B2).

The link's token and the code are two spellings of one grant. The code counts only together with the waiting handle
of the browser that asked; when it is right, that browser goes on with the link's token. GET never uses a link up:
only a valid new password does, in the transaction that sets it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reclave.domain.accounts import Account, Provenance, Status
from reclave.domain.audit import Entry, Event
from reclave.domain.errors import FieldRefused, FormRefused, SecretEnded
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.intake import Intake
from reclave.domain.outbox import Template
from reclave.domain.passwords import normalise
from reclave.domain.portal import Portal, ResetLink
from reclave.domain.secrets import GRANT_ID_BYTES, Presentation, digest_of, read_code, same_secret
from reclave.domain.throttle import CODE_TRIES, Guess
from reclave.domain.time import in_the_past
from reclave.journeys import grants
from reclave.journeys.answering import Opened, Resolution, answer_with_grants
from reclave.journeys.asking import Asked, accept, read_facts
from reclave.journeys.ledger import Writing
from reclave.journeys.new_password import check_new_password
from reclave.journeys.password_schemes import count_change
from reclave.journeys.register_details import notify_change
from reclave.journeys.services import Caller, Services
from reclave.journeys.tries import lift_pause
from reclave.ports.store import Transaction

JOURNEY = "reset_link"
_PURPOSES = {Purpose.SET_PASSWORD}
_MAY_RESET = {Status.ACTIVE, Status.AWAITING_FIRST_SIGN_IN}
_COMPARED = 3
"""Codes derived for each comparison: as many accounts as share an address at most with any likelihood."""


@dataclass(frozen=True, slots=True)
class Reset:
    """What a live link opens: the grant, its account, the user name (canonical)."""

    grant: Grant
    account: Account
    identifier: str


async def ask(services: Services, portal: Portal, typed: Mapping[str, str], caller: Caller) -> Asked:
    """Accept a request for a link. Raises `FormRefused` for fields that cannot be right."""
    proves = (portal.file.journeys.reset_link or ResetLink()).proves
    return await accept(services, portal, JOURNEY, read_facts(services, portal, proves, typed), caller)


async def resolve(services: Services, tx: Writing, opened: Opened) -> Resolution:
    """Find the accounts and queue one mail that lists each with its own link and code."""
    presentation = presentation_in(opened.portal)
    return await answer_with_grants(services, tx, opened, presentation, Template.RESET_LINK)


def presentation_in(portal: Portal) -> Presentation:
    """How the portal's grants of this journey are presented first."""
    offered = portal.file.journeys.reset_link
    return Presentation.LINK if offered is None or "link" in offered.presents else Presentation.CODE


def token_for(services: Services, grant: Grant) -> str:
    """The token of a grant's link."""
    return services.vault.secret(grant.bound(services.vault.epoch, Presentation.LINK))


def code_for(services: Services, grant: Grant, waiting: bytes) -> str:
    """The code that counts in the browser whose waiting handle has this digest."""
    return services.vault.secret(replace(grant.bound(services.vault.epoch, Presentation.CODE), context=waiting))


async def enter_code(services: Services, portal: Portal, handle: bytes, typed: str, caller: Caller) -> str:
    """Count a try, then compare the code with those of the request behind a waiting handle; the link's token.

    Unknown requests and handles cost the same and are refused in the same words. Raises `FormRefused` on `code`.
    """
    if not typed.strip():
        raise FormRefused(FieldRefused("code", "code_missing"))
    code = read_code(typed)
    if code is None:
        raise FormRefused(FieldRefused("code", "code_malformed"))
    waiting = digest_of(handle)
    async with services.store.transaction() as tx:
        tries = await tx.guesses.add(portal.id, Guess.CODE, waiting)
    async with services.store.reading() as tx:
        grant = await _grant_of_code(services, tx, portal, waiting, code)
    right = grant is not None and tries <= CODE_TRIES
    async with services.store.transaction() as tx:
        event = Event.CODE_ACCEPTED if right else Event.CODE_REFUSED
        account, reference = (grant.account, grant.reference) if grant else (None, "")
        await tx.audit.add(
            Entry(portal=portal.id, event=event, account=account, client=caller.client, reference=reference)
        )
    if tries > CODE_TRIES:
        raise FormRefused(FieldRefused("code", "recovery_code_no_tries_left"))
    if grant is None:
        raise FormRefused(FieldRefused("code", "recovery_code_wrong", left=CODE_TRIES - tries))
    return token_for(services, grant)


async def tries_left(services: Services, portal: Portal, handle: bytes) -> int:
    """How many codes may still be typed in the browser that holds a waiting handle."""
    async with services.store.reading() as tx:
        tally = await tx.guesses.tally(portal.id, Guess.CODE, digest_of(handle))
    return max(0, CODE_TRIES - tally.failures)


async def _grant_of_code(
    services: Services, tx: Transaction, portal: Portal, waiting: bytes, code: str
) -> Grant | None:
    """The live grant whose code was typed; looks up and derives the same number of times on every path."""
    intake = await tx.intakes.by_waiting(portal.id, waiting)
    answered = intake.grants[:_COMPARED] if intake else ()
    in_time = intake is not None and _code_counts(portal, intake, tx.now)
    asked = [*answered, *[bytes(GRANT_ID_BYTES)] * (_COMPARED - len(answered))]
    opened = None
    for grant in await tx.grants.get_alike(grants.nobody(services, portal.id), asked):
        # Nobody's grant has never been live.
        if same_secret(code, code_for(services, grant, waiting)) and in_time and grant.live(tx.now):
            opened = opened or grant
    return opened


def _code_counts(portal: Portal, intake: Intake, now: int) -> bool:
    terms = portal.terms.get(JOURNEY)
    return terms is not None and in_the_past(intake.accepted_at, now) and now < intake.accepted_at + terms.code_lifetime


async def look(services: Services, portal: Portal, token: str) -> Reset:
    """What a link opens; that it was opened is noted beside it. Raises `SecretEnded`."""
    async with services.store.reading() as tx:
        reset = await _live(services, tx, portal, token)
    if reset.grant.opened_at is None:
        async with services.store.transaction() as tx:
            if await tx.grants.opened(portal.id, reset.grant.id):
                await grants.record(tx, Event.GRANT_OPENED, reset.account, reset.grant.reference)
    return reset


async def complete(
    services: Services, portal: Portal, token: str, password: str, repeated: str, caller: Caller
) -> Reset:
    """Set the password and use the link up, in one transaction; everything else of the account ends (C10, S21).

    Raises `SecretEnded`, `FormRefused`, `Overloaded`.
    """
    async with services.store.reading() as tx:
        reset = await _live(services, tx, portal, token)
    refused = check_new_password(
        portal, password, repeated, identifier=reset.identifier, address=reset.account.address_canonical
    )
    if refused:
        raise FormRefused(*refused)
    hashed = await services.hasher.hash(normalise(password))
    async with services.store.transaction() as tx:
        await _set_password(services, tx, portal, reset, hashed, caller)
    services.bell.ring()
    return reset


async def _set_password(
    services: Services, tx: Transaction, portal: Portal, reset: Reset, hashed: str, caller: Caller
) -> None:
    account = await services.directory.get(tx, portal.id, reset.account.id, lock=True)
    if account is None or account.status not in _MAY_RESET:
        raise SecretEnded(State.REVOKED)
    version = account.credential_version
    if await tx.grants.consume(portal.id, reset.grant.id, credential_version=version) is None:
        current = await tx.grants.get(portal.id, reset.grant.id)
        raise SecretEnded(current.ending(tx.now) if current else State.EXPIRED)
    changed = replace(
        account,
        status=Status.ACTIVE,
        # Who reads the mail has proven the address that the operator asserted.
        address_provenance=Provenance.CONFIRMED,
        password_hash=hashed,
        password_blocked=False,
        language=caller.language,
        credential_version=version + 1,
        changed_at=tx.now,
    )
    if not await tx.accounts.change(changed, was=version):
        raise SecretEnded(State.REPLACED)
    await grants.end_everything(tx, changed)
    await lift_pause(services, tx, portal, reset.identifier, caller)
    reference = reset.grant.reference
    await grants.record(tx, Event.PASSWORD_CHANGED, changed, reference, client=caller.client, device=caller.device)
    await notify_change(services, tx, portal, changed, Template.PASSWORD_CHANGED, reference, caller)
    await count_change(tx, account, hashed)


async def _live(services: Services, tx: Transaction, portal: Portal, token: str) -> Reset:
    grant = await grants.grant_of_token(services, tx, portal.id, token, _PURPOSES)
    account = await services.directory.get(tx, portal.id, grant.account)
    if account is None or account.status not in _MAY_RESET:
        raise SecretEnded(State.REVOKED)
    if account.credential_version != grant.credential_version:
        raise SecretEnded(State.REPLACED)
    named = await services.directory.identifiers(tx, portal.id, account.id)
    field = portal.file.sign_in.identifier
    return Reset(grant, account, next((one.value for one in named if one.field == field), ""))
