"""The errors that journeys raise: each has a stable code and carries values a person can act on.

A surface maps a code to its status and words once; nothing here knows HTTP or a language.
"""

from collections.abc import Sequence

from reclave.domain.time import Instant, Span


class ReclaveError(Exception):
    """The root of the tree; `code` is stable and documented."""

    code = "error"


class FieldRefused(ReclaveError):
    """One field of a form was refused; `reason` is a stable code, `detail` its values."""

    code = "field_refused"

    def __init__(self, field: str, reason: str, **detail: str | int) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason
        self.detail = detail


class FormRefused(ReclaveError):
    """Several fields were refused; nothing was done."""

    code = "form_refused"

    def __init__(self, *fields: FieldRefused) -> None:
        super().__init__(", ".join(str(field) for field in fields))
        self.fields = fields


class SignInRefused(ReclaveError):
    """Identifier and password do not open anything."""

    code = "sign_in_refused"


class Throttled(ReclaveError):
    """Too many failures; `wait` microseconds until the next try counts."""

    code = "throttled"

    def __init__(self, wait: Span) -> None:
        super().__init__(f"wait {wait} µs")
        self.wait = wait


class PasswordPaused(ReclaveError):
    """After 100 consecutive failures the password no longer signs in until a recovery (NIST 800-63B 3.2.2)."""

    code = "password_paused"


class SecretEnded(ReclaveError):
    """A true secret that no longer works; `how` is expired, consumed, replaced, revoked or damaged."""

    code = "secret_ended"

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


class SessionEnded(ReclaveError):
    """There is no such session any more; the person signs in again."""

    code = "session_ended"


class Overloaded(ReclaveError):
    """More work than the machine takes now; `retry_after` seconds."""

    code = "overloaded"

    def __init__(self, retry_after: int = 2) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


class StoreAway(Overloaded):
    """The store does not answer, or not in time, and says why; what was asked of it may have been done."""

    code = "store_away"

    def __init__(self, why: str, retry_after: int = 1) -> None:
        super().__init__(retry_after)
        self.args = (why,)


class JourneyPaused(ReclaveError):
    """An operator has paused the journey; until an instant (microseconds UTC), where one was said."""

    code = "journey_paused"

    def __init__(self, journey: str, until: Instant | None) -> None:
        super().__init__(journey)
        self.journey = journey
        self.until = until


class PortalsRefused(ReclaveError):
    """Several portal files that cannot be used: a line for each."""

    code = "portals_refused"

    def __init__(self, refusals: Sequence["PortalRefused"]) -> None:
        super().__init__("\n".join(str(refusal) for refusal in refusals))
        self.refusals = tuple(refusals)


class PortalRefused(ReclaveError):
    """A portal file that cannot be used; says file, key path and why."""

    code = "portal_refused"

    def __init__(self, source: str, path: str, why: str) -> None:
        super().__init__(f"{source}: {path + ': ' if path else ''}{why}")
        self.source = source
        self.path = path
        self.why = why
