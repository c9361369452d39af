"""Sessions: who is signed in, for how long, and what the session may open."""

from dataclasses import dataclass
from enum import StrEnum

from reclave.domain.time import MINUTE, Instant, Span, in_the_past

SEEN_EVERY: Span = MINUTE
"""A session's last use is written at most this often."""


class SessionKind(StrEnum):
    """A change-only session opens nothing but the forced change (S14)."""

    FULL = "full"
    CHANGE_ONLY = "change_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session's row; the cookie holds the 128-bit id, the row its SHA-256 (`digest`)."""

    portal: str
    digest: bytes
    account: str
    kind: SessionKind
    credential_version: int
    grant: bytes | None = None
    device: str = ""
    client: bytes = b""
    started_at: Instant
    last_seen_at: Instant

    def ends_at(self, idle: Span, absolute: Span) -> Instant:
        """When the first of both limits passes, if nothing is done until then (S29)."""
        return min(self.last_seen_at + idle, self.started_at + absolute)

    def alive(self, now: Instant, idle: Span, absolute: Span) -> bool:
        """Whether neither limit has passed (S29)."""
        return now < self.ends_at(idle, absolute) and in_the_past(self.started_at, now)
