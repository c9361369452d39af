"""Sign-in by identifier with a password, or with a temporary or initial one (P3, P7); sign-out.

Every path does the same work: guesses are counted by what was typed, and committed, before anything is compared; an
unknown account is looked up, hashed and derived for like a known one (S26). The place among those who wait for a hash
comes first of all: who is turned away for want of one has lost no guess.
"""

from dataclasses import dataclass, replace

from reclave.domain.accounts import Account, Status
from reclave.domain.audit import Entry, Event
from reclave.domain.errors import (
    FieldRefused,
    FormRefused,
    PasswordPaused,
    SecretEnded,
    SignInRefused,
    Throttled,
)
from reclave.domain.grants import Grant, Purpose, State
from reclave.domain.identifiers import Identifier, IdentifierRefused, parse_identifier, parse_identifier_of_kinds
from reclave.domain.passwords import normalise
from reclave.domain.portal import Field, Portal
from reclave.domain.secrets import Presentation, digest_of, read_temporary_password, same_secret
from reclave.domain.sessions import Session, SessionKind
from reclave.domain.switches import FIRST_SIGN_IN, SIGN_IN
from reclave.domain.throttle import PAUSE_AFTER, Guess
from reclave.domain.time import Instant, Span
from reclave.journeys import first_sign_in, grants
from reclave.journeys.new_password import is_too_large
from reclave.journeys.password_schemes import count_change, decoy_scheme
from reclave.journeys.services import Caller, Services
from reclave.journeys.tries import PER_CLIENT, attempt_at
from reclave.ports.hasher import Hasher
from reclave.ports.sign_ins import COMPARED, Opening, Tried
from reclave.ports.store import Transaction

