"""Backup and restore on PostgreSQL, with its own pg_dump and pg_restore.

A backup is a custom-format dump of the whole database. From it a restore takes rows only: the tables are made by our
own migrations, so nothing that a dump says is run as SQL. Everything happens in one transaction: whoever looks sees
the old tables or the new ones. Passwords reach the programs in their environment, never on the command line.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

from sqlalchemy import Connection, create_engine, exists, func, inspect, make_url, select, text
from sqlalchemy.pool import NullPool

from reclave.adapters.sql import migrate
from reclave.adapters.sql.backup_files import BackupRefused, Finish, Step, Taken, check_known, upgrade
from reclave.adapters.sql.clock import machine_now
from reclave.adapters.sql.engine import connectable
from reclave.adapters.sql.tables import metadata

MAGIC = b"PGDMP"
_COPY = re.compile(rb'COPY [^\s()]+ \(([a-z0-9_", ]+)\) FROM stdin;\n')
_END_OF_ROWS = b"\\.\n"
_AT_ONCE = 1 << 16
_VERSION_TABLE = "alembic_version"
_SEQUENCES = ("audit_number",)
"""What stands beside the tables and moves with them."""
_SERVICE = "reclave"
"""What the service's connections are called, unless the URL says otherwise."""
_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND application_name = :name"
)


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's own programs."""

    pg_dump: Path
    pg_restore: Path


def back_up(url: str, draft: Path, programs: Programs, step: Step) -> Taken:
    """Dump the database into a file, and read the dump back. Raises sqlalchemy's errors, `BackupRefused`."""
    options = {"prepare_threshold": None}
    engine = create_engine(_named(url), isolation_level="REPEATABLE READ", connect_args=options, poolclass=NullPool)
    step(0, None)
    with engine.connect() as connection:
        taken_at = machine_now()
        snapshot = connection.scalar(text("SELECT pg_export_snapshot()"))
        if not inspect(connection).has_table(_VERSION_TABLE):
            raise BackupRefused("there is no database yet: run `reclave migrate`")
        revision = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
        dumped = ("--format=custom", "--no-owner", "--no-privileges", "--no-unlogged-table-data")
        _run(url, [programs.pg_dump, *dumped, f"--snapshot={snapshot}", f"--file={draft}"])
        known = set(inspect(connection).get_table_names())
        counted = {table.name: select(func.count()).select_from(table) for table in metadata.sorted_tables}
        rows = {name: connection.scalar(count) or 0 for name, count in counted.items() if name in known}
    # pg_restore reads and unpacks every row: a dump that is cut short does not pass.
    _run(url, [programs.pg_restore, f"--file={os.devnull}", draft])
    return Taken("PostgreSQL", revision, taken_at, rows)


def restore(
    url: str,
    backup: Path,
    programs: Programs,
    *,
    replace: bool,
    rehearse: bool,
    stamp: str,
    finish: Finish,
    step: Step,
) -> str | None:
    """Put a backup in force; the schema that keeps the tables from before, if they held anything.

    Raises sqlalchemy's errors, `BackupRefused`, and what `finish` raises; then the database is as it was.
    """
    kept = f"reclave_before_{stamp.lower()}"
    step(0, None)
    revision = _revision_of(url, backup, programs)
    check_known(revision)
    with migrate.connect(_named(url)) as connection:
        connection.execute(text("SELECT set_config('lock_timeout', '5s', true)"))
        _check_alone(url, connection)
        holds = _holds_anything(connection)
        if holds and not replace:
            raise BackupRefused(
                f"the database holds data; --replace moves its tables into the schema {kept} and restores"
            )
        _move_aside(connection, kept, keep=holds)
        others = set(inspect(connection).get_table_names())
        upgrade(connection, revision)
        for table in _in_order(connection, others):
            _load(url, connection, programs, backup, table, step)
        _go_on_counting(connection)
        upgrade(connection)
        finish(connection)
        connection.execute(text("ANALYZE"))
        if rehearse:
            connection.rollback()
    return kept if holds and not rehearse else None


def _check_alone(url: str, connection: Connection) -> None:
    others = connection.scalar(_OTHERS, {"name": make_url(url).query.get("application_name", _SERVICE)})
    if others:
        raise BackupRefused(
            f"{others} connections of Reclave are open on this database: stop every `reclave serve`, `reclave worker`"
            " and other command, then restore"
        )


def _holds_anything(connection: Connection) -> bool:
    known = set(inspect(connection).get_table_names())
    ours = (table for table in metadata.sorted_tables if table.name in known)
    return any(connection.scalar(select(exists(select(1).select_from(table)))) for table in ours)


