"""The tables behind an operator's commands: switches of journeys, imports, the schemes of foreign hashes."""

from sqlalchemy import BigInteger, Boolean, ForeignKeyConstraint, LargeBinary, Table

from reclave.adapters.sql.columns import ByBytes, CanonicalJson, given, key, maybe
from reclave.adapters.sql.tables import metadata

journey_switch = Table(
    "journey_switch",
    metadata,
    key("portal", ByBytes),
    key("journey", ByBytes),
    given("paused", Boolean),
    given("banner", CanonicalJson),
    maybe("until", BigInteger),
    given("changed_at", BigInteger),
)

account_import = Table(
    "account_import",
    metadata,
    key("portal", ByBytes),
    key("account", ByBytes),
    given("row", LargeBinary),
    given("credential_version", BigInteger),
    given("imported_at", BigInteger),
    ForeignKeyConstraint(["portal", "account"], ["account.portal", "account.id"], ondelete="CASCADE"),
)

import_run = Table(
    "import_run",
    metadata,
    key("portal", ByBytes),
    key("file", LargeBinary),
    given("lines", BigInteger),
    given("tallies", CanonicalJson),
    given("started_at", BigInteger),
    given("changed_at", BigInteger),
    maybe("finished_at", BigInteger),
)

password_scheme = Table(
    "password_scheme",
    metadata,
    key("portal", ByBytes),
    key("scheme", ByBytes),
    given("accounts", BigInteger),
)
