"""Who is signed in: checking a session, ending sessions, and what «Mi cuenta» shows."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from reclave.domain.accounts import Account, Status
from reclave.domain.audit import Entry, Event
from reclave.domain.errors import SessionEnded
from reclave.domain.portal import Portal
from reclave.domain.secrets import digest_of
from reclave.domain.sessions import SEEN_EVERY, Session, SessionKind
from reclave.journeys import grants
from reclave.journeys.services import Caller, Services

_SIGN_INS = (Event.SIGN_IN_SUCCEEDED, Event.SIGN_IN_REFUSED)
_OPEN = {
    SessionKind.FULL: {Status.ACTIVE},
    SessionKind.CHANGE_ONLY: {Status.ACTIVE, Status.AWAITING_FIRST_SIGN_IN},
}


@dataclass(frozen=True, slots=True)
class SignedInAs:
    """A checked session, its account, and the identifier that the account signs in with (canonical)."""

    session: Session
    account: Account
    identifier: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What «Mi cuenta» shows."""

    sessions: list[Session]
    sign_ins: list[Entry]


async def authenticate(
    services: Services, portal: Portal, handle: bytes | None, kinds: Collection[SessionKind]
) -> SignedInAs:
    """The person behind a session cookie.

    Raises `SessionEnded` when there is no such session, a limit has passed (S29), the credential has changed since,
    or the session is of another kind: a change-only one opens nothing but the forced change (S14).
    """
    if handle is None:
        raise SessionEnded
    digest = digest_of(handle)
    async with services.store.reading() as tx:
        session = await tx.sessions.get(portal.id, digest)
        if session is None or session.kind not in kinds:
            raise SessionEnded
        account = await services.directory.get(tx, portal.id, session.account)
        now = tx.now
        if account is None or not session.alive(now, portal.session_idle, portal.session_absolute):
            raise SessionEnded
        if account.credential_version != session.credential_version or account.status not in _OPEN[session.kind]:
            raise SessionEnded
        identifiers = await services.directory.identifiers(tx, portal.id, account.id)
    if now - session.last_seen_at > SEEN_EVERY:
        async with services.store.transaction() as tx:
            await tx.sessions.touch(portal.id, digest)
        session = replace(session, last_seen_at=now)
    field = portal.file.sign_in.identifier
    return SignedInAs(session, account, next((i.value for i in identifiers if i.field == field), ""))


async def overview(services: Services, portal: Portal, who: SignedInAs) -> Overview:
    """The account's sessions and its last ten sign-ins."""
    async with services.store.reading() as tx:
        sessions = await tx.sessions.of_account(portal.id, who.account.id)
        sign_ins = await tx.audit.of_account(portal.id, who.account.id, _SIGN_INS, limit=10)
        alive = [s for s in sessions if s.alive(tx.now, portal.session_idle, portal.session_absolute)]
    return Overview(alive, sign_ins)


async def end_session(services: Services, portal: Portal, who: SignedInAs, digest: bytes, caller: Caller) -> None:
    """End one of the account's own sessions (S29)."""
    async with services.store.transaction() as tx:
        session = await tx.sessions.get(portal.id, digest)
        if session is not None and session.account == who.account.id:
            await tx.sessions.end(portal.id, digest)
            await grants.record(tx, Event.SESSIONS_ENDED, who.account, "", client=caller.client, count="1")


async def end_other_sessions(services: Services, portal: Portal, who: SignedInAs, caller: Caller) -> None:
    """End every session of the account but this one."""
    async with services.store.transaction() as tx:
        ended = await tx.sessions.end_all(portal.id, who.account.id, keep=who.session.digest)
        await grants.record(tx, Event.SESSIONS_ENDED, who.account, "", client=caller.client, count=str(ended))


async def sign_out(services: Services, portal: Portal, handle: bytes | None, caller: Caller) -> None:
    """End the session behind a cookie, if there is one."""
    if handle is None:
        return
    async with services.store.transaction() as tx:
        session = await tx.sessions.get(portal.id, digest_of(handle))
        if session is None:
            return
        await tx.sessions.end(portal.id, session.digest)
        await tx.audit.add(
            Entry(portal=portal.id, event=Event.SIGNED_OUT, account=session.account, client=caller.client)
        )
