"""The `reclave` command: a module for each group of commands. Exit codes are in `console.Exit`."""

import click

from reclave import __version__
from reclave.cli import audit, keys, portal, service, setup


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reclave")
def main() -> None:
    """Self-service access recovery and sign-in for portals."""


for command in (
    service.serve,
    service.worker,
    service.demo,
    setup.migrate,
    setup.check,
    portal.portal,
    keys.keys,
    audit.audit,
):
    main.add_command(command)
