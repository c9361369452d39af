"""Backup and restore of a store's database, whichever engine it is on."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reclave.adapters.sql import backup_postgresql, backup_sqlite
from reclave.adapters.sql.backup_files import BackupRefused, Finish, Step, Taken, whole_file
from reclave.adapters.sql.engine import SQLITE
from reclave.adapters.sql.migrate import missing

__all__ = ["BackupRefused", "Finish", "Step", "Taken", "Tools", "back_up", "restore"]


@dataclass(frozen=True, slots=True)
class Tools:
    """Where PostgreSQL's programs are; empty: on PATH, pg_restore beside pg_dump."""

    pg_dump: str = ""
    pg_restore: str = ""

    def found(self) -> backup_postgresql.Programs:
        """Both programs. Raises `BackupRefused`."""
        pg_dump = self.pg_dump or shutil.which("pg_dump")
        if not pg_dump:
            raise BackupRefused(
                "pg_dump is not on PATH: install PostgreSQL's client programs, or name it with --pg-dump"
            )
        pg_restore = Path(self.pg_restore) if self.pg_restore else Path(pg_dump).with_name("pg_restore")
        return backup_postgresql.Programs(Path(pg_dump), pg_restore)


def back_up(url: str, path: Path, *, tools: Tools, step: Step) -> Taken:
    """Write a backup of the database at `url` into a new file (mode 0600); writers are not kept waiting.

    Raises `BackupRefused`, OSError; then there is no file at `path`.
    """
    with _said_plainly():
        if missing(url):
            raise BackupRefused("there is no database yet: run `reclave migrate`")
        with whole_file(path) as draft:
            if _on_sqlite(url):
                taken = backup_sqlite.back_up(url, draft, step)
            else:
                taken = backup_postgresql.back_up(url, draft, tools.found(), step)
            return replace(taken, size=draft.stat().st_size)


def restore(
    url: str, path: Path, *, replace: bool, rehearse: bool, stamp: str, finish: Finish, tools: Tools, step: Step
) -> str:
    """Put a backup in force at `url`; what keeps the database from before (a file, a schema), if it held anything.

    The backup is copied, checked and brought up to date where nobody sees it; then `finish` is called on its tables;
    then all becomes visible at once. With `rehearse` it never does. `stamp` names what is kept.

    Raises `BackupRefused` (the service runs; the database holds data and `replace` is False; the backup is damaged,
    of the other engine, of a newer version), OSError, and what `finish` raises; then the database is as it was.
    """
    with _said_plainly():
        _check_engine(url, path)
        if _on_sqlite(url):
            kept = backup_sqlite.restore(
                url, path, replace=replace, rehearse=rehearse, stamp=stamp, finish=finish, step=step
            )
            return str(kept or "")
        moved = backup_postgresql.restore(
            url, path, tools.found(), replace=replace, rehearse=rehearse, stamp=stamp, finish=finish, step=step
        )
        return f"schema {moved}" if moved else ""


def _check_engine(url: str, path: Path) -> None:
    with path.open("rb") as file:
        began = file.read(len(backup_sqlite.MAGIC))
    found = {
        began == backup_sqlite.MAGIC: "SQLite",
        began.startswith(backup_postgresql.MAGIC): "PostgreSQL",
    }.get(True)
    if found is None:
        raise BackupRefused(f"{path} is no backup: it begins with neither SQLite's nor pg_dump's mark")
    wanted = "SQLite" if _on_sqlite(url) else "PostgreSQL"
    if found != wanted:
        raise BackupRefused(f"{path} is a backup of {found}, and the settings name a database on {wanted}")


def _on_sqlite(url: str) -> bool:
    return make_url(url).drivername == SQLITE


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Put an error of the database into a line for an operator."""
    try:
        yield
    except DBAPIError as error:
        raise BackupRefused(f"database: {_first_line(error.orig)}") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise BackupRefused(f"database: {_first_line(error)}") from error


def _first_line(error: BaseException | None) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
