"""The database under test, seen and rewound from outside, between the lives of the service's processes."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import psycopg
from psycopg import sql
from sqlalchemy import Connection, create_engine, make_url, select
from sqlalchemy.pool import NullPool

from reclave.adapters.sql.tables import metadata

Row: TypeAlias = Mapping[str, Any]
Rows: TypeAlias = Mapping[str, Sequence[Row]]
"""Every table's rows, as the domain's types."""


class Kept(Protocol):
    """A state that the database can be taken back to."""


class Database(Protocol):
    """One of the two engines."""

    url: str

    def rows(self) -> Rows:
        """Everything that is committed, once what was under way in the server is over."""

    def raw(self) -> bytes:
        """What somebody who takes the disk could read besides, where that is not the same."""

    def keep(self) -> Kept:
        """Remember the state."""

    def rewind(self, kept: Kept) -> None:
        """Take the database back to a state."""


def _read(connection: Connection) -> Rows:
    return {
        table.name: [row._asdict() for row in connection.execute(select(table).order_by(*table.primary_key))]
        for table in metadata.sorted_tables
    }


class SqliteFile:
    """A SQLite file and its log. It is looked at in a copy, so that only the service itself recovers it."""

    def __init__(self, path: Path) -> None:
        self.url = f"sqlite+aiosqlite:///{path}"
        self._path = path
        self._copy = path.with_name("copy.sqlite")
        self._kept = 0
        self._seen: tuple[bytes, Rows] = (b"", {})
        self._engine = create_engine(f"sqlite:///{self._copy}", poolclass=NullPool)

    def rows(self) -> Rows:
        raw = self.raw()
        if raw != self._seen[0]:
            _copy(self._path, self._copy)
            with self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA synchronous = OFF")
                self._seen = raw, _read(connection)
        return self._seen[1]

    def raw(self) -> bytes:
        return b"".join(path.read_bytes() for path in (self._path, _log(self._path)) if path.exists())

    def keep(self) -> Path:
        self._kept += 1
        kept = self._path.with_name(f"kept-{self._kept}.sqlite")
        _copy(self._path, kept)
        return kept

    def rewind(self, kept: Kept) -> None:
        assert isinstance(kept, Path)
        _copy(kept, self._path)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _copy(source: Path, target: Path) -> None:
    target.with_name(f"{target.name}-shm").unlink(missing_ok=True)
    shutil.copyfile(source, target)
    if _log(source).exists():
        shutil.copyfile(_log(source), _log(target))
    else:
        _log(target).unlink(missing_ok=True)


# One table after the other, so that it waits without holding what the other one waits for.
_WAIT = """
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY {}::text[] LOOP
    EXECUTE format('LOCK TABLE %I IN SHARE MODE', name);
    COMMIT;
  END LOOP;
END $$
"""
_END = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'reclave'
"""


class PostgresqlDatabase:
    """A database on PostgreSQL, whose server outlives the processes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url)
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = psycopg.connect(plain, autocommit=True)
        names = [table.name for table in metadata.sorted_tables]
        self._wait = sql.SQL(_WAIT).format(sql.Literal(names))
        self._tables = [sql.Identifier(name) for name in names]

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()
        self._engine.dispose()

    def rows(self) -> Rows:
        # A killed process may have handed its COMMIT to the server.
        self._connection.execute(self._wait)
        with self._engine.connect() as connection:
            return _read(connection)

    def raw(self) -> bytes:
        return b""

    def keep(self) -> list[bytes]:
        kept = []
        with self._connection.cursor() as cursor:
            for table in self._tables:
                with cursor.copy(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(table)) as copy:
                    kept.append(b"".join(bytes(piece) for piece in copy))
        return kept

    def rewind(self, kept: Kept) -> None:
        assert isinstance(kept, list)
        # What the server still does for a process that is gone will be rolled back, and must not be met here.
        self._connection.execute(_END)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            for table in reversed(self._tables):
                cursor.execute(sql.SQL("DELETE FROM {}").format(table))
            for table, content in zip(self._tables, kept, strict=True):
                with cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(table)) as copy:
                    copy.write(content)
            cursor.execute("SELECT setval(pg_get_serial_sequence('audit', 'number'), max(number)) FROM audit")
