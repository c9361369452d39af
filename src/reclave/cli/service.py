"""Commands that run until they are told to stop: the service, its worker, the demo."""

import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Literal

import click

from reclave.cli.console import end_quietly_on_ctrl_c, run, settings_option

MOST_PROCESSES = 64
inherited_option = click.option("--inherited", default="", hidden=True, help="What the parent hands over, as JSON.")


@click.command()
@settings_option
@click.option(
    "--processes",
    type=click.IntRange(1, MOST_PROCESSES),
    default=None,
    help="So many processes that answer pages, and as many workers (on SQLite one), all watched: SIGUSR2 replaces them"
    " without a refused request. Left out: pages and worker as simple as can be.",
)
def serve(settings_path: Path, processes: int | None) -> None:
    """Serve the portals' pages, with a worker as a child process."""
    end_quietly_on_ctrl_c()
    if processes is not None:
        sys.exit(run(lambda: _serve_fleet(settings_path, "serve", processes)))
    from reclave import supervisor
    from reclave.settings import read_settings

    async def go() -> None:
        settings = read_settings(settings_path)
        command = supervisor.own_command("worker", "--settings", str(settings_path))
        async with supervisor.loading_worker(command) as child:
            # Two thirds of a start are imports: the worker is at its own meanwhile.
            from reclave.bootstrap import configure_logging
            from reclave.bootstrap import serve as serve_pages

            configure_logging(settings)
            await serve_pages(settings, child, _say_where)

    run(go)


async def _serve_fleet(settings_path: Path, command: Literal["serve", "web"], processes: int) -> int:
    from reclave.settings import read_settings
    from reclave.supervisor import own_command
    from reclave.supervisor.fleet import Fleet

    settings = read_settings(settings_path)
    # SQLite has one writer: a second worker would wait for the first.
    most = processes if settings.database.startswith("postgresql") else 1
    fleet = Fleet(
        settings,
        lambda kind: own_command(kind, "--settings", str(settings_path)),
        pages=processes,
        workers=most if command == "serve" else 0,
    )
    return await fleet.run(_say_where)


@click.command()
@settings_option
@click.option(
    "--processes",
    type=click.IntRange(1, MOST_PROCESSES),
    default=None,
    help="So many processes on the one port, all watched: SIGUSR2 replaces them without a refused request.",
)
@inherited_option
def web(settings_path: Path, processes: int | None, inherited: str) -> None:
    """Serve the portals' pages and nothing else: beside workers, on as many machines as it takes.

    Without --processes, SIGUSR2 has it take no more connections and end when the last one has: for a proxy that sends
    requests elsewhere.
    """
    end_quietly_on_ctrl_c()
    if processes is not None:
        sys.exit(run(lambda: _serve_fleet(settings_path, "web", processes)))
    from reclave.bootstrap import configure_logging, run_web
    from reclave.settings import read_settings
    from reclave.supervisor import inherited_from

    def go() -> Coroutine[Any, Any, None]:
        settings = read_settings(settings_path)
        configure_logging(settings)
        return run_web(settings, inherited_from(inherited) if inherited else None, _say_where)

    run(go)


@click.command()
@settings_option
@click.option(
    "--only",
    type=click.Choice(["resolve", "send"]),
    default=None,
    help="Do only this part of the work; others have to do the other.",
)
@inherited_option
def worker(settings_path: Path, only: str | None, inherited: str) -> None:
    """Resolve requests and send mail; `serve` starts one by itself."""
    end_quietly_on_ctrl_c()
    from reclave.bootstrap import configure_logging, run_worker
    from reclave.settings import read_settings
    from reclave.supervisor import inherited_from

    def go() -> Coroutine[Any, Any, None]:
        settings = read_settings(settings_path)
        configure_logging(settings)
        return run_worker(settings, inherited_from(inherited) if inherited else None, only)

    run(go)


def _say_where(address: str) -> None:
    click.echo(f"listening on {address}", err=True)


@click.command()
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
    end_quietly_on_ctrl_c()
    from reclave.demo.run import run_demo

    run(lambda: run_demo(state, port=port, mailbox_port=mailbox_port, fresh=fresh, database=database))


@click.command()
@click.option("--smtp-port", default=2525, show_default=True, help="Where mail is taken.")
@click.option("--port", default=8025, show_default=True, help="Where it is read.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), default=None, help="Where it is kept.")
def mailbox(smtp_port: int, port: int, folder: Path | None) -> None:
    """Run a mail server on this machine that delivers nothing, and pages to read what it was given."""
    end_quietly_on_ctrl_c()
    from reclave.demo.mailbox_service import run_mailbox

    run(lambda: run_mailbox(folder, smtp_port=smtp_port, port=port))
