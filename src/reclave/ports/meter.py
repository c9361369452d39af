"""Numbers for operators: what is counted and timed, and every metric there is.

A label holds only what an operator or the code has named (portal, journey, page, outcome): never what a person typed,
so that no number tells who, and none grows with what people send.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What a metric's values mean (Prometheus, metric types)."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A metric: its name, its labels in order, what it means; `buckets` (seconds, ascending) of a histogram."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


class Meter(Protocol):
    """Counts and times. Each call names every label of its metric, costs about a microsecond and never fails."""

    def count(self, metric: Metric, amount: int = 1, **labels: str) -> None:
        """Add to a counter; 0 has it shown before the first event."""

    def change(self, metric: Metric, by: int, **labels: str) -> None:
        """Move a gauge up or down."""

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None:
        """Put a time into its bucket of a histogram."""


class NoMeter:
    """A meter where nobody looks at the numbers."""

    def count(self, metric: Metric, amount: int = 1, **labels: str) -> None:
        """Nothing."""

    def change(self, metric: Metric, by: int, **labels: str) -> None:
        """Nothing."""

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None:
        """Nothing."""


_ANSWERING = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_MAILING = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)

REQUESTS = Metric(
    "reclave_requests_total",
    Kind.COUNTER,
    ("portal", "journey", "outcome"),
    "Recovery requests at the door, by what became of them there: `accepted`, `cooling` (asked again too soon) or"
    " `over_limit`. The page was the same each time.",
)
RESOLUTIONS = Metric(
    "reclave_resolutions_total",
    Kind.COUNTER,
    ("portal", "journey", "outcome"),
    "Accepted requests that a worker has resolved: `sent`, `coalesced`, `no_match` or `stale`.",
)
DELIVERIES = Metric(
    "reclave_deliveries_total",
    Kind.COUNTER,
    ("portal", "template", "answer"),
    "Attempts to hand a mail to the mail server, by its answer: `sent`, `deferred` (4xx or no connection) or"
    " `refused` (5xx).",
)
MAIL_SECONDS = Metric(
    "reclave_mail_seconds",
    Kind.HISTOGRAM,
    ("portal", "template"),
    "Seconds from what a mail answers (an accepted request, a change) until the mail server took it.",
    _MAILING,
)
EVENTS = Metric(
    "reclave_events_total",
    Kind.COUNTER,
    ("portal", "event"),
    "Entries of the audit trail, by event: sign-ins (`sign_in_succeeded`, `sign_in_refused`, `sign_in_throttled`,"
    " `spray_suspected`), typed codes (`code_accepted`, `code_refused`), `grant_opened`, `password_changed`,"
    " `reported_not_me` and all the others.",
)
PAGES = Metric(
    "reclave_pages_total",
    Kind.COUNTER,
    ("portal", "page", "method", "status"),
    "Answered HTTP requests; `page` is the page's name in the code, `other` where no page has the path.",
)
PAGE_SECONDS = Metric(
    "reclave_page_seconds",
    Kind.HISTOGRAM,
    ("portal", "page"),
    "Seconds from a request's head until its answer was written.",
    _ANSWERING,
)
REFUSALS = Metric(
    "reclave_refusals_total",
    Kind.COUNTER,
    ("portal", "reason"),
    "Requests that got an error page: `origin` (no proof that one of our pages sent it), `bad_form`, `journey_paused`,"
    " `session_ended`, `secret_ended`, `overloaded`, `not_found`, `method_not_allowed`, and `unreadable` (refused by"
    " the server before any page: too large, too slow, not HTTP).",
)
HASHES = Metric(
    "reclave_hashes_under_way", Kind.GAUGE, (), "Password hashes being computed or waiting for a thread, now."
)
HASH_SECONDS = Metric(
    "reclave_hash_seconds", Kind.HISTOGRAM, (), "Seconds that a password hash took, its waiting included.", _ANSWERING
)
HASHES_REFUSED = Metric(
    "reclave_hashes_refused_total",
    Kind.COUNTER,
    (),
    "Password hashes that were not begun because too many waited; the page said 503.",
)
CHECKS = Metric(
    "reclave_check_ok",
    Kind.GAUGE,
    ("check",),
    "1 where a check of `/readyz` passes, else 0: `database`, `migration`, `keyring`, `unresolved_requests`,"
    " `unsent_mail`, `failed_mail`, `audit_seal`. Read when it is asked for.",
)
CHECK_VALUES = Metric(
    "reclave_check_value",
    Kind.GAUGE,
    ("check",),
    "What a check of `/readyz` measured: the age in seconds of the oldest unresolved request, unsent mail and unsealed"
    " entry, the number of failed mails. Read when it is asked for.",
)
UNRESOLVED = Metric(
    "reclave_unresolved_requests", Kind.GAUGE, (), "Accepted requests that wait for a worker, now, of all processes."
)
UNSENT = Metric("reclave_unsent_messages", Kind.GAUGE, (), "Mails in the outbox that have not ended, bulk mail too.")
STARTED = Metric(
    "reclave_start_time_seconds", Kind.GAUGE, ("process",), "When the process began, seconds since the Unix epoch."
)
BUILD = Metric("reclave_build_info", Kind.GAUGE, ("version", "python"), "1, with the versions that run as labels.")

METRICS = (
    REQUESTS,
    RESOLUTIONS,
    DELIVERIES,
    MAIL_SECONDS,
    EVENTS,
    PAGES,
    PAGE_SECONDS,
    REFUSALS,
    HASHES,
    HASH_SECONDS,
    HASHES_REFUSED,
    CHECKS,
    CHECK_VALUES,
    UNRESOLVED,
    UNSENT,
    STARTED,
    BUILD,
)
"""Every metric, in the order of the reference."""
