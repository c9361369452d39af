"""The tables, as the statements see them; `migrations/` creates them and a test compares the two.

Instants are microseconds in BIGINT; ids and digests are bytes. Primary keys lead with the portal, but for the
audit trail (numbered over all portals) and the rate limits (whose keys are digests that hold the portal).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    text,
)

from reclave.adapters.sql.columns import ByBytes, CanonicalJson, Ids, RowNumber, Word, given, key, maybe
from reclave.domain.accounts import Provenance, Status
from reclave.domain.audit import Event
from reclave.domain.cases import CaseKind
from reclave.domain.grants import Purpose, State
from reclave.domain.intake import Outcome
from reclave.domain.outbox import MessageState, Template
from reclave.domain.secrets import Presentation
from reclave.domain.sessions import SessionKind

metadata = MetaData()

account = Table(
    "account",
    metadata,
    key("portal", ByBytes),
    key("id", ByBytes),
    given("status", Word(Status)),
    given("credential_version", BigInteger),
    maybe("address", ByBytes),
    maybe("address_canonical", ByBytes),
    maybe("address_provenance", Word(Provenance)),
    maybe("next_address", ByBytes),
    maybe("next_address_canonical", ByBytes),
    maybe("next_address_at", BigInteger),
    maybe("password_hash", ByBytes),
    given("password_blocked", Boolean),
    maybe("language", ByBytes),
    given("created_at", BigInteger),
    given("changed_at", BigInteger),
)
_address_known = account.c.address_canonical.is_not(None)
Index(
    "account_by_address",
    account.c.portal,
    account.c.address_canonical,
    account.c.id,
    postgresql_where=_address_known,
    sqlite_where=_address_known,
)
_address_due = account.c.next_address_at.is_not(None)
Index(
    "account_by_next_address_at",
    account.c.next_address_at,
    postgresql_where=_address_due,
    sqlite_where=_address_due,
)
sealed_hashes = text("password_hash >= 'sealed:' AND password_hash < 'sealed;'")
"""Literal, so that a query finds its partial index by these very words."""
Index("account_sealed", account.c.portal, account.c.id, postgresql_where=sealed_hashes, sqlite_where=sealed_hashes)

account_identifier = Table(
    "account_identifier",
    metadata,
    key("portal", ByBytes),
    key("field", ByBytes),
    key("value", ByBytes),
    given("account", ByBytes),
    ForeignKeyConstraint(["portal", "account"], ["account.portal", "account.id"], ondelete="CASCADE"),
    Index("account_identifier_by_account", "portal", "account", "field", "value"),
)

account_fact = Table(
    "account_fact",
    metadata,
    key("portal", ByBytes),
    key("account", ByBytes),
    key("field", ByBytes),
    given("value", ByBytes),
    ForeignKeyConstraint(["portal", "account"], ["account.portal", "account.id"], ondelete="CASCADE"),
    Index("account_fact_by_value", "portal", "field", "value", "account"),
)

intake = Table(
    "intake",
    metadata,
    key("portal", ByBytes),
    key("id", LargeBinary),
    given("journey", ByBytes),
    maybe("sealed_fields", LargeBinary),
    given("identifier", LargeBinary),
    given("client", LargeBinary),
    given("language", ByBytes),
    given("waiting", LargeBinary),
    given("reference", ByBytes),
    given("accepted_at", BigInteger),
    maybe("outcome", Word(Outcome)),
    given("fence", BigInteger),
    given("claimed_until", BigInteger),
    maybe("grants", Ids),
    Index("intake_by_accepted_at", "accepted_at"),
    Index("intake_by_waiting", "portal", "waiting"),
)
_unresolved = intake.c.outcome.is_(None)
Index(
    "intake_unresolved",
    intake.c.accepted_at,
    postgresql_where=_unresolved,
    sqlite_where=_unresolved,
)

recovery_grant = Table(
    "recovery_grant",
    metadata,
    key("portal", ByBytes),
    key("id", LargeBinary),
    given("account", ByBytes),
    given("purpose", Word(Purpose)),
    given("presentation", Word(Presentation)),
    given("state", Word(State)),
    given("credential_version", BigInteger),
    given("key_id", ByBytes),
    given("issued_at", BigInteger),
    given("expires_at", BigInteger),
    given("requested_at", BigInteger),
    maybe("opened_at", BigInteger),
    maybe("ended_at", BigInteger),
    given("reference", ByBytes),
    given("tries", BigInteger),
    given("context", LargeBinary),
    maybe("sealed", LargeBinary),
    Index("recovery_grant_by_account", "portal", "account", "issued_at"),
    Index("recovery_grant_by_expiry", "state", "expires_at"),
    Index("recovery_grant_by_ended_at", "ended_at"),
)
live_rows = text("state IN ('issued', 'applying')")
"""Literal, because an ON CONFLICT finds its partial index by these very words."""
Index(
    "recovery_grant_one_live",
    recovery_grant.c.portal,
    recovery_grant.c.account,
    recovery_grant.c.purpose,
    unique=True,
    postgresql_where=live_rows,
    sqlite_where=live_rows,
)

outbox = Table(
    "outbox",
    metadata,
    key("portal", ByBytes),
    key("id", LargeBinary),
    given("template", Word(Template)),
    given("language", ByBytes),
    given("message_id", ByBytes),
    given("reference", ByBytes),
    given("sealed", LargeBinary),
    given("recipient", LargeBinary),
    given("grants", Ids),
    maybe("report", LargeBinary),
    given("needs_grant", Boolean),
    given("created_at", BigInteger),
    given("attempts", BigInteger),
    given("fence", BigInteger),
    given("bulk", Boolean),
    given("state", Word(MessageState)),
    maybe("due_at", BigInteger),
    maybe("was_due_at", BigInteger),
    Index("outbox_by_created_at", "created_at"),
    Index("outbox_by_recipient", "portal", "recipient", "template", "created_at"),
    Index("outbox_by_portal", "portal", "bulk", "created_at"),
)
_unsent = outbox.c.due_at.is_not(None)
Index(
    "outbox_due",
    outbox.c.state,
    outbox.c.bulk,
    outbox.c.due_at,
    postgresql_where=_unsent,
    sqlite_where=_unsent,
)

_failed = text("state = 'failed'")
Index("outbox_failed", outbox.c.created_at, postgresql_where=_failed, sqlite_where=_failed)

delivery = Table(
    "delivery",
    metadata,
    key("portal", ByBytes),
    key("message", LargeBinary),
    key("number", Integer),
    given("began_at", BigInteger),
    maybe("ended_at", BigInteger),
    maybe("answer", ByBytes),
    maybe("code", Integer),
    maybe("text", ByBytes),
    ForeignKeyConstraint(["portal", "message"], ["outbox.portal", "outbox.id"], ondelete="CASCADE"),
)

session = Table(
    "session",
    metadata,
    key("portal", ByBytes),
    key("digest", LargeBinary),
    given("account", ByBytes),
    given("kind", Word(SessionKind)),
    given("credential_version", BigInteger),
    maybe("grant", LargeBinary),
    given("device", ByBytes),
    given("client", LargeBinary),
    given("started_at", BigInteger),
    given("last_seen_at", BigInteger),
    Index("session_by_account", "portal", "account"),
    Index("session_by_last_seen_at", "last_seen_at"),
)

device = Table(
    "device",
    metadata,
    key("portal", ByBytes),
    key("device", LargeBinary),
    key("account", ByBytes),
    given("used_at", BigInteger),
    Index("device_by_used_at", "used_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("number", RowNumber, primary_key=True),
    given("portal", ByBytes),
    given("event", Word(Event)),
    maybe("account", ByBytes),
    given("client", LargeBinary),
    given("reference", ByBytes),
    given("detail", CanonicalJson),
    given("at", BigInteger),
    Index("audit_by_account", "portal", "account", "number"),
    sqlite_autoincrement=True,
)

audit_batch = Table(
    "audit_batch",
    metadata,
    key("number", BigInteger),
    given("first", BigInteger),
    given("last", BigInteger),
    given("seal", LargeBinary),
    given("key_id", ByBytes),
)

help_case = Table(
    "help_case",
    metadata,
    key("portal", ByBytes),
    key("id", LargeBinary),
    given("account", ByBytes),
    given("kind", Word(CaseKind)),
    given("reference", ByBytes),
    given("opened_at", BigInteger),
    maybe("closed_at", BigInteger),
    Index("help_case_by_account", "portal", "account", "opened_at"),
)
