"""An intake: an accepted, unresolved recovery request."""

from dataclasses import dataclass
from enum import StrEnum

from reclave.domain.limits import Cost
from reclave.domain.time import DAY, Instant, Span

FIELDS_KEPT: Span = DAY
"""The sealed fields of an intake are erased after this at the latest."""


class Admission(StrEnum):
    """What became of a request at the door. Every answer shows the same page."""

    ACCEPTED = "accepted"
    COOLING = "cooling"
    OVER_LIMIT = "over_limit"


class Outcome(StrEnum):
    """How an intake was resolved; seen by staff, never by the person who asked."""

    SENT = "sent"
    COALESCED = "coalesced"
    NO_MATCH = "no_match"
    STALE = "stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A recovery request at the door: its costs are taken and its intake written in one transaction."""

    portal: str
    id: bytes
    journey: str
    sealed_fields: bytes
    identifier: bytes
    client: bytes
    language: str
    waiting: bytes
    reference: str
    cooldown: Cost
    costs: tuple[Cost, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """An intake as a worker claims it. `identifier` and `client` are keyed digests; `fence` guards the claim.

    `grants` are the grants that it was answered with, once it is resolved.
    """

    portal: str
    id: bytes
    journey: str
    sealed_fields: bytes | None
    identifier: bytes
    client: bytes
    language: str
    waiting: bytes
    reference: str
    accepted_at: Instant
    outcome: Outcome | None = None
    fence: int = 0
    grants: tuple[bytes, ...] = ()
