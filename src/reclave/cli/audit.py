"""Commands about the audit trail."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reclave.cli.console import fail, run_wired, settings_option

if TYPE_CHECKING:
    from reclave.bootstrap import Wired


@click.group()
def audit() -> None:
    """The audit trail."""


@audit.command("verify")
@settings_option
def verify(settings_path: Path) -> None:
    """Check the seals over the audit trail; exit code 1 when an entry was edited, removed or put in."""

    async def go(parts: "Wired") -> None:
        from reclave.worker.housekeeping import verify_audit

        covered, wrong = await verify_audit(parts.services)
        if wrong:
            fail(wrong)
        click.echo(f"{covered} entries are as they were sealed.")

    run_wired(settings_path, go)
