"""Commands about the portal file as an interface."""

import click


@click.group()
def portal() -> None:
    """The portal file as an interface: what it may say."""


@portal.command("schema")
def schema() -> None:
    """Print the portal file's JSON Schema, for editors."""
    from reclave.portal_reference import schema_json

    click.echo(schema_json(), nl=False)


@portal.command("reference")
def reference() -> None:
    """Print every key of the portal file with its meaning and an example (Markdown)."""
    from reclave.portal_reference import reference as written

    click.echo(written(), nl=False)
