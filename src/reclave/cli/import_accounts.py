"""`reclave accounts import`: accounts from a file, as often as the file changes."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reclave.cli.console import (
    Exit,
    dry_run_option,
    fail,
    json_option,
    operator,
    print_json,
    print_table,
    progress,
    run_wired,
    settings_option,
)

if TYPE_CHECKING:
    from reclave.bootstrap import Wired
    from reclave.operations.import_accounts.accounting import Summary

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
_new_file = click.Path(path_type=Path, dir_okay=False)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--portal", required=True, help="The portal that the accounts are of.")
@dry_run_option
@click.option(
    "--generate-passwords",
    "generate",
    type=_new_file,
    metavar="OUT.csv",
    help="Give an initial password to each account that awaits its first sign-in without one, and write them to a new"
    " file (mode 0600), ready for letters.",
)
@click.option(
    "--report", type=_new_file, metavar="OUT.csv", help="Write every remark about a row to a new file (0600)."
)
@click.option(
    "--encoding",
    type=click.Choice(["utf-8", "latin-1", "cp1252", "utf-16"]),
    help="How the file is written, where it is not told rightly.",
)
@click.option(
    "--delimiter",
    type=click.Choice(list(_DELIMITERS)),
    callback=lambda _context, _option, chosen: _DELIMITERS.get(chosen),
    help="What stands between cells, likewise.",
)
@click.option(
    "--accept-shared-initial-passwords",
    "accept_shared",
    is_flag=True,
    help="Take initial passwords that several rows have, where the portal file accepts that risk in writing.",
)
@json_option
@settings_option
def import_accounts(*, file: Path, portal: str, as_json: bool, settings_path: Path, **options: Any) -> None:
    """Import the accounts of FILE (CSV or XLSX) into a portal.

    The first line names the columns: the portal's fields, email, classification, language, status, initial_password,
    password_hash. The same file twice changes nothing; a run that was stopped goes on where it was. What an account's
    owner has changed or confirmed since is kept, and listed. Exit code 3: some rows were refused; 1: all, or the file.
    """

    async def go(parts: "Wired") -> None:
        from reclave.operations.import_accounts.accounting import Options
        from reclave.operations.import_accounts.running import import_accounts as import_file
        from reclave.operations.switches import portal_named

        threads = parts.settings.hashing_threads or os.cpu_count() or 1
        given = Options(by=operator(), hashes_at_once=threads, **options)
        named = portal_named(parts.services, portal)
        with progress() as bar:
            task = bar.add_task("Importing accounts", total=None)
            summary = await import_file(
                parts.services, named, file, given, lambda done, total: bar.update(task, completed=done, total=total)
            )
        engine = "PostgreSQL" if parts.settings.database.startswith("postgresql") else "SQLite"
        _say(summary, engine, as_json=as_json)

    run_wired(settings_path, go)


def _say(summary: "Summary", engine: str, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "file": summary.source.path,
                "read_as": summary.source.told,
                "dry_run": summary.dry_run,
                "rows": summary.rows,
                "resumed_at": summary.resumed_at,
                **summary.tallies,
                "rows_a_second": round(summary.rate),
                "engine": engine,
                "seconds": round(summary.seconds, 3),
                "findings": [asdict(finding) for finding in summary.findings],
            }
        )
    else:
        _say_to_people(summary, engine)
    if summary.refused:
        everything = summary.refused == summary.rows
        rows = "every row was" if everything else f"{summary.refused} of {summary.rows} rows were"
        fail(f"{rows} refused", code=Exit.REFUSED if everything else Exit.IN_PART)


def _say_to_people(summary: "Summary", engine: str) -> None:
    from reclave.operations.import_accounts.accounting import MOST_SHOWN, Tally

    click.echo(f"{summary.source.path} was read as {summary.source.told}.")
    if summary.resumed_at:
        click.echo(f"It went on after row {summary.resumed_at:,}, where an earlier run had stopped.")
    counts = [(tally.replace("_", " "), f"{summary.tallies[tally]:,}") for tally in Tally if summary.tallies[tally]]
    print_table(["Rows", f"{summary.rows:,}"], counts, if_empty="There were no rows.")
    if summary.findings:
        found = [(each.line, each.column, each.value, each.outcome, each.reason) for each in summary.findings]
        print_table(
            ["Line", "Column", "Value", "What", "Why"],
            found,
            title=f"The first {MOST_SHOWN} of each kind (--report: all)",
        )
    hashed = summary.hashes_now
    of_these = (
        f", {hashed / summary.seconds:,.1f} hashes/s" if hashed and summary.seconds and not summary.dry_run else ""
    )
    click.echo(f"{summary.rate:,.0f} rows/s on {engine}{of_these} ({summary.seconds:,.1f} s).")
    if summary.dry_run:
        click.echo("Nothing was written: this was a dry run.")
