"""Commands that keep the database safe: `reclave backup` and `reclave restore`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from reclave.cli.console import Exit, dry_run_option, fail, json_option, operator, print_json, progress, settings_option
from reclave.domain.errors import ReclaveError

if TYPE_CHECKING:
    from reclave.adapters.sql.backup import Step

_Result = TypeVar("_Result")

_pg_dump_option = click.option("--pg-dump", default="", metavar="PROGRAM", help="PostgreSQL's pg_dump; else on PATH.")
_pg_restore_option = click.option(
    "--pg-restore", default="", metavar="PROGRAM", help="PostgreSQL's pg_restore; else the one beside pg_dump."
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_pg_dump_option
@_pg_restore_option
@json_option
@settings_option
def backup(file: Path, pg_dump: str, pg_restore: str, as_json: bool, settings_path: Path) -> None:
    """Write a backup of the database into a new FILE (mode 0600); the service may run meanwhile.

    Everything that was accepted before it began is in it. The keyring is not: keep a copy of it apart.
    """
    from dataclasses import asdict
    from datetime import UTC, datetime

    from reclave.installation.backup import KEEP_APART, Tools, back_up
    from reclave.settings import read_settings

    tools = Tools(pg_dump, pg_restore)
    taken = _with_progress("Copying", lambda step: back_up(read_settings(settings_path), file, tools=tools, step=step))
    if as_json:
        print_json({"file": file, **asdict(taken)})
        return
    at = datetime.fromtimestamp(taken.taken_at // 1_000_000, UTC).isoformat(" ")
    held = f"{taken.rows['account']} accounts, {sum(taken.rows.values())} rows, {taken.size} bytes"
    click.echo(f"{file} holds the {taken.engine} database of {at}: {held}. It was read back and is whole.")
    click.echo(KEEP_APART)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--replace", is_flag=True, help="Restore over a database that holds data; that one is kept beside.")
@dry_run_option
@_pg_dump_option
@_pg_restore_option
@json_option
@settings_option
def restore(
    *, file: Path, replace: bool, dry_run: bool, pg_dump: str, pg_restore: str, as_json: bool, settings_path: Path
) -> None:
    """Put the backup in FILE in force; the service must be stopped.

    The recovery epoch rises, so that nothing that was used or ended since the backup works again: every link, code,
    temporary and initial password of before has ended, and so has every session. An older backup is brought up to
    date on the way. With --dry-run everything is tried but the last step.
    """
    from dataclasses import asdict

    from reclave.installation.backup import Tools
    from reclave.installation.backup import restore as put_in_force
    from reclave.settings import read_settings

    tools = Tools(pg_dump, pg_restore)
    done = _with_progress(
        "Restoring",
        lambda step: put_in_force(
            read_settings(settings_path),
            file,
            replace=replace,
            rehearse=dry_run,
            by=operator(),
            tools=tools,
            step=step,
        ),
    )
    if as_json:
        print_json(asdict(done))
        return
    for sentence in done.sentences():
        click.echo(sentence)


def _with_progress(what: str, work: "Callable[[Step], _Result]") -> _Result:
    """Run a command's work under a progress bar; what people can act on becomes a line for each problem."""
    try:
        with progress() as bar:
            task = bar.add_task(what, total=None)
            return work(lambda done, total: bar.update(task, completed=done, total=total))
    except ReclaveError as error:
        return fail(*str(error).splitlines())
    except KeyboardInterrupt:
        return sys.exit(Exit.INTERRUPTED)
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
