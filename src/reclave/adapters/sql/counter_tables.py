"""The tables of what counts: guesses (logged), rate limits (disposable), requests that were turned away."""

from sqlalchemy import BigInteger, Index, LargeBinary, Table

from reclave.adapters.sql.columns import ByBytes, Word, given, key, maybe
from reclave.adapters.sql.tables import metadata
from reclave.domain.throttle import Guess

guess = Table(
    "guess",
    metadata,
    key("portal", ByBytes),
    key("guess", Word(Guess)),
    key("subject", LargeBinary),
    given("failures", BigInteger),
    given("blocked_until", BigInteger),
    given("counted_at", BigInteger),
    maybe("identifier", LargeBinary),
    Index("guess_by_counted_at", "counted_at"),
)
_identifier_known = guess.c.identifier.is_not(None)
Index(
    "guess_by_identifier",
    guess.c.portal,
    guess.c.identifier,
    postgresql_where=_identifier_known,
    sqlite_where=_identifier_known,
)

rate_limit = Table(
    "rate_limit",
    metadata,
    key("key", LargeBinary),
    given("tat", BigInteger),
    given("taken", BigInteger),
    given("wanted", BigInteger),
    given("depth", BigInteger),
    given("interval", BigInteger),
    given("taken_at", BigInteger),
    sqlite_with_rowid=False,
)

turned_away = Table(
    "turned_away",
    metadata,
    key("portal", ByBytes),
    key("hour", BigInteger),
    given("requests", BigInteger),
)
