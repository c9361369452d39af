"""A grant: a single-use, expiring permission for one account and one purpose, and what becomes of it."""

from dataclasses import dataclass
from enum import StrEnum

from reclave.domain.accounts import Account
from reclave.domain.secrets import Bound, Presentation
from reclave.domain.time import Instant, Span, in_the_past


class Purpose(StrEnum):
    """What a grant permits."""

    SET_PASSWORD = "set_password"
    ACTIVATE = "activate"
    CONFIRM_ADDRESS = "confirm_address"
    REVERT_ADDRESS = "revert_address"
    REPORT = "report"


class State(StrEnum):
    """issued → applying → consumed, or replaced | revoked | expired."""

    ISSUED = "issued"
    APPLYING = "applying"
    CONSUMED = "consumed"
    REPLACED = "replaced"
    REVOKED = "revoked"
    EXPIRED = "expired"


LIVE = frozenset({State.ISSUED, State.APPLYING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant's row. It holds no secret: secrets are derived from it and the keyring.

    `requested_at` is when the newest request that it answered was accepted; `opened_at` is an observation and
    permits nothing; `sealed` holds what waits for the grant's completion; `context` narrows the derived secret.
    """

    portal: str
    id: bytes
    account: str
    purpose: Purpose
    presentation: Presentation
    state: State = State.ISSUED
    credential_version: int
    key_id: str
    issued_at: Instant
    expires_at: Instant
    requested_at: Instant
    opened_at: Instant | None = None
    ended_at: Instant | None = None
    reference: str = ""
    tries: int = 0
    context: bytes = b""
    sealed: bytes | None = None

    def live(self, now: Instant) -> bool:
        """Whether the grant still permits anything. One issued in a future that a clock has left is dead."""
        return self.state in LIVE and now < self.expires_at and in_the_past(self.issued_at, now)

    def ending(self, now: Instant) -> str:
        """How the grant ended: expired, consumed, replaced or revoked.

        One that lives by itself was overtaken by a change of the account that it was issued for.
        """
        if self.state not in LIVE:
            return self.state
        return State.REPLACED if self.live(now) else State.EXPIRED

    def bound(self, epoch: int, presentation: Presentation | None = None) -> Bound:
        """What the grant's secret in a presentation is bound to."""
        return Bound(
            key_id=self.key_id,
            epoch=epoch,
            portal=self.portal,
            account=self.account,
            purpose=self.purpose,
            presentation=presentation or self.presentation,
            credential_version=self.credential_version,
            grant=self.id,
            context=self.context,
        )


class Answer(StrEnum):
    """What a recovery request leads to."""

    ISSUE = "issue"
    RESEND = "resend"
    EXTEND = "extend"
    COALESCE = "coalesce"


def answer_request(account: Account, last: Grant | None, accepted_at: Instant, now: Instant, lifetime: Span) -> Answer:
    """Decide what an accepted request does to an account whose newest grant for the purpose is `last`.

    A request older than the account's last change, or than the request that the grant last answered, changes
    nothing. A live grant is sent again; it is replaced only when less than a third of its life is left and nobody
    opened it; one that was opened is extended instead (architecture, «Asking again»).
    """
    if account.changed_at > accepted_at and in_the_past(account.changed_at, now):
        return Answer.COALESCE
    if last is None or not in_the_past(last.issued_at, now):
        return Answer.ISSUE
    if accepted_at <= last.requested_at and in_the_past(last.requested_at, now):
        return Answer.COALESCE
    if not last.live(now) or last.credential_version != account.credential_version:
        return Answer.ISSUE
    if (last.expires_at - now) * 3 >= lifetime:
        return Answer.RESEND
    return Answer.ISSUE if last.opened_at is None else Answer.EXTEND


def extended(grant: Grant, now: Instant, lifetime: Span, ceiling: Span) -> Instant:
    """The new expiry of an opened grant that is asked for again: never past the ceiling from its first issue."""
    return max(grant.expires_at, min(now + lifetime, grant.issued_at + ceiling))
