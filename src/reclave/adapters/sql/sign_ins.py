"""Sign-ins: each of their looks and writes is one statement on PostgreSQL.

The statements are built once, at import: building one takes longer than sending it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Delete,
    Executable,
    LargeBinary,
    Select,
    Text,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.columns import values_of
from reclave.adapters.sql.counter_tables import guess as _guess
from reclave.adapters.sql.counters import SqlGuesses
from reclave.adapters.sql.operation_tables import password_scheme as _scheme
from reclave.adapters.sql.tables import device as _device
from reclave.adapters.sql.tables import live_rows
from reclave.adapters.sql.tables import recovery_grant as _grant
from reclave.adapters.sql.tables import session as _session
from reclave.domain.grants import Grant
from reclave.domain.sessions import Session
from reclave.domain.throttle import FREE_TRIES, Guess
from reclave.domain.time import Instant
from reclave.ports.sign_ins import COMPARED, OPENED_BY_TEMPORARY, Standing, Tried

_GRANT = [column.name for column in _grant.columns]
# Named like no column: SQLAlchemy keeps those names for the values of an INSERT.
_PORTAL, _ACCOUNT = bindparam("of_portal", type_=Text), bindparam("of_account", type_=Text)
_DEVICE, _NOW = bindparam("on_device", type_=LargeBinary), bindparam("at_now", type_=BigInteger)
_FIRST, _SECOND = bindparam("first", type_=LargeBinary), bindparam("second", type_=LargeBinary)
_EVERYONE = bindparam("everyone", type_=LargeBinary)


def _standing(joined: Callable[..., Any]) -> Select[Any]:
    """One row without a grant, or one for each grant. `joined` is what the engine calls joining texts."""
    known = exists().where(_device.c.portal == _PORTAL, _device.c.device == _DEVICE, _device.c.account == _ACCOUNT)
    written = _scheme.c.scheme + literal_column("'='") + cast(_scheme.c.accounts, Text)
    schemes = select(joined(written, literal_column("','")))
    schemes = schemes.where(_scheme.c.portal == _PORTAL, _scheme.c.accounts > 0)
    one = select(known.label("recognised"), schemes.scalar_subquery().label("schemes")).subquery("one")
    place = (case((live_rows, 0), else_=1), _grant.c.issued_at.desc(), _grant.c.id)
    opened = or_(*(_grant.c.purpose == purpose for purpose in OPENED_BY_TEMPORARY))
    recent = select(_grant, func.row_number().over(order_by=place).label("place"))
    recent = recent.where(_grant.c.portal == _PORTAL, _grant.c.account == _ACCOUNT, opened)
    few = recent.order_by(*place).limit(COMPARED).subquery("few")
    return select(one, few).join_from(one, few, true(), isouter=True).order_by(few.c.place)


def _count() -> Executable:
    """Count two subjects, but for one who may have to wait, or begin to."""
    rows = [
        {
            "portal": _PORTAL,
            "guess": Guess.PASSWORD,
            "subject": subject,
            "failures": 1,
            "blocked_until": 0,
            "counted_at": _NOW,
            "identifier": _EVERYONE,
        }
        for subject in (_FIRST, _SECOND)
    ]
    first = insert(_guess).values(rows)
    return first.on_conflict_do_update(
        index_elements=list(_guess.primary_key),
        set_={
            "failures": _guess.c.failures + 1,
            "counted_at": first.excluded.counted_at,
            "identifier": func.coalesce(_guess.c.identifier, first.excluded.identifier),
        },
        where=or_(_guess.c.subject == _EVERYONE, _guess.c.failures < FREE_TRIES - 1),
    ).returning(_guess.c.subject, _guess.c.failures)


def _forget() -> Delete:
    of_password = (_guess.c.portal == _PORTAL, _guess.c.guess == Guess.PASSWORD)
    either = or_(_guess.c.subject == _FIRST, _guess.c.subject == _SECOND)
    locked = select(*_guess.primary_key).where(*of_password, either).order_by(_guess.c.subject).with_for_update()
    return delete(_guess).where(tuple_(*_guess.primary_key).in_(select(locked.cte("locked", nesting=True))))


_STANDING = {"postgresql": _standing(func.string_agg), "sqlite": _standing(func.group_concat)}
_COUNT = _count()
_NOT_COUNTED = (
    update(_guess)
    .where(_guess.c.portal == _PORTAL, _guess.c.guess == Guess.PASSWORD, _guess.c.subject == _EVERYONE)
    .values(failures=_guess.c.failures - 1)
)
_FORGET = _forget()
_REMEMBER = (
    insert(_device)
    .values(portal=_PORTAL, device=_DEVICE, account=_ACCOUNT, used_at=_NOW)
    .on_conflict_do_update(index_elements=list(_device.primary_key), set_={"used_at": _NOW})
)
_BEGIN = insert(_session).values({name: bindparam(f"of_{name}", type_=of.type) for name, of in _session.c.items()})
_OPEN: Mapping[str, Sequence[Executable]] = {
    "postgresql": [_BEGIN.add_cte(_FORGET.cte("forgotten"), _REMEMBER.cte("remembered"))],
    "sqlite": [_FORGET, _REMEMBER, _BEGIN],
}


class SqlSignIns:
    """`ports.sign_ins.SignIns` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def standing(self, portal: str, account: str, device: bytes) -> Standing:
        given = {"of_portal": portal, "of_account": account, "on_device": device}
        rows = (await self._connection.execute(_STANDING[self._connection.dialect.name], given)).all()
        schemes = (written.rpartition("=") for written in (rows[0].schemes or "").split(",") if written)
        return Standing(
            bool(rows[0].recognised),
            [Grant(**{name: getattr(row, name) for name in _GRANT}) for row in rows if row.id is not None],
            {scheme: int(accounts) for scheme, _, accounts in schemes},
        )

    async def count(self, portal: str, subject: bytes, everyone: bytes) -> Tried:
        first, second = sorted((subject, everyone))
        given = {"of_portal": portal, "first": first, "second": second, "everyone": everyone, "at_now": self._now}
        failures = {row.subject: row.failures for row in await self._connection.execute(_COUNT, given)}
        if subject not in failures:
            guesses = SqlGuesses(self._connection, self._now)
            wait = await guesses.count(portal, Guess.PASSWORD, subject, identifier=everyone)
            if wait:
                await self._connection.execute(_NOT_COUNTED, {"of_portal": portal, "everyone": everyone})
                return Tried(wait, 0)
        return Tried(0, failures[everyone])

    async def open(self, session: Session, device: bytes, subject: bytes, everyone: bytes) -> None:
        given = {f"of_{name}": value for name, value in values_of(session).items()}
        given |= {"on_device": device, "at_now": self._now, "first": subject, "second": everyone}
        for statement in _OPEN[self._connection.dialect.name]:
            await self._connection.execute(statement, given)
