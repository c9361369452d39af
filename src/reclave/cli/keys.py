"""Commands about the keyring."""

from pathlib import Path

import click

from reclave.cli.console import fail
from reclave.domain.errors import ReclaveError


@click.group()
def keys() -> None:
    """The keyring."""


@keys.command("new")
@click.argument("path", type=click.Path(path_type=Path))
def new(path: Path) -> None:
    """Create a keyring file (mode 0600) with one key, and its epoch beside it."""
    from reclave.bootstrap import new_keyring

    try:
        new_keyring(path)
    except ReclaveError as error:
        fail(str(error))
    click.echo(f"{path} holds a new keyring. Keep a copy apart from the database's backups.")
