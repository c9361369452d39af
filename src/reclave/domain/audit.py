"""The audit trail: every authentication and recovery event, without secrets (S43–S45)."""

import hmac
from dataclasses import dataclass, field
from enum import StrEnum

from reclave.domain.time import Instant


class Event(StrEnum):
    """What can happen to an account; stable names."""

    RECOVERY_RESOLVED = "recovery_resolved"
    GRANT_ISSUED = "grant_issued"
    GRANT_RESENT = "grant_resent"
    GRANT_OPENED = "grant_opened"
    GRANT_ENDED = "grant_ended"
    MESSAGE_SENT = "message_sent"
    MESSAGE_FAILED = "message_failed"
    MESSAGE_CANCELLED = "message_cancelled"
    SIGN_IN_SUCCEEDED = "sign_in_succeeded"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN_THROTTLED = "sign_in_throttled"
    SPRAY_SUSPECTED = "spray_suspected"
    SIGNED_OUT = "signed_out"
    CURRENT_PASSWORD_REFUSED = "current_password_refused"
    SESSIONS_ENDED = "sessions_ended"
    PASSWORD_CHANGED = "password_changed"
    ACCOUNT_ACTIVATED = "account_activated"
    ADDRESS_CHANGE_ASKED = "address_change_asked"
    ADDRESS_CHANGED = "address_changed"
    CODE_REFUSED = "code_refused"
    CODE_ACCEPTED = "code_accepted"
    USER_ID_FOUND = "user_id_found"
    USER_ID_NOT_FOUND = "user_id_not_found"
    USER_ID_BUDGET_SPENT = "user_id_budget_spent"
    REPORTED_NOT_ME = "reported_not_me"
    CASE_OPENED = "case_opened"
    ACCOUNTS_IMPORTED = "accounts_imported"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    ACCOUNT_UNLOCKED = "account_unlocked"
    ACCOUNT_REVEALED = "account_revealed"
    ACCOUNT_EXPORTED = "account_exported"
    ACCOUNT_ERASED = "account_erased"
    RESET_FORCED = "reset_forced"
    MESSAGE_RETRIED = "message_retried"
    JOURNEY_PAUSED = "journey_paused"
    JOURNEY_RESUMED = "journey_resumed"
    BANNER_SET = "banner_set"
    BANNER_CLEARED = "banner_cleared"
    KEY_ADDED = "key_added"
    KEY_RETIRED = "key_retired"
    DATABASE_RESTORED = "database_restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event: when (the database's clock), which account, from where (keyed digest), under which reference."""

    portal: str
    event: Event
    account: str | None = None
    client: bytes = b""
    reference: str = ""
    detail: dict[str, str] = field(default_factory=dict)
    at: Instant = 0


def chained(key: bytes, previous: bytes, entries: list[bytes]) -> bytes:
    """The seal of a batch: HMAC-SHA-256 over the previous seal and the length-prefixed entries (S45)."""
    seal = hmac.new(key, previous, "sha256")
    for entry in entries:
        seal.update(len(entry).to_bytes(4, "big") + entry)
    return seal.digest()
