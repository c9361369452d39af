"""Taking a backup, and putting one in force without bringing anything back to life that had ended since (I4, S10)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from reclave.adapters.clock import SystemClock
from reclave.adapters.keyring import Keyring, bump_epoch, load_keyring
from reclave.adapters.sql import backup
from reclave.adapters.sql.backup import BackupRefused, Step, Taken, Tools
from reclave.adapters.sql.restored import Ended, end_what_came_back, keys_in_use, record
from reclave.domain.audit import Entry, Event
from reclave.domain.time import SECOND, Instant
from reclave.settings import Settings

__all__ = ["BackupRefused", "Restored", "Tools", "back_up", "restore"]

KEEP_APART = "The keyring and its epoch are not in it, and without them it opens nothing: keep them apart from it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did, or would do: what it ended, the epoch from now on, where the database before it is kept."""

    ended: Ended
    epoch: int
    kept: str
    done: bool

    def sentences(self) -> Sequence[str]:
        """What became of it, for people."""
        ended = self.ended
        if self.done:
            said = [
                f"The recovery epoch is {self.epoch}: links, codes and temporary passwords from before fit nothing."
            ]
        else:
            said = [f"Nothing was done. The recovery epoch would be {self.epoch}, and what follows would have ended."]
        what = f"{ended.grants} live grants, {ended.sessions} sessions, {ended.requests} unresolved requests"
        said.append(f"Ended: {what}, {ended.messages} unsent mails. Whoever waits for one asks again.")
        if ended.on_paper:
            said.append(f"Initial passwords on paper that need new letters: {ended.on_paper}.")
        if ended.address_changes:
            said.append(f"Changes of address that waited, and are asked for again: {ended.address_changes}.")
        if ended.still_to_send:
            said.append(f"Notices still to send, perhaps for the second time: {ended.still_to_send}.")
        if self.kept:
            said.append(f"What was there before is kept: {self.kept}.")
        said.append("Passwords are as they were when the backup was taken.")
        return said


def back_up(settings: Settings, path: Path, *, tools: Tools, step: Step) -> Taken:
    """Write a backup of the database into a new file. Raises `BackupRefused`, OSError."""
    return backup.back_up(settings.database, path, tools=tools, step=step)


def restore(
    settings: Settings, path: Path, *, replace: bool, rehearse: bool, by: str, tools: Tools, step: Step
) -> Restored:
    """Put a backup in force. The recovery epoch rises just before anybody sees the restored tables.

    Stopped between the two, the old tables are in force under the new epoch: people ask again, nothing is lost.

    Raises `BackupRefused`, `KeyringRefused`, OSError; then the database is as it was.
    """
    ring, now = load_keyring(settings.keyring), SystemClock().now()
    seen: list[tuple[Ended, int]] = []

    def finish(connection: Connection) -> None:
        _check_keys(ring, connection)
        ended = end_what_came_back(connection, now)
        epoch = ring.epoch + 1 if rehearse else bump_epoch(settings.keyring)
        detail = {"by": by, "epoch": str(epoch)} | {name: str(count) for name, count in asdict(ended).items()}
        record(connection, Entry(portal="", event=Event.DATABASE_RESTORED, detail=detail), now)
        seen.append((ended, epoch))

    kept = backup.restore(
        settings.database,
        path,
        replace=replace,
        rehearse=rehearse,
        stamp=_stamp(now),
        finish=finish,
        tools=tools,
        step=step,
    )
    ((ended, epoch),) = seen
    return Restored(ended=ended, epoch=epoch, kept=kept, done=not rehearse)


def _check_keys(ring: Keyring, connection: Connection) -> None:
    """Raise `BackupRefused` where the backup was made with keys that the keyring does not hold."""
    unknown = sorted(keys_in_use(connection) - set(ring.keys))
    if unknown:
        raise BackupRefused(
            f"{ring.path} lacks keys that the backup was made with ({', '.join(unknown)}):"
            " restore the keyring that belongs to it first"
        )


def _stamp(instant: Instant) -> str:
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")
