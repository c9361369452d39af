"""Everything a story plays with: a database, a mail server that outlives the processes, and the fork server."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reclave.demo.maildrop import Maildrop
from reclave.demo.smtp_server import LoopbackSmtpServer
from reclave.demo.stored_message import StoredMessage
from reclave.domain.passwords import normalise
from reclave.domain.time import SECOND, Instant
from reclave.journeys.services import Services
from tests.crash.database import Database, Kept, Row, Rows
from tests.crash.processes import Deeds, ForkServer, Process
from tests.crash.wire import Deed, Job

_FIRST_INSTANT = 10**14
"""Numbers above are instants (from 1973 on), below they are spans, counts and versions."""
_JITTER = 30 * SECOND


class RewindableMaildrop(Maildrop):
    """A maildrop that can be taken back to what it held."""

    def rewind(self, messages: Sequence[StoredMessage]) -> None:
        """Hold these messages (newest first) and no others."""
        self._messages = {message.id: message for message in reversed(messages)}


@dataclass(slots=True)
class Theatre:
    """Starts processes and shows what they leave behind."""

    database: Database
    fork_server: ForkServer
    services: Services
    maildrop: RewindableMaildrop
    mail_server: LoopbackSmtpServer
    first: Kept
    opened_at: Instant
    initial_password: str
    double: str = ""
    _fitting: dict[tuple[str | None, str], bool] = field(default_factory=dict)

    async def play(self, process: Process, deed: Deed, now: Instant, seed: str, *, kill_at: int | None = None) -> Deeds:
        """Have a process do something; if it dies of it, what it had handed to the mail server is waited for."""
        deeds = await process.do(
            Job(
                deed=deed,
                now=now,
                seed=seed,
                smtp_port=self.mail_server.port,
                kill_at=kill_at,
                double=self.double,
            )
        )
        connections = self.mail_server._open
        if deeds.killed_at and connections._connections:
            await connections._none_left.wait()
        return deeds

    def rewind(self, kept: Kept | None = None, mails: Sequence[StoredMessage] = ()) -> None:
        """Go back to a state; to the first one, where none is given."""
        self.database.rewind(self.first if kept is None else kept)
        self.maildrop.rewind(mails)

    def mails(self) -> list[StoredMessage]:
        """Every mail that has arrived, newest first."""
        return self.maildrop.messages()

    async def fit(self, hashed: str | None, passwords: Iterable[str]) -> list[str]:
        """Those of some passwords that are the one which was hashed."""
        fitting = []
        for password in passwords if hashed else ():
            known = self._fitting.get((hashed, password))
            if known is None:
                known = await self.services.hasher.verify(hashed, normalise(password))
                self._fitting[hashed, password] = known
            if known:
                fitting.append(password)
        return fitting


def likeness(rows: Rows, mails: Sequence[StoredMessage], now: Instant) -> bytes:
    """What two outcomes have in common but for the moments at which things happened, as a digest.

    Instants count as so many half minutes after `now`; a hash of a password, which is salted, as its presence.
    """
    seen = [f"{mail.message_id} {mail.recipients}" for mail in mails]
    for table, of_table in rows.items():
        seen += sorted(f"{table} {_without_moments(row, now)}" for row in of_table)
    return hashlib.sha256("\n".join(seen).encode()).digest()


def _without_moments(row: Row, now: Instant) -> dict[str, Any]:
    return {name: _rounded(name, value, now) for name, value in row.items() if name != "number"}


def _rounded(name: str, value: Any, now: Instant) -> Any:
    if name in {"password_hash", "sealed"}:
        return value is not None
    if isinstance(value, int) and value > _FIRST_INSTANT:
        return round((value - now) / _JITTER)
    return value