_TEMPORARY = Presentation.TEMPORARY_PASSWORD


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its handle for the cookie, and the handle of the device to remember."""

    handle: bytes
    session: Session
    device: bytes | None


@dataclass(frozen=True, slots=True)
class _Counted:
    """What counting found: the account if there is one, and which comparisons may be made."""

    account: Account | None
    grants: list[Grant]
    password_wait: Span
    temporary_wait: Span
    paused: bool
    pair: bytes
    everyone: bytes
    decoy: str


async def sign_in(
    services: Services, portal: Portal, typed_identifier: str, typed_password: str, caller: Caller
) -> SignedIn:
    """Open a session, full or change-only.

    Raises `FormRefused` for fields that cannot be right, `Throttled`, `PasswordPaused`, `SecretEnded` for a
    temporary password that was true once, `SignInRefused` for everything else, `Overloaded` when hashing is full,
    `JourneyPaused`.
    """
    services.switchboard.check(portal.id, SIGN_IN, services.clock.now())
    identifier, password = _read(portal, typed_identifier, typed_password)
    temporary = read_temporary_password(typed_password)
    with services.hasher.reserved() as hasher:
        counted = await _count(services, portal, identifier, temporary is not None, caller)
        if counted.password_wait and (temporary is None or counted.temporary_wait):
            raise Throttled(counted.password_wait)
        account = counted.account
        fits = await _compare(hasher, counted, password)
        if fits and account is not None and account.can_sign_in():
            account = await _rehashed(services, hasher, account, password)
            return await _open_full(services, portal, account, counted, caller)
    grant = _grant_opened_by(services, portal, account, counted, temporary)
    if fits and account is not None:
        grant = grant or first_sign_in.opened_by_given(account, counted.grants)
    if grant is not None and account is not None:
        return await _open_change_only(services, portal, account, grant, counted, caller)
    await _refuse(services, portal, counted, caller)
    if counted.password_wait:
        raise Throttled(counted.password_wait)
    raise PasswordPaused if counted.paused else SignInRefused


def _read(portal: Portal, typed_identifier: str, typed_password: str) -> tuple[Identifier, str]:
    asked = portal.identifier_field
    refused: list[FieldRefused] = []
    identifier = None
    if not typed_identifier.strip():
        refused.append(FieldRefused("identifier", "identifier_missing"))
    else:
        try:
            identifier = _read_identifier(asked, typed_identifier)
        except IdentifierRefused as error:
            refused.append(FieldRefused("identifier", error.code, **error.detail))
    if not typed_password:
        refused.append(FieldRefused("password", "password_missing"))
    elif is_too_large(typed_password):
        refused.append(FieldRefused("password", "password_too_long"))
    if refused or identifier is None:
        raise FormRefused(*refused)
    return identifier, normalise(typed_password)


def _read_identifier(asked: Field, typed: str) -> Identifier:
    if len(asked.kinds) == 1:
        return parse_identifier(asked.kinds[0], typed, lengths=asked.lengths)
    return parse_identifier_of_kinds(asked.kinds, typed)


async def _count(
    services: Services, portal: Portal, identifier: Identifier, temporary: bool, caller: Caller
) -> _Counted:
    attempt = attempt_at(services, portal, identifier.value, caller)
    met = await services.directory.try_password(services.store, attempt)
    account, known = met.account, met.standing
    pair = attempt.subject(known)
    tried = met.tried or Tried(PER_CLIENT.interval, 0)
    temporary_wait = 0 if met.tried else tried.wait
    if met.tried is None:
        await services.store.record(Entry(portal=portal.id, event=Event.SPRAY_SUSPECTED, client=caller.client))
    elif tried.wait:
        await services.store.record(_entry(Event.SIGN_IN_THROTTLED, portal, account, caller))
    if temporary and not temporary_wait:
        async with services.store.transaction() as tx:
            kind = Guess.TEMPORARY_PASSWORD
            temporary_wait = await tx.guesses.count(portal.id, kind, pair, identifier=attempt.everyone)
    decoy = decoy_scheme(services, portal, known.schemes, identifier.value)
    paused = tried.failures > PAUSE_AFTER and not known.recognised
    return _Counted(account, known.grants, tried.wait, temporary_wait, paused, pair, attempt.everyone, decoy)


async def _compare(hasher: Hasher, counted: _Counted, password: str) -> bool:
    """Whether the password fits, and may be said to.

    Whatever the answer is worth, the work is that of the account's hash, or of the decoy where it has none: when an
    account is paused, blocked or disabled, nothing changes that can be measured (S26).
    """
    if counted.password_wait:
        return False
    stored = counted.account.password_hash if counted.account else None
    fits = await hasher.verify(stored, password, decoy=counted.decoy)
    return fits and not counted.paused


async def _rehashed(services: Services, hasher: Hasher, account: Account, password: str) -> Account:
    """The account with its password's hash made anew, where the one that it fits is outdated, and still there."""
    if not hasher.outdated(account.password_hash or ""):
        return account
    rehashed = await hasher.hash(password)
    async with services.store.transaction() as tx:
        current = await services.directory.get(tx, account.portal, account.id, lock=True)
        if current is None or current.password_hash != account.password_hash:
            return account
        anew = replace(current, password_hash=rehashed)
        await tx.accounts.change(anew, was=current.credential_version)
        await count_change(tx, current, rehashed)
    return anew


def _grant_opened_by(
    services: Services, portal: Portal, account: Account | None, counted: _Counted, temporary: str | None
) -> Grant | None:
    """The grant whose temporary password was typed; derives the same number of times on every path."""
    nobody = grants.nobody(services, portal.id)
    opened = None
    for grant in [*counted.grants, *[nobody] * (COMPARED - len(counted.grants))]:
        expected = services.vault.secret(grant.bound(services.vault.epoch, _TEMPORARY))
        if temporary is not None and same_secret(temporary, expected) and grant is not nobody:
            opened = opened or grant
    return None if counted.temporary_wait or account is None else opened