def _move_aside(connection: Connection, kept: str, *, keep: bool) -> None:
    """Move the tables into a schema of their own, which goes with them unless it is to be kept."""
    found = inspect(connection)
    connection.execute(text(f"CREATE SCHEMA {kept}"))
    for table in {*metadata.tables, _VERSION_TABLE} & set(found.get_table_names()):
        connection.execute(text(f'ALTER TABLE "{table}" SET SCHEMA {kept}'))
    for sequence in set(_SEQUENCES) & set(found.get_sequence_names()):
        connection.execute(text(f"ALTER SEQUENCE {sequence} SET SCHEMA {kept}"))
    if not keep:
        connection.execute(text(f"DROP SCHEMA {kept} CASCADE"))


def _in_order(connection: Connection, others: set[str]) -> list[str]:
    """The tables that the migrations made, each after those that its rows refer to."""
    made = (name for name, _ in inspect(connection).get_sorted_table_and_fkc_names() if name is not None)
    return [name for name in made if name not in others and name != _VERSION_TABLE]


def _go_on_counting(connection: Connection) -> None:
    """Have the audit trail's numbers go on after the last that was given or sealed."""
    connection.execute(
        text(
            "SELECT setval('audit_number', last) FROM (SELECT greatest("
            "(SELECT max(number) FROM audit), (SELECT max(last) FROM audit_batch)) AS last) AS given"
            " WHERE last IS NOT NULL"
        )
    )


def _load(url: str, connection: Connection, programs: Programs, backup: Path, table: str, step: Step) -> None:
    """Copy a table's rows out of the dump; a table that the dump leaves out stays empty."""
    with _reading(url, _rows_of(programs, backup, table)) as lines:
        columns = next((found.group(1) for line in lines if (found := _COPY.fullmatch(line))), None)
        if columns is None:
            return
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(f'COPY "{table}" ({columns.decode()}) FROM STDIN') as copy:
            pending = bytearray()
            for line in lines:
                if line == _END_OF_ROWS:
                    break
                pending += line
                if len(pending) > _AT_ONCE:
                    copy.write(bytes(pending))
                    pending.clear()
            copy.write(bytes(pending))
        step(0, None)


def _revision_of(url: str, backup: Path, programs: Programs) -> str:
    with _reading(url, _rows_of(programs, backup, _VERSION_TABLE)) as lines:
        written = next((next(lines, b"") for line in lines if _COPY.fullmatch(line)), b"")
    if not written.strip():
        raise BackupRefused("this is no database of Reclave: it names no revision of its schema")
    return written.decode().strip()


def _rows_of(programs: Programs, backup: Path, table: str) -> list[str | Path]:
    return [programs.pg_restore, "--data-only", f"--table={table}", "--file=-", backup]


def _run(url: str, arguments: Sequence[str | Path]) -> None:
    with _reading(url, arguments) as lines:
        for _ in lines:
            pass


@contextmanager
def _reading(url: str, arguments: Sequence[str | Path]) -> Iterator[IO[bytes]]:
    """What a program says, line by line; all of it is read. Raises `BackupRefused` with its own words if it fails."""
    with TemporaryFile() as errors:
        try:
            process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own, found on PATH or named by the operator
                [str(each) for each in arguments],
                env={**os.environ, **_environment(url)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        except OSError as error:
            raise BackupRefused(f"{arguments[0]} cannot be run ({error.strerror}): name it with an option") from error
        with process:
            lines = cast(IO[bytes], process.stdout)
            try:
                yield lines
                for _ in lines:
                    pass
            except BaseException:  # whatever ended us: no program stays behind
                process.kill()
                raise
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").splitlines() or [f"exit code {process.returncode}"]
            name = Path(arguments[0]).name
            raise BackupRefused(f"{name}: {said[0].removeprefix(f'{name}: ')}")


def _environment(url: str) -> dict[str, str]:
    """libpq's variables for what the URL says."""
    from psycopg import pq

    parsed = make_url(_named(url))
    said = parsed.get_dialect()().create_connect_args(parsed)[1]
    known = {option.keyword.decode(): option.envvar for option in pq.Conninfo.get_defaults() if option.envvar}
    return {known[name].decode(): str(value) for name, value in said.items() if name in known}


def _named(url: str) -> str:
    """The URL for connections that are not the service's."""
    named = make_url(url).update_query_dict({"application_name": "reclave backup"})
    return connectable(named).render_as_string(hide_password=False)
