"""Commands that run until they are told to stop: the service, its worker, the demo."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from reclave.cli.console import end_quietly_on_ctrl_c, run, settings_option


@click.command()
@settings_option
def serve(settings_path: Path) -> None:
    """Serve the portals' pages, with a worker as a child process."""
    end_quietly_on_ctrl_c()
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
            await serve_pages(settings, child, lambda address: click.echo(f"listening on {address}", err=True))

    run(go)


@click.command()
@settings_option
@click.option("--bell-fd", type=int, default=None, hidden=True, help="The pipe over which `serve` wakes it.")
@click.option("--numbers-fd", type=int, default=None, hidden=True, help="The file in which `serve` reads its numbers.")
def worker(settings_path: Path, bell_fd: int | None, numbers_fd: int | None) -> None:
    """Resolve requests and send mail; `serve` starts one by itself."""
    end_quietly_on_ctrl_c()
    from reclave.bootstrap import configure_logging, run_worker
    from reclave.settings import read_settings

    def go() -> Coroutine[Any, Any, None]:
        settings = read_settings(settings_path)
        configure_logging(settings)
        return run_worker(settings, bell_fd, numbers_fd)

    run(go)


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
