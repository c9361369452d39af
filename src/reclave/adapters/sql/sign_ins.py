"""Sign-ins, statement by statement within a transaction.

The statements are built once, at import: building one takes longer than sending it.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Exists,
    LargeBinary,
    ScalarSelect,
    Select,
    Subquery,
    Text,
    and_,
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
from reclave.domain.throttle import Guess
from reclave.domain.time import Instant
from reclave.ports.sign_ins import COMPARED, OPENED_BY_TEMPORARY, Standing, Tried

_GRANT = [column.name for column in _grant.columns]
# Named like no column: SQLAlchemy keeps those names for the values of an INSERT.
PORTAL, _ACCOUNT = bindparam("of_portal", type_=Text), bindparam("of_account", type_=Text)
DEVICE, _NOW = bindparam("on_device", type_=LargeBinary), bindparam("at_now", type_=BigInteger)
SUBJECT, EVERYONE = bindparam("of_subject", type_=LargeBinary), bindparam("everyone", type_=LargeBinary)


def recognised(account: ColumnElement[Any]) -> Exists:
    """Whether an account signed in on a device before."""
    return exists().where(_device.c.portal == PORTAL, _device.c.device == DEVICE, _device.c.account == account)


def schemes(joined: Callable[..., Any]) -> ScalarSelect[Any]:
    """A portal's schemes as one text. `joined` is what the engine calls joining texts."""
    written = _scheme.c.scheme + literal_column("'='") + cast(_scheme.c.accounts, Text)
    counted = select(joined(written, literal_column("','")))
    return counted.where(_scheme.c.portal == PORTAL, _scheme.c.accounts > literal_column("0")).scalar_subquery()


def few_grants(account: ColumnElement[Any]) -> Subquery:
    """The grants of an account to compare a temporary password with, and the place of each."""
    live_first = case((live_rows, literal_column("0")), else_=literal_column("1"))
    place = (live_first, _grant.c.issued_at.desc(), _grant.c.id)
    opened = or_(*(_grant.c.purpose == literal_column(f"'{purpose}'") for purpose in OPENED_BY_TEMPORARY))
    recent = select(_grant, func.row_number().over(order_by=place).label("place"))
    recent = recent.where(_grant.c.portal == PORTAL, _grant.c.account == account, opened)
    return recent.order_by(*place).limit(literal_column(str(COMPARED))).subquery("few")


def read_schemes(written: str | None) -> dict[str, int]:
    """The numbers of accounts by scheme that `schemes` writes."""
    counts = (each.rpartition("=") for each in (written or "").split(",") if each)
    return {scheme: int(accounts) for scheme, _, accounts in counts}


def _standing(joined: Callable[..., Any]) -> Select[Any]:
    """One row without a grant, or one for each grant."""
    one = select(recognised(_ACCOUNT).label("recognised"), schemes(joined).label("schemes")).subquery("one")
    few = few_grants(_ACCOUNT)
    return select(one, few).join_from(one, few, true(), isouter=True).order_by(few.c.place)


def failed(subject: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a row counts the tries at a password of this subject.

    Of one subject: of two in one condition PostgreSQL may read all guesses of the portal.
    """
    of_password = (_guess.c.portal == PORTAL, _guess.c.guess == literal_column(f"'{Guess.PASSWORD}'"))
    return and_(*of_password, _guess.c.subject == subject)


_STANDING = {"postgresql": _standing(func.string_agg), "sqlite": _standing(func.group_concat)}
_REMEMBER = (
    insert(_device)
    .values(portal=PORTAL, device=DEVICE, account=_ACCOUNT, used_at=_NOW)
    .on_conflict_do_update(index_elements=list(_device.primary_key), set_={"used_at": _NOW})
)
_BEGIN = insert(_session).values({name: bindparam(f"of_{name}", type_=of.type) for name, of in _session.c.items()})
_OPEN = (delete(_guess).where(failed(SUBJECT)), delete(_guess).where(failed(EVERYONE)), _REMEMBER, _BEGIN)


class SqlSignIns:
    """`ports.sign_ins.SignIns` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def standing(self, portal: str, account: str, device: bytes) -> Standing:
        given = {"of_portal": portal, "of_account": account, "on_device": device}
        rows = (await self._connection.execute(_STANDING[self._connection.dialect.name], given)).all()
        grants = [Grant(**{name: getattr(row, name) for name in _GRANT}) for row in rows if row.id is not None]
        return Standing(bool(rows[0].recognised), grants, read_schemes(rows[0].schemes))

    async def count(self, portal: str, subject: bytes, everyone: bytes) -> Tried:
        guesses = SqlGuesses(self._connection, self._now)
        wait = await guesses.count(portal, Guess.PASSWORD, subject, identifier=everyone)
        if wait:
            return Tried(wait, 0)
        return Tried(0, await guesses.add(portal, Guess.PASSWORD, everyone, identifier=everyone))

    async def open(self, session: Session, device: bytes, subject: bytes, everyone: bytes) -> None:
        given = {f"of_{name}": value for name, value in values_of(session).items()}
        given |= {"on_device": device, "at_now": self._now, "of_subject": subject, "everyone": everyone}
        for statement in _OPEN:
            await self._connection.execute(statement, given)