async def _open_full(
    services: Services, portal: Portal, account: Account, counted: _Counted, caller: Caller
) -> SignedIn:
    handle, device = services.new_id(), services.new_id() if caller.device_digest is None else None
    opening = Opening(
        account=account,
        session=_session(0, account, SessionKind.FULL, caller, handle),
        entry=_entry(Event.SIGN_IN_SUCCEEDED, portal, account, caller),
        device=caller.device_digest or digest_of(device or b""),
        subject=counted.pair,
        everyone=counted.everyone,
    )
    session = await services.directory.open_session(services.store, opening)
    if session is None:
        raise SignInRefused
    return SignedIn(handle, session, device)


async def _open_change_only(
    services: Services, portal: Portal, account: Account, grant: Grant, counted: _Counted, caller: Caller
) -> SignedIn:
    if grant.purpose is Purpose.ACTIVATE:
        services.switchboard.check(portal.id, FIRST_SIGN_IN, services.clock.now())
    async with services.store.transaction() as tx:
        current = await services.directory.get(tx, portal.id, account.id, lock=True)
        fresh = await tx.grants.get(portal.id, grant.id)
        if current is None or fresh is None or current.status not in {Status.ACTIVE, Status.AWAITING_FIRST_SIGN_IN}:
            raise SignInRefused
        live = fresh.live(tx.now) and fresh.credential_version == current.credential_version
        if live:
            await tx.guesses.reset(portal.id, Guess.TEMPORARY_PASSWORD, counted.pair)
            if any(known.context == first_sign_in.SHARED for known in counted.grants):
                await _end_others(tx, current)
            finish = tx.now + portal.first_sign_in_finish if fresh.purpose is Purpose.ACTIVATE else None
            await tx.grants.opened(portal.id, fresh.id, expires_at=finish)
            seen = {"purpose": fresh.purpose, "device": caller.device}
            await grants.record(tx, Event.GRANT_OPENED, current, fresh.reference, client=caller.client, **seen)
            return await open_session(services, tx, current, SessionKind.CHANGE_ONLY, caller, grant=fresh.id)
        how = fresh.ending(tx.now)
        await grants.record(tx, Event.SIGN_IN_REFUSED, current, fresh.reference, client=caller.client, why=how)
    raise SecretEnded(how)


async def _end_others(tx: Transaction, account: Account) -> None:
    """End what was begun in other sessions: where others have the initial password too, somebody else's new password
    could wait there for the code that the owner will type (S15)."""
    await tx.sessions.end_all(account.portal, account.id)
    await tx.grants.end_all(account.portal, account.id, State.REPLACED, purposes={Purpose.CONFIRM_ADDRESS})


async def open_session(
    services: Services,
    tx: Transaction,
    account: Account,
    kind: SessionKind,
    caller: Caller,
    *,
    grant: bytes | None = None,
) -> SignedIn:
    """Write a new session with a handle of its own (S27); the cookie's value leaves only in the answer."""
    handle = services.new_id()
    session = _session(tx.now, account, kind, caller, handle, grant)
    await tx.sessions.add(session)
    return SignedIn(handle, session, None)


def _session(
    now: Instant, account: Account, kind: SessionKind, caller: Caller, handle: bytes, grant: bytes | None = None
) -> Session:
    return Session(
        portal=account.portal,
        digest=digest_of(handle),
        account=account.id,
        kind=kind,
        credential_version=account.credential_version,
        grant=grant,
        device=caller.device,
        client=caller.client,
        started_at=now,
        last_seen_at=now,
    )


async def _refuse(services: Services, portal: Portal, counted: _Counted, caller: Caller) -> None:
    event = Event.SIGN_IN_THROTTLED if counted.paused else Event.SIGN_IN_REFUSED
    await services.store.record(_entry(event, portal, counted.account, caller))


def _entry(event: Event, portal: Portal, account: Account | None, caller: Caller) -> Entry:
    return Entry(
        portal=portal.id,
        event=event,
        account=account.id if account else None,
        client=caller.client,
        detail={"device": caller.device},
    )
