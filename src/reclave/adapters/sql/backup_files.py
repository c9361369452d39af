"""What backups of both engines share: the error, what was taken, and a file that is whole or not there."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import Connection

from reclave.adapters.sql import migrate
from reclave.domain.errors import ReclaveError
from reclave.domain.time import Instant

Step: TypeAlias = Callable[[int, int | None], None]
"""Told how much is done, of how much (None: unknown)."""

Finish: TypeAlias = Callable[[Connection], None]
"""Called on the restored tables just before anybody else sees them."""


class BackupRefused(ReclaveError):
    """A backup that cannot be taken or restored: why, and what to do. What was in force stays in force."""

    code = "backup_refused"


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup: everything that was committed before `taken_at` is in it. `size` is in bytes."""

    engine: str
    revision: str
    taken_at: Instant
    rows: Mapping[str, int]
    size: int = 0


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A new file (mode 0600) beside `path`, which takes that name when the block ends well and it is on the disk.

    Raises `BackupRefused` where there is something at `path` already; OSError where the folder cannot be written.
    """
    refuse_overwriting(path)
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    os.close(fd)
    draft = Path(name)
    try:
        yield draft
        sync(draft)
        refuse_overwriting(path)
        draft.rename(path)
    except BaseException:  # whatever ended it: no draft stays
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)


def refuse_overwriting(path: Path) -> None:
    """Raise `BackupRefused` where there is something at `path`."""
    if path.exists() or path.is_symlink():
        raise BackupRefused(f"{path}: there is something here already; name a new file")


def sync(path: Path) -> None:
    """Have a file or folder on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def check_known(revision: str) -> None:
    """Raise `BackupRefused` for a revision of the schema that this version does not know."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(migrate.configuration())
    if revision not in {each.revision for each in scripts.walk_revisions()}:
        raise BackupRefused(
            f"its schema is at revision {revision}, newer than this version of Reclave ({migrate.HEAD}):"
            " restore it with the version that took it, or a later one"
        )


def upgrade(connection: Connection, revision: str = migrate.HEAD) -> None:
    """Bring the tables behind a connection to a revision, in its transaction."""
    from alembic import command

    command.upgrade(migrate.configuration(connection), revision)
