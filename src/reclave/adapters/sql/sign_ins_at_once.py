"""Sign-ins on PostgreSQL: what stands before the comparison is one statement, and what follows it is one.

Each is a transaction of its own (docs/adr/0021-a-sign-in-is-two-statements.md). What they do is what
`adapters/step_by_step.py` does, statement by statement.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    LargeBinary,
    Select,
    Text,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    true,
)
from sqlalchemy import literal_column as literal
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.accounts import NAMED
from reclave.adapters.sql.admission import clock_and_patience
from reclave.adapters.sql.clock import ClockOffset
from reclave.adapters.sql.columns import Reader, canonical_json
from reclave.adapters.sql.counter_tables import guess as _guess
from reclave.adapters.sql.counter_tables import rate_limit as _limit
from reclave.adapters.sql.counters import TAKEN_FROM, taking
from reclave.adapters.sql.kept_several import KeptConnections, Statement
from reclave.adapters.sql.sign_ins import (
    DEVICE,
    EVERYONE,
    PORTAL,
    SUBJECT,
    failed,
    few_grants,
    read_schemes,
    recognised,
    schemes,
)
from reclave.adapters.sql.tables import account as _account
from reclave.adapters.sql.tables import audit as _audit
from reclave.adapters.sql.tables import device as _device
from reclave.adapters.sql.tables import recovery_grant as _grant
from reclave.adapters.sql.tables import session as _session
from reclave.domain.accounts import Account
from reclave.domain.audit import Entry
from reclave.domain.grants import Grant
from reclave.domain.sessions import Session
from reclave.domain.throttle import FREE_TRIES, Guess
from reclave.ports.sign_ins import NOBODY, Attempt, Met, Opening, Standing, Tried

CONNECTIONS = 3
"""How many statements of sign-ins a process has under way at once: each takes a few milliseconds, a hash twenty."""
_ACCOUNT, _GRANT = Reader(_account, Account), Reader(_grant, Grant)
_OF_ENTRY = ("portal", "event", "account", "client", "reference", "detail", "at")


class SignInsAtOnce:
    """Tries at passwords, sessions and entries of the audit trail, each in one statement."""

    def __init__(self, connect: Callable[[], Awaitable[AsyncConnection]], clock_offset: ClockOffset) -> None:
        """`connect`: gives a connection in autocommit."""
        self._connections = KeptConnections(connect, CONNECTIONS)
        self._offset = clock_offset

    async def try_password(self, attempt: Attempt) -> tuple[Met, bool]:
        """As `ports.store.Store.try_password`; False where the try is not counted, for it may have to wait.

        Raises as `KeptConnections.run` does; so do the others.
        """
        given = {
            "of_portal": attempt.portal,
            "of_field": attempt.field,
            "of_value": attempt.identifier,
            "on_device": attempt.device,
            "recognised": attempt.recognised,
            "stranger": attempt.stranger,
            "everyone": attempt.everyone,
            "client": attempt.spray.key,
            "interval": attempt.spray.limit.interval,
            "depth": attempt.spray.limit.tolerance + attempt.spray.limit.interval,
        }
        rows = await self._run(_meeting(), given)
        known, written, paid, failures = rows[0][:4]
        account = _ACCOUNT.read(rows[0][4:])
        few = (_GRANT.read(row[4 + _ACCOUNT.width :]) for row in rows)
        standing = Standing(known, [grant for grant in few if grant], read_schemes(written))
        tried = None if failures is None else Tried(0, failures)
        return Met(account, standing, tried), paid == 0 or tried is not None

    async def open_session(self, opening: Opening) -> Session | None:
        """As `ports.store.Store.open_session`; None also where the account has changed in any way."""
        account, session = opening.account, opening.session
        given = {
            "of_portal": account.portal,
            "of_account": account.id,
            "status": account.status,
            "version": account.credential_version,
            "hash": account.password_hash,
            "blocked": account.password_blocked,
            "digest": session.digest,
            "kind": session.kind,
            "on": session.device,
            "client": session.client,
            "on_device": opening.device,
            "of_subject": opening.subject,
            "everyone": opening.everyone,
            **_of_entry(opening.entry),
        }
        begun = await self._run(_opening(), given)
        if not begun:
            return None
        [(now,)] = begun
        return replace(session, credential_version=account.credential_version, started_at=now, last_seen_at=now)

    async def record(self, entry: Entry) -> int:
        """As `ports.store.Store.record`; the entry's number."""
        [(number,)] = await self._run(_recording(), _of_entry(entry))
        return int(number)

    async def close(self) -> None:
        """Give the connections back."""
        await self._connections.close()

    async def _run(self, statement: Statement, given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return await self._connections.run(statement, {**given, "offset": self._offset()})


def _of_entry(entry: Entry) -> dict[str, Any]:
    of = {name: getattr(entry, name) for name in _OF_ENTRY[:-2]}
    return {f"entry_{name}": value for name, value in of.items()} | {"entry_detail": canonical_json(entry.detail)}


@cache
def _meeting() -> Statement:
    """Its rows are (device known, schemes, what the client's limit lets pass, failures of everyone, account, grant)."""
    clock = clock_and_patience()
    found = NAMED.cte("found").prefix_with("MATERIALIZED")
    owner = func.coalesce(select(found.c.id).scalar_subquery(), literal(f"'{NOBODY}'"))
    known = select(recognised(owner).label("recognised"), schemes(func.string_agg).label("schemes"))
    one = known.cte("one").prefix_with("MATERIALIZED")
    paid = _paid(one, clock)
    failures = _counted(one, paid, clock)
    few = few_grants(owner)
    head = (one.c.recognised, one.c.schemes, _only(paid.c.taken), _only(failures.c.failures))
    met = select(*head, *found.c, *(few.c[column.name] for column in _grant.columns))
    met = met.select_from(one.join(found, true(), isouter=True).join(few, true(), isouter=True))
    return Statement(met.order_by(few.c.place))


def _paid(one: CTE, clock: CTE) -> CTE:
    """What the limit of a client lets pass whom the account's devices do not vouch for."""
    interval, depth = bindparam("interval", type_=BigInteger), bindparam("depth", type_=BigInteger)
    client = bindparam("client", type_=LargeBinary)
    new: Select[Any] = select(
        client, clock.c.now + interval, literal("1"), literal("1"), depth, interval, clock.c.now
    ).where(~one.c.recognised, clock.c.patience.is_not(None))
    return taking(upsert(_limit).from_select(TAKEN_FROM, new, include_defaults=False)).cte("paid")


def _counted(one: CTE, paid: CTE, clock: CTE) -> CTE:
    """The try, counted for its subject unless that one may have to wait, or begin to, and then for everyone."""
    there, elsewhere = bindparam("recognised", type_=LargeBinary), bindparam("stranger", type_=LargeBinary)
    passed = or_(one.c.recognised, exists().where(paid.c.taken > literal("0")))
    subject = select(case((one.c.recognised, there), else_=elsewhere), clock.c.now).where(passed)
    tried = _counting(subject.cte("subject"), few=True).returning(_guess.c.subject).cte("tried")
    everyone = select(EVERYONE, clock.c.now).where(exists(select(tried.c.subject))).cte("together")
    return _counting(everyone).returning(_guess.c.failures).cte("counted")


def _counting(one: CTE, *, few: bool = False) -> Insert:
    """One more failure of a subject, given with the time; if few only of one that has a few."""
    subject, now = one.c
    new: Select[Any] = select(
        PORTAL, literal(f"'{Guess.PASSWORD}'"), subject, literal("1"), literal("0"), now, EVERYONE
    )
    first = upsert(_guess).from_select([column.name for column in _guess.columns], new, include_defaults=False)
    return first.on_conflict_do_update(
        index_elements=list(_guess.primary_key),
        set_={
            "failures": _guess.c.failures + literal("1"),
            "counted_at": first.excluded.counted_at,
            "identifier": func.coalesce(_guess.c.identifier, first.excluded.identifier),
        },
        where=_guess.c.failures < literal(str(FREE_TRIES - 1)) if few else None,
    )


@cache
def _opening() -> Statement:
    """Its row is the time, if the account is there as it was."""
    clock = clock_and_patience()
    current = _as_it_was(clock)
    there = exists(select(current.c.id))
    forgotten = delete(_guess).where(failed(SUBJECT), there).returning(_guess.c.subject).cte("forgotten")
    # That it reads the other one's rows puts it last, as tries are counted.
    after = select(func.count(forgotten.c.subject)).scalar_subquery() >= literal("0")
    of_everyone = delete(_guess).where(failed(EVERYONE), there, after).cte("of_everyone")
    whose = (current.c.portal, current.c.id)
    device: Select[Any] = select(current.c.portal, DEVICE, current.c.id, current.c.now)
    remembered = upsert(_device).from_select(list(_device.columns), device, include_defaults=False)
    remembered = remembered.on_conflict_do_update(
        index_elements=list(_device.primary_key), set_={"used_at": remembered.excluded.used_at}
    )
    noted = insert(_audit).from_select(list(_OF_ENTRY), _entry(current.c.now).select_from(current))
    digest, on = bindparam("digest", type_=LargeBinary), bindparam("on", type_=Text)
    kind, client = bindparam("kind", type_=Text), bindparam("client", type_=LargeBinary)
    new: dict[str, Any] = {
        "portal": whose[0],
        "digest": digest,
        "account": whose[1],
        "kind": kind,
        "credential_version": current.c.credential_version,
        "device": on,
        "client": client,
        "started_at": current.c.now,
        "last_seen_at": current.c.now,
    }
    begun = insert(_session).from_select(list(new), select(*new.values()), include_defaults=False)
    began = begun.returning(_session.c.started_at).cte("begun")
    also = (of_everyone, remembered.cte("remembered"), noted.cte("noted"))
    return Statement(select(began.c.started_at).add_cte(*also))


def _as_it_was(clock: CTE) -> CTE:
    """The account, locked, and the time, if nothing has changed since it was looked up."""
    was = {
        _account.c.portal: PORTAL,
        _account.c.id: bindparam("of_account", type_=Text),
        _account.c.status: bindparam("status", type_=Text),
        _account.c.credential_version: bindparam("version", type_=BigInteger),
        _account.c.password_hash: bindparam("hash", type_=Text),
        _account.c.password_blocked: bindparam("blocked"),
    }
    found = select(_account.c.portal, _account.c.id, _account.c.credential_version, clock.c.now)
    found = found.where(*(column == given for column, given in was.items()), clock.c.patience.is_not(None))
    return found.with_for_update(of=_account).cte("current").prefix_with("MATERIALIZED")


@cache
def _recording() -> Statement:
    clock = clock_and_patience()
    return Statement(insert(_audit).from_select(list(_OF_ENTRY), _entry(clock.c.now)).returning(_audit.c.number))


def _entry(now: Any) -> Select[Any]:
    of = (bindparam(f"entry_{name}", type_=_audit.c[name].type) for name in _OF_ENTRY[:-1])
    return select(*of, now)


def _only(column: Any) -> Any:
    return select(column).scalar_subquery()
