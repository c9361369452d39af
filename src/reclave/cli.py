"""The `reclave` command.

Exit codes: 0 done, 1 something is not as it must be (one line on standard error says what and the way out),
2 a usage error.
"""

import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

import click

from reclave import __version__
from reclave.domain.errors import ReclaveError

_settings_option = click.option(
    "--settings",
    "settings_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("reclave.toml"),
    show_default=True,
    help="The settings file.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reclave")
def main() -> None:
    """Self-service access recovery and sign-in for portals."""


@main.command()
@_settings_option
def serve(settings_path: Path) -> None:
    """Serve the portals' pages, with a worker as a child process."""
    _end_quietly_on_ctrl_c()
    from reclave import supervisor
    from reclave.settings import read_settings

    async def go() -> None:
        settings = read_settings(settings_path)
        command = supervisor.own_command("worker", "--settings", str(settings_path))
        async with supervisor.loading_worker(command) as child:
            # Two thirds of a start are imports: the worker is at its own meanwhile.
            from reclave.bootstrap import configure_logging
            from reclave.bootstrap import serve as run

            configure_logging(settings)
            await run(settings, child, lambda address: click.echo(f"listening on {address}", err=True))

    _run(go)


@main.command()
@_settings_option
@click.option("--bell-fd", type=int, default=None, hidden=True, help="The pipe over which `serve` wakes it.")
def worker(settings_path: Path, bell_fd: int | None) -> None:
    """Resolve requests and send mail; `serve` starts one by itself."""
    _end_quietly_on_ctrl_c()
    from reclave.bootstrap import configure_logging, run_worker
    from reclave.settings import read_settings

    def go() -> Coroutine[Any, Any, None]:
        settings = read_settings(settings_path)
        configure_logging(settings)
        return run_worker(settings, bell_fd)

    _run(go)


@main.command()
@_settings_option
def migrate(settings_path: Path) -> None:
    """Bring the database up to date."""
    from reclave.bootstrap import upgrade_database
    from reclave.settings import read_settings

    try:
        upgrade_database(read_settings(settings_path))
    except ReclaveError as error:
        _fail(str(error))
    click.echo("The database is up to date.")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def check(folder: Path) -> None:
    """Check a folder of portal files."""
    from reclave.bootstrap import check_portals

    try:
        portals = check_portals(folder).portals
    except ReclaveError as error:
        _fail(str(error))
    for portal in portals.values():
        click.echo(f"{portal.id}: {portal.file.portal.name}, {portal.file.portal.host}{portal.file.portal.path}")


@main.group()
def portal() -> None:
    """The portal file as an interface: what it may say."""


@portal.command("schema")
def portal_schema() -> None:
    """Print the portal file's JSON Schema, for editors."""
    from reclave.portal_reference import schema_json

    click.echo(schema_json(), nl=False)


@portal.command("reference")
def portal_reference() -> None:
    """Print every key of the portal file with its meaning and an example (Markdown)."""
    from reclave.portal_reference import reference

    click.echo(reference(), nl=False)


@main.group()
def keys() -> None:
    """The keyring."""


@keys.command("new")
@click.argument("path", type=click.Path(path_type=Path))
def keys_new(path: Path) -> None:
    """Create a keyring file (mode 0600) with one key, and its epoch beside it."""
    from reclave.bootstrap import new_keyring

    try:
        new_keyring(path)
    except ReclaveError as error:
        _fail(str(error))
    click.echo(f"{path} holds a new keyring. Keep a copy apart from the database's backups.")


@main.group()
def audit() -> None:
    """The audit trail."""


@audit.command("verify")
@_settings_option
def audit_verify(settings_path: Path) -> None:
    """Check the seals over the audit trail; exit code 1 when an entry was edited, removed or put in."""
    from reclave.bootstrap import wired
    from reclave.settings import read_settings
    from reclave.worker.housekeeping import verify_audit

    async def go() -> None:
        async with wired(read_settings(settings_path)) as parts:
            covered, wrong = await verify_audit(parts.services)
        if wrong:
            _fail(wrong)
        click.echo(f"{covered} entries are as they were sealed.")

    _run(go)


@main.command()
@click.option("--fresh", is_flag=True, help="Start anew: forget accounts, passwords and mails of earlier runs.")
@click.option("--port", default=8000, show_default=True, help="Where the portals' pages are.")
@click.option("--mailbox-port", default=8025, show_default=True, help="Where the mailbox is.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".reclave-demo"),
    show_default=True,
    help="The folder that holds everything the demo keeps.",
)
@click.option("--database", default="", help="A PostgreSQL URL instead of the embedded database.")
def demo(fresh: bool, port: int, mailbox_port: int, state: Path, database: str) -> None:
    """Run the demo portals on this machine, with a mailbox to read their mail in."""
    _end_quietly_on_ctrl_c()
    from reclave.demo.run import run_demo

    _run(lambda: run_demo(state, port=port, mailbox_port=mailbox_port, fresh=fresh, database=database))


def _end_quietly_on_ctrl_c() -> None:
    """Until the event loop has handlers of its own, Ctrl-C ends the process at once: there is nothing to finish."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _run(make: Callable[[], Coroutine[Any, Any, None]]) -> None:
    import uvloop

    try:
        uvloop.run(make())
    except* (ReclaveError, OSError, ValueError) as group:
        first = _first(group)
        if isinstance(first, ReclaveError):
            _fail(str(first))
        if isinstance(first, OSError) and first.strerror:
            _fail(f"{first.filename}: {first.strerror}" if first.filename else first.strerror)
        raise


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _fail(message: str) -> NoReturn:
    click.echo(f"reclave: {message}", err=True)
    sys.exit(1)
