"""`reclave status`: whether the installation does its work, for people, scripts and a container's health check."""

import sys
from pathlib import Path

import click

from reclave.cli.console import Exit, json_option, print_json, print_table, run, settings_option


@click.command()
@click.option("--pages", is_flag=True, help="Only what answering pages needs, as /readyz/pages.")
@json_option
@settings_option
def status(pages: bool, as_json: bool, settings_path: Path) -> None:
    """Say what works and what waits; exit code 1 where something is wrong."""
    from reclave.bootstrap import status_of
    from reclave.domain.readiness import Readiness
    from reclave.settings import read_settings
    from reclave.telemetry.app import as_document

    async def go() -> Readiness:
        found = await status_of(read_settings(settings_path))
        return found.for_pages() if pages else found

    found = run(go)
    if as_json:
        print_json(as_document(found))
    else:
        rows = [
            (each.name, "yes" if each.ok else "NO", each.value, each.limit, each.why, each.remedy)
            for each in found.checks
        ]
        print_table(("Check", "Right", "Measured", "At most", "What is wrong", "What to do"), rows)
    sys.exit(Exit.DONE if found.ready else Exit.REFUSED)
