"""Commands that set an installation up and say whether it is as it must be."""

from pathlib import Path

import click

from reclave.cli.console import fail, settings_option
from reclave.domain.errors import ReclaveError


@click.command()
@settings_option
def migrate(settings_path: Path) -> None:
    """Bring the database up to date."""
    from reclave.bootstrap import upgrade_database
    from reclave.settings import read_settings

    try:
        upgrade_database(read_settings(settings_path))
    except ReclaveError as error:
        fail(str(error))
    click.echo("The database is up to date.")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def check(folder: Path) -> None:
    """Check a folder of portal files."""
    from reclave.bootstrap import check_portals

    try:
        portals = check_portals(folder).portals
    except ReclaveError as error:
        fail(str(error))
    for portal in portals.values():
        click.echo(f"{portal.id}: {portal.file.portal.name}, {portal.file.portal.host}{portal.file.portal.path}")
