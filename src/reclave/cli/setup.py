"""Commands that set an installation up, and say whether it is as it must be."""

from pathlib import Path
from typing import Any

import click

from reclave.cli.console import Exit, fail, json_option, print_json, print_table, run, settings_option
from reclave.domain.errors import ReclaveError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--base-url", default="http://localhost:8000", show_default=True, help="Where people will reach it.")
@click.option("--portal", "portal_id", default="portal", show_default=True, help="The first portal's id.")
@click.option("--name", "portal_name", default="Mi portal", show_default=True, help="Its name, for people.")
@click.option(
    "--sender", default="Mi portal <no-responder@portal.example>", show_default=True, help="Whom its mail comes from."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The folder of the database, where it is not to be in FOLDER/database.",
)
@json_option
def init(
    folder: Path,
    base_url: str,
    portal_id: str,
    portal_name: str,
    sender: str,
    state: Path | None,
    as_json: bool,
) -> None:
    """Write a new installation into FOLDER: settings, keyring (mode 0600), and one portal to start from."""
    from reclave.installation.starting import Beginning, begin

    beginning = Beginning(base_url=base_url, portal_id=portal_id, portal_name=portal_name, sender=sender, state=state)
    try:
        settings = begin(folder, beginning)
    except ReclaveError as error:
        fail(*str(error).splitlines())
    portal_file = folder / "portals" / f"{portal_id}.toml"
    if as_json:
        print_json({"settings": settings, "portal": portal_file, "keyring": folder / "keyring"})
        return
    print_table(
        ("", "What to do next", "With"),
        [
            (1, "Say where people reach it and which server takes its mail", settings),
            (2, "Describe the portal: name, colour, help desk, journeys", portal_file),
            (3, "See what is wrong, and which risks it takes", f"reclave check --settings {settings}"),
            (4, "Make the database", f"reclave migrate --settings {settings}"),
            (5, "Bring the accounts", f"reclave accounts import FILE.csv --portal {portal_id} --settings {settings}"),
            (6, "Serve", f"reclave serve --settings {settings}"),
            (7, "Keep a copy of the keyring, apart from the database's backups", folder / "keyring"),
        ],
        title=f"{folder} holds a new installation.",
    )


@click.command()
@click.option("--plan", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
@settings_option
def migrate(plan: bool, as_json: bool, settings_path: Path) -> None:
    """Bring the database up to date."""
    from reclave.bootstrap import pending_migrations, upgrade_database
    from reclave.settings import read_settings

    try:
        settings = read_settings(settings_path)
        steps = pending_migrations(settings)
        if not plan:
            upgrade_database(settings)
    except ReclaveError as error:
        fail(*str(error).splitlines())
    if as_json:
        print_json({"pending": [] if not plan else steps, "done": [] if plan else steps})
    elif plan:
        rows = [(step.revision, step.what) for step in steps]
        print_table(("Revision", "What it does"), rows, if_empty="The database is up to date: nothing to do.")
    else:
        click.echo("The database is up to date.")


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--strict", is_flag=True, help="Exit code 1 for a risk that `accepted_risks` does not name.")
@json_option
@settings_option
def check(folder: Path | None, strict: bool, as_json: bool, settings_path: Path) -> None:
    """Check an installation, or a FOLDER of portal files alone: what is wrong, and which risks are accepted."""
    if folder is not None:
        _check_folder(folder, as_json)
        return
    from reclave.installation.checking import checked

    report = run(lambda: checked(settings_path))
    if as_json:
        print_json(report.document())
    else:
        print_table(("Wrong",), [(problem,) for problem in report.problems], if_empty="Nothing is wrong.")
        rows = [(risk.id, risk.what, risk.remedy, "yes" if risk in report.accepted else "no") for risk in report.risks]
        headings = ("Risk", "What it gives away", "The way out", "Accepted")
        print_table(headings, rows, if_empty="No risk is taken.")
    if report.problems or (strict and report.not_accepted):
        raise click.exceptions.Exit(Exit.REFUSED)


def _check_folder(folder: Path, as_json: bool) -> None:
    from reclave.bootstrap import check_portals

    try:
        portals = check_portals(folder).portals
    except ReclaveError as error:
        fail(*str(error).splitlines())
    rows = [(p.id, p.file.portal.name, f"{p.file.portal.host}{p.file.portal.path}") for p in portals.values()]
    if as_json:
        print_json([{"id": row[0], "name": row[1], "place": row[2]} for row in rows])
        return
    for name, called, place in rows:
        click.echo(f"{name}: {called}, {place}")


@click.group()
def config() -> None:
    """What is in force."""


@config.command("dump")
@click.option("--portal", "portal_id", default="", help="The keys of this portal's file instead of the settings.")
@json_option
@settings_option
def dump(portal_id: str, as_json: bool, settings_path: Path) -> None:
    """Show every value in force and where it came from; secrets are masked."""
    from reclave.bootstrap import check_portals
    from reclave.installation.in_force import portal_in_force, settings_in_force
    from reclave.settings import read_with_origins

    try:
        settings, origins = read_with_origins(settings_path)
        found = settings_in_force(settings, origins)
        if portal_id:
            files = check_portals(settings.portals)
            if portal_id not in files.portals:
                fail(f"no portal is called {portal_id!r} (there are: {', '.join(sorted(files.portals))})")
            found = portal_in_force(files.portals[portal_id], settings.portals / files.sources[portal_id])
    except ReclaveError as error:
        fail(*str(error).splitlines())
    if as_json:
        print_json({each.name: {"value": each.value, "origin": each.origin} for each in found})
        return
    print_table(("Name", "Value", "From"), [(each.name, _written(each.value), each.origin) for each in found])


def _written(value: Any) -> str:
    return ", ".join(str(each) for each in value) if isinstance(value, list | tuple) else str(value)
