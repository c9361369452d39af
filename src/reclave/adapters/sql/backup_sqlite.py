"""Backup and restore on SQLite.

A backup copies one snapshot: a read transaction on the source, which in WAL mode keeps no writer waiting. Without it
the online backup begins anew whenever another connection writes, and under steady load never ends.
A restore prepares everything in a draft beside the database and copies the draft over it in one transaction of
SQLite's own, so that whoever opens the database after a crash finds the old one or the new one.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import make_url

from reclave.adapters.sql import migrate
from reclave.adapters.sql.backup_files import (
    BackupRefused,
    Finish,
    Step,
    Taken,
    check_known,
    upgrade,
    whole_file,
)
from reclave.adapters.sql.clock import machine_now
from reclave.adapters.sql.engine import SQLITE, create_sqlite_file

MAGIC = b"SQLite format 3\0"
_PAGES = 2_000
"""Copied in one step: 8 MB, a few milliseconds."""


def file_of(url: str) -> Path:
    """The database's file."""
    return Path(make_url(url).database or "")


def back_up(url: str, draft: Path, step: Step) -> Taken:
    """Copy the database into an empty file, and check the copy. Raises sqlite3.Error, `BackupRefused`."""
    with closing(_opened(file_of(url))) as source, closing(_opened(draft)) as copy:
        taken_at = machine_now()
        source.execute("PRAGMA query_only = ON")
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the snapshot begins with the first read
        _copy(source, copy, step)
        _check(copy, draft)
        rows = {table: _asked(copy, f"SELECT count(*) FROM {table}") for table in _tables(copy)}  # noqa: S608 - ours
        return Taken("SQLite", _revision(copy), taken_at, rows)


def restore(
    url: str, backup: Path, *, replace: bool, rehearse: bool, stamp: str, finish: Finish, step: Step
) -> Path | None:
    """Put a backup in force; where the database before it was kept, if it held anything.

    Raises sqlite3.Error, `BackupRefused`, and what `finish` raises; then the database is as it was.
    """
    path = file_of(url)
    kept = path.with_name(f"{path.name}.before-{stamp}")
    if rehearse and not path.exists():
        with _draft(path, backup, finish, step):
            return None
    create_sqlite_file(make_url(url))
    with _alone(path) as live:
        holds = _holds_anything(live, path)
        if holds and not replace:
            raise BackupRefused(f"{path} is in use: it holds data; --replace keeps it as {kept.name} and restores")
        with _draft(path, backup, finish, step) as draft:
            if rehearse:
                return None
            if holds:
                with whole_file(kept) as aside, closing(_opened(aside)) as old:
                    _copy(live, old, step)
            _copy(draft, live, step)
    return kept if holds else None


@contextmanager
def _draft(path: Path, backup: Path, finish: Finish, step: Step) -> Iterator[sqlite3.Connection]:
    """A copy of the backup beside the database, checked, brought up to date and finished; gone afterwards."""
    place = path.with_name(f"{path.name}.restoring")
    _remove(place)
    create_sqlite_file(make_url(f"{SQLITE}:///{place}"))
    try:
        with closing(_opened(backup, "ro")) as source, closing(_opened(place)) as copy:
            _copy(source, copy, step)
            _check(copy, backup)
            check_known(_revision(copy))
        with migrate.connect(f"{SQLITE}:///{place}") as connection:
            upgrade(connection)
            finish(connection)
        with closing(_opened(place)) as draft:
            draft.execute("PRAGMA journal_mode = DELETE")
            yield draft
    finally:
        _remove(place)


@contextmanager
def _alone(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection beside which there is no other, not even one at rest. Raises `BackupRefused`."""
    with closing(_opened(path, patience=0.5)) as connection:
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            # Leaving WAL takes the file for itself, which fails while any process has it open; the next one to open
            # it goes back to WAL.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorname not in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
                raise _unreadable(path, error) from error
            raise BackupRefused(
                f"{path} is open in another process: stop `reclave serve` and every other command, then restore"
            ) from error
        yield connection


def _holds_anything(live: sqlite3.Connection, path: Path) -> bool:
    try:
        return any(_asked(live, f"SELECT EXISTS (SELECT 1 FROM {table})") for table in _tables(live))  # noqa: S608 - ours
    except sqlite3.DatabaseError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: sqlite3.Error) -> BackupRefused:
    return BackupRefused(f"{path} cannot be read ({error}): move it away, with its -wal and -shm, then restore")


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, step: Step) -> None:
    source.backup(target, pages=_PAGES, progress=lambda _, left, total: step(total - left, total))


def _check(copy: sqlite3.Connection, path: Path) -> None:
    """Raise `BackupRefused` for a copy that is damaged."""
    copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a journal beside it
    (found,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise BackupRefused(f"{path} is damaged ({found.splitlines()[0]}): use another backup")
    if copy.execute("PRAGMA foreign_key_check").fetchone():
        raise BackupRefused(f"{path} is damaged (rows refer to rows that are missing): use another backup")


def _revision(copy: sqlite3.Connection) -> str:
    try:
        (revision,) = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.OperationalError, TypeError) as error:
        raise BackupRefused("this is no database of Reclave: it names no revision of its schema") from error
    return str(revision)


def _tables(connection: sqlite3.Connection) -> list[str]:
    """Tables that hold rows of ours, as SQL writes their names."""
    named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    return [name for (name,) in connection.execute(named) if name != "alembic_version"]


def _asked(connection: sqlite3.Connection, question: str) -> int:
    (answer,) = connection.execute(question).fetchone()
    return int(answer)


def _opened(path: Path, mode: str = "rw", patience: float = 10.0) -> sqlite3.Connection:
    """A connection to a file that is there, in autocommit; `patience` is in seconds."""
    place = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(place, uri=True, isolation_level=None, timeout=patience)


def _remove(place: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            place.with_name(place.name + suffix).unlink()
