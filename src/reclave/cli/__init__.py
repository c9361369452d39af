"""The `reclave` command: a module for each group of commands. Exit codes are in `console.Exit`."""

import click

from reclave import __version__
from reclave.cli import (
    accounts,
    audit,
    backup,
    canary,
    keys,
    mail,
    outbox,
    portal,
    reference,
    service,
    setup,
    status,
    switches,
    telemetry,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reclave")
def main() -> None:
    """Self-service access recovery and sign-in for portals."""


for command in (
    service.serve,
    service.web,
    service.worker,
    service.demo,
    service.mailbox,
    setup.init,
    setup.migrate,
    setup.check,
    setup.config,
    status.status,
    portal.portal,
    accounts.accounts,
    keys.keys,
    outbox.outbox,
    mail.mail,
    audit.audit,
    backup.backup,
    backup.restore,
    canary.canary,
    switches.pause,
    switches.resume,
    switches.banner,
    switches.list_switches,
    reference.reference,
    reference.completion,
):
    main.add_command(command)

for page in (telemetry.metrics, telemetry.log_events):
    reference.reference.add_command(page)
