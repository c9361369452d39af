"""What all commands share: exit codes, options, how they run, and how they speak to people and to scripts.

People get tables and progress (plain where the output is no terminal or NO_COLOR is set); scripts get JSON with
`--json` on standard output, one document. Problems go to standard error, one line each.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from reclave.domain.errors import ReclaveError

if TYPE_CHECKING:
    from rich.progress import Progress

    from reclave.bootstrap import Wired
    from reclave.domain.portal import Portal


_Result = TypeVar("_Result")


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    IN_PART = 3
    INTERRUPTED = 130


EXIT_MEANINGS: dict[Exit, str] = {
    Exit.DONE: "Done.",
    Exit.REFUSED: "Nothing was done, or what was checked is not as it must be; standard error says what and the"
    " way out.",
    Exit.USAGE: "The command was written wrongly; standard error says how it is written.",
    Exit.IN_PART: "Done but for some, which are listed with their reasons: rows that were refused, for example; or not"
    " tried at all for now (`canary run` while a cooldown lasts).",
    Exit.INTERRUPTED: "Ended by Ctrl-C; what was done stays done, and the same command goes on from there.",
}

settings_option = click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("reclave.toml"),
    show_default=True,
    envvar="RECLAVE_SETTINGS",
    help="The settings file.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")


def run(make: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    """Run a command's coroutine; an error that people can act on becomes a line for each problem and exit code 1."""
    import uvloop

    try:
        return uvloop.run(make())
    except* (ReclaveError, OSError, ValueError) as group:
        first = _first(group)
        if isinstance(first, ReclaveError):
            fail(*str(first).splitlines())
        if isinstance(first, OSError) and first.strerror:
            fail(f"{first.filename}: {first.strerror}" if first.filename else first.strerror)
        raise
    except* KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def run_wired(settings_path: Path, work: "Callable[[Wired], Awaitable[None]]") -> None:
    """Run a command's work over the installation that a settings file describes."""

    async def go() -> None:
        from reclave.bootstrap import configure_command_logging, wired
        from reclave.settings import read_settings

        configure_command_logging()
        async with wired(read_settings(settings_path)) as parts:
            await work(parts)

    run(go)


def end_quietly_on_ctrl_c() -> None:
    """Until the event loop has handlers of its own, Ctrl-C ends the process at once: there is nothing to finish.

    SIGHUP asks a service to read its portal files again: one that is about to read them has nothing to do. SIGUSR2 asks
    one of many processes to be replaced: whoever is not one of many stays.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def fail(*problems: str, code: Exit = Exit.REFUSED) -> NoReturn:
    """Say each problem in a line of its own on standard error, and end."""
    for problem in problems:
        click.echo(f"reclave: {problem}", err=True)
    sys.exit(code)


def operator() -> str:
    """Who runs the command, for the audit trail: the login name."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"user {os.getuid()}"


def time_in(portal: "Portal", instant: int) -> str:
    """An instant in the portal's time zone: `2026-11-23 08:00:00-05:00`."""
    from datetime import datetime

    return datetime.fromtimestamp(instant // 1_000_000, portal.zone).isoformat(" ")


def print_json(document: object) -> None:
    """Print one JSON document: keys as written, bytes as hexadecimal, instants as the callers wrote them."""
    import msgspec

    plain = msgspec.to_builtins(document, builtin_types=(bytes,), enc_hook=_encoded)
    click.echo(msgspec.json.format(msgspec.json.encode(_in_hexadecimal(plain)), indent=2).decode())


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "", if_empty: str = "None."
) -> None:
    """Print a table for people, or a sentence where there are no rows."""
    from rich.console import Console
    from rich.table import Table

    listed = [[_cell(value) for value in row] for row in rows]
    if not listed:
        click.echo(if_empty)
        return
    table = Table(title=title or None, title_justify="left")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in listed:
        table.add_row(*row)
    Console().print(table)


def progress() -> "Progress":
    """A progress display on standard error, shown on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def _cell(value: object) -> str:
    from rich.markup import escape

    return "—" if value is None or value == "" else escape(str(value))


def _in_hexadecimal(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: _in_hexadecimal(inner) for name, inner in value.items()}
    return [_in_hexadecimal(inner) for inner in value] if isinstance(value, list | tuple) else value


def _encoded(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not for scripts")


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
