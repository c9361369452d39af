"""Whether an installation does its work: one check for each thing that may be wrong, and the way out."""

from dataclasses import dataclass

from reclave.domain.time import MINUTE, SECOND, Instant, Span

RESOLVED_WITHIN: Span = MINUTE
"""How long an accepted request may wait for a worker."""
SENT_WITHIN: Span = 5 * MINUTE
"""How long no mail may get through while some wait."""
SEALED_WITHIN: Span = 10 * MINUTE
"""How long an entry of the audit trail may wait for its seal; workers seal every minute."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check: what it measured and what it allows (None where there is no number), and what to do where it fails.

    `for_pages` says that pages cannot be answered without it; the others say that mail or seals stand still, of which
    nobody who asks for a page may notice anything (S2).
    """

    name: str
    ok: bool
    value: int | None = None
    limit: int | None = None
    why: str = ""
    remedy: str = ""
    for_pages: bool = False


@dataclass(frozen=True, slots=True)
class Readiness:
    """All checks, the ones that the others need first; how many requests and mails wait, where the database says so."""

    checks: tuple[Check, ...]
    unresolved: int | None = None
    unsent: int | None = None

    @property
    def ready(self) -> bool:
        """Whether every check passes."""
        return all(check.ok for check in self.checks)

    def for_pages(self) -> "Readiness":
        """Only what answering pages needs: for load balancers."""
        return Readiness(tuple(check for check in self.checks if check.for_pages), self.unresolved, self.unsent)


def in_time(name: str, since: Instant | None, now: Instant, within: Span, *, why: str, remedy: str) -> Check:
    """A check in seconds: whether what waits since an instant (None: nothing does) has not waited too long."""
    age = 0 if since is None else max(0, now - since)
    late = age > within
    value, limit = age // SECOND, within // SECOND
    return Check(name, not late, value, limit, why if late else "", remedy if late else "")
