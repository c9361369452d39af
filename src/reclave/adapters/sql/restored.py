"""What a restore ends, so that nothing comes back to life that had ended since the backup was taken."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from reclave.adapters.sql.columns import values_of
from reclave.adapters.sql.counter_tables import rate_limit
from reclave.adapters.sql.tables import account, audit, intake, live_rows, outbox, recovery_grant, session
from reclave.domain.audit import Entry
from reclave.domain.grants import Purpose, State
from reclave.domain.intake import Outcome
from reclave.domain.outbox import GIVE_UP, MessageState
from reclave.domain.time import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a restore ended: live grants (of these, initial passwords on paper), sessions, requests that were not
    resolved, messages that were not sent, changes of address that waited; and the messages that are still to go."""

    grants: int
    on_paper: int
    sessions: int
    requests: int
    messages: int
    address_changes: int
    still_to_send: int


def end_what_came_back(connection: Connection, now: Instant) -> Ended:
    """End what a backup holds that may have been used, ended or refused since it was taken.

    Messages that promise a grant are cancelled with it, and so are those that nobody would have tried any longer.
    Other notices stay queued: one that was sent since the backup goes out twice.
    """
    live = and_(live_rows, recovery_grant.c.expires_at > now)
    paper = and_(live, recovery_grant.c.purpose == Purpose.ACTIVATE)
    unsent = outbox.c.state.in_([MessageState.QUEUED, MessageState.SENDING])
    over = and_(unsent, or_(outbox.c.needs_grant, outbox.c.created_at < now - GIVE_UP))
    unresolved = intake.c.outcome.is_(None)
    changing = account.c.next_address_at.is_not(None)
    ended = Ended(
        grants=_count(connection, live),
        on_paper=_count(connection, paper),
        sessions=connection.scalar(select(func.count()).select_from(session)) or 0,
        requests=_count(connection, unresolved),
        messages=_count(connection, over),
        address_changes=_count(connection, changing),
        still_to_send=_count(connection, unsent) - _count(connection, over),
    )
    no_address = {"next_address": None, "next_address_canonical": None, "next_address_at": None}
    for statement in (
        update(recovery_grant).where(live_rows).values(state=State.REVOKED, ended_at=now),
        delete(session),
        update(intake).where(unresolved).values(outcome=Outcome.STALE, sealed_fields=None),
        update(outbox).where(over).values(state=MessageState.CANCELLED, due_at=None),
        update(account).where(changing).values(no_address),
        delete(rate_limit),
    ):
        connection.execute(statement)
    return ended


def keys_in_use(connection: Connection) -> set[str]:
    """The ids of the keys that grants of the restored tables were made with."""
    return set(connection.scalars(select(recovery_grant.c.key_id).distinct()))


def record(connection: Connection, entry: Entry, now: Instant) -> None:
    """Append an entry to the restored audit trail."""
    connection.execute(insert(audit).inline().values({**values_of(entry), "at": now}))


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.scalar(select(func.count()).where(condition)) or 0
