"""Sign-in by identifier with a password, or with a temporary or initial one (P3, P7); sign-out.

Every path does the same work: guesses are counted by what was typed, in a transaction of their own, before anything
is compared; an unknown account is looked up, hashed and derived for like a known one (S26). The place among those
who wait for a hash comes first of all: who is turned away for want of one has lost no guess.
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
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.passwords import normalise
from reclave.domain.portal import Field, Portal
from reclave.domain.secrets import Presentation, digest_of, read_temporary_password, same_secret
from reclave.domain.sessions import Session, SessionKind
from reclave.domain.switches import FIRST_SIGN_IN, SIGN_IN
from reclave.domain.throttle import PAUSE_AFTER, Guess
from reclave.domain.time import HOUR, Span
from reclave.journeys import first_sign_in, grants
from reclave.journeys.new_password import is_too_large
from reclave.journeys.password_schemes import count_change, decoy_scheme
from reclave.journeys.services import Caller, Services
from reclave.ports.hasher import Hasher
from reclave.ports.sign_ins import COMPARED, Tried
from reclave.ports.store import Transaction

_NOBODY = "nobody"
_TEMPORARY = Presentation.TEMPORARY_PASSWORD
PER_CLIENT = Limit(600, HOUR, Scope.CLIENT)
"""Sign-ins that one network address may try in an hour over all accounts: beyond it a spray is suspected (S24)."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its handle for the cookie, and the handle of the device to remember."""

    handle: bytes
    session: Session
    device: bytes | None


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the counting transaction found: the account if there is one, and which comparisons may be made."""

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
            rehashed = await _rehashed(hasher, account, password)
            return await _open_full(services, portal, account, rehashed, counted, caller)
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
    everyone = services.vault.digest("guess", portal.id, identifier.value)
    async with services.store.transaction() as tx:
        account = await services.directory.by_identifier(
            tx, portal.id, portal.file.sign_in.identifier, identifier.value
        )
        owner = account.id if account else _NOBODY
        device = caller.device_digest or caller.client
        known = await tx.sign_ins.standing(portal.id, owner, device)
        where = device if known.recognised else caller.client
        pair = services.vault.digest("guess", portal.id, identifier.value, where)
        sprays = 0 if known.recognised else await _wait_of_spray(services, tx, portal, caller)
        tried = Tried(sprays, 0) if sprays else await tx.sign_ins.count(portal.id, pair, everyone)
        temporary_wait = sprays
        if temporary and not sprays:
            temporary_wait = await tx.guesses.count(portal.id, Guess.TEMPORARY_PASSWORD, pair, identifier=everyone)
        if tried.wait and not sprays:
            await tx.audit.add(_entry(Event.SIGN_IN_THROTTLED, portal, account, caller))
    decoy = decoy_scheme(services, portal, known.schemes, identifier.value)
    paused = tried.failures > PAUSE_AFTER and not known.recognised
    return _Counted(account, known.grants, tried.wait, temporary_wait, paused, pair, everyone, decoy)


async def _wait_of_spray(services: Services, tx: Transaction, portal: Portal, caller: Caller) -> Span:
    key = services.vault.digest("limit", portal.id, "sign_in", caller.client)
    (passed,) = await tx.limits.take([Cost(key, PER_CLIENT)])
    if passed:
        return 0
    await tx.audit.add(Entry(portal=portal.id, event=Event.SPRAY_SUSPECTED, client=caller.client))
    return PER_CLIENT.interval


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


async def _rehashed(hasher: Hasher, account: Account, password: str) -> str | None:
    """The password's hash made anew, where the one that it fits is outdated."""
    return await hasher.hash(password) if hasher.outdated(account.password_hash or "") else None


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
    services: Services, portal: Portal, account: Account, rehashed: str | None, counted: _Counted, caller: Caller
) -> SignedIn:
    handle, device = services.new_id(), services.new_id() if caller.device_digest is None else None
    async with services.store.transaction() as tx:
        current = await services.directory.get(tx, portal.id, account.id, lock=True)
        if current is None or not current.can_sign_in() or current.password_hash != account.password_hash:
            raise SignInRefused
        if rehashed:
            await tx.accounts.change(replace(current, password_hash=rehashed), was=current.credential_version)
        session = _session(tx, current, SessionKind.FULL, caller, handle)
        remembered = caller.device_digest or digest_of(device or b"")
        await tx.sign_ins.open(session, remembered, counted.pair, counted.everyone)
        await grants.record(tx, Event.SIGN_IN_SUCCEEDED, current, "", client=caller.client, device=caller.device)
        await count_change(tx, current, rehashed or current.password_hash)
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
    session = _session(tx, account, kind, caller, handle, grant)
    await tx.sessions.add(session)
    return SignedIn(handle, session, None)


def _session(
    tx: Transaction, account: Account, kind: SessionKind, caller: Caller, handle: bytes, grant: bytes | None = None
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
        started_at=tx.now,
        last_seen_at=tx.now,
    )


async def lift_pause(services: Services, tx: Transaction, portal: Portal, identifier: str, caller: Caller) -> None:
    """Forget the failed guesses at a password that a recovery has just replaced (S23)."""
    places = (), (caller.client,), (caller.device_digest or caller.client,)
    subjects = {services.vault.digest("guess", portal.id, identifier, *where) for where in places}
    # In the order in which sign-ins lock them, so that none waits for the other in a circle.
    for subject in sorted(subjects):
        await tx.guesses.reset(portal.id, Guess.PASSWORD, subject)


async def _refuse(services: Services, portal: Portal, counted: _Counted, caller: Caller) -> None:
    async with services.store.transaction() as tx:
        event = Event.SIGN_IN_THROTTLED if counted.paused else Event.SIGN_IN_REFUSED
        await tx.audit.add(_entry(event, portal, counted.account, caller))


def _entry(event: Event, portal: Portal, account: Account | None, caller: Caller) -> Entry:
    return Entry(
        portal=portal.id,
        event=event,
        account=account.id if account else None,
        client=caller.client,
        detail={"device": caller.device},
    )
