"""The outbox: messages to send, and the deliveries that were tried."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reclave.domain.time import DAY, MINUTE, SECOND, Instant, Span

SMTP_PATIENCE: Span = 100 * SECOND
"""The longest that one attempt may take, from connecting to the answer after DATA."""
LEASE: Span = 3 * MINUTE
"""How long a claimed message belongs to its sender: it outlasts `SMTP_PATIENCE` (invariant 5)."""
GIVE_UP: Span = DAY
"""A message that no server takes for this long has failed."""


class MessageState(StrEnum):
    """queued → sending → sent, or back to queued, or failed | cancelled."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Template(StrEnum):
    """The mails there are."""

    TEMPORARY_PASSWORD = "temporary_password"
    RESET_LINK = "reset_link"
    USER_NAMES = "user_names"
    CONFIRM_ADDRESS = "confirm_address"
    PASSWORD_CHANGED = "password_changed"
    ADDRESS_CHANGING = "address_changing"
    ADDRESS_CHANGED = "address_changed"
    FIRST_REGISTRATION = "first_registration"
    RESET_REQUIRED = "reset_required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message to send. Its secrets are derived from `grants` when it is sent; a dead grant is left out.

    `sealed` (recipient and values, sealed) opens only with the keyring. `report` is the grant behind «No fui yo».
    `needs_grant` says that without a live grant in `grants` there is nothing to say. `bulk` mail goes when nobody
    waits for theirs.
    """

    portal: str
    id: bytes
    template: Template
    language: str
    message_id: str
    reference: str
    sealed: bytes
    recipient: bytes
    grants: tuple[bytes, ...] = ()
    report: bytes | None = None
    needs_grant: bool = False
    bulk: bool = False
    created_at: Instant = 0
    attempts: int = 0
    fence: int = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took the message."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """A 4xx answer or an I/O error: try again later."""

    code: int | None
    text: str


CUT_OFF = Deferred(None, "the sender ended before it recorded what the server answered")


@dataclass(frozen=True, slots=True)
class Refused:
    """A 5xx answer: trying again cannot help."""

    code: int
    text: str


Delivery = Sent | Deferred | Refused


def next_attempt(attempts: int, jitter: float) -> Span:
    """Microseconds until the next attempt after `attempts` failed ones: 5 s, 15 s, 45 s … 15 min, ± 20 %.

    `jitter` is uniform in [0, 1).
    """
    wait = min(15 * MINUTE, 5 * SECOND * 3 ** min(attempts - 1, 10))
    return int(wait * (0.8 + 0.4 * jitter))


CROWD = 20
"""Fewer recipients than these say nothing: one person's mail, or its absence, could be read out of them (S1, S2)."""
_USUAL = tuple(minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480))


def usual_wait(taken: Sequence[Span]) -> Span | None:
    """How long nine of ten deliveries took at most, rounded up to 1, 2, 5, 10, 15, 30 minutes, 1, 2, 4, 8 or 24 hours.

    `taken` holds one delivery of each recipient; None where they are fewer than `CROWD`.
    """
    if len(taken) < CROWD:
        return None
    ninth = sorted(taken)[-(-9 * len(taken) // 10) - 1]
    return next((usual for usual in _USUAL if ninth <= usual), DAY)
