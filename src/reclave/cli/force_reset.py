"""`reclave accounts force-reset`: passwords stop working, and their owners are told where to choose new ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reclave.cli.console import Exit, fail, json_option, operator, print_json, progress, run_wired, settings_option
from reclave.cli.instants import read_instant

if TYPE_CHECKING:
    from reclave.bootstrap import Wired
    from reclave.domain.portal import Portal
    from reclave.operations.force_reset import Selection, Tally

_MOST_NAMED = 20


@click.command("force-reset")
@click.argument("portal")
@click.argument("identifiers", nargs=-1)
@click.option(
    "--file",
    "listed",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A file with a user name a line, instead of IDENTIFIERS.",
)
@click.option("--all", "everybody", is_flag=True, help="Every account of the portal.")
@click.option("--changed-before", default="", metavar="DATE", help="Of these, those not changed since DATE.")
@click.option("--imported", is_flag=True, help="Of these, those whose password still is an imported hash.")
@click.option("--pepper", default=None, metavar="KEY", help="Of these, those hashed with KEY's pepper.")
@click.option("--yes", is_flag=True, help="Do it: without, it only says how many.")
@json_option
@settings_option
def force_reset(*, portal: str, yes: bool, as_json: bool, settings_path: Path, **chosen: Any) -> None:
    """Block the passwords of a selection of accounts, and mail their owners where to choose new ones.

    Without --yes nothing is done. Stopped in the middle, the same command goes on: passwords that are blocked
    already are passed over. The mails go after all others. Exit code 3: some user names are nobody's.
    """
    if bool(chosen["identifiers"]) + bool(chosen["listed"]) + chosen["everybody"] != 1:
        raise click.UsageError("say whose: user names, or --file, or --all")

    async def go(parts: "Wired") -> None:
        from reclave.operations.force_reset import count, force
        from reclave.operations.switches import portal_named

        named = portal_named(parts.services, portal)
        tally = await count(parts.services, named, _selection(named, **chosen))
        if yes:
            with progress() as bar:
                task = bar.add_task("Blocking passwords", total=tally.accounts)
                selection = _selection(named, **chosen)
                tally = await force(
                    parts.services, named, selection, by=operator(), step=lambda done: bar.advance(task, done)
                )
        _say(tally, done=yes, as_json=as_json)

    run_wired(settings_path, go)


def _selection(
    portal: "Portal",
    *,
    identifiers: tuple[str, ...],
    listed: Path | None,
    everybody: bool,
    changed_before: str,
    imported: bool,
    pepper: str | None,
) -> "Selection":
    from reclave.operations.force_reset import Selection

    named = _lines(listed) if listed else identifiers
    return Selection(
        identifiers=None if everybody else named,
        changed_before=read_instant("--changed-before", changed_before, portal),
        imported=imported,
        pepper=pepper,
    )


def _say(tally: "Tally", *, done: bool, as_json: bool) -> None:
    if as_json:
        counts = {"accounts": tally.accounts, "without_mail": tally.without_mail, "unknown": tally.unknown}
        print_json({"done": done, **counts})
    elif done:
        click.echo(
            f"{tally.accounts} passwords no longer work; {tally.accounts - tally.without_mail} mails are queued."
        )
    else:
        click.echo(f"{tally.accounts} passwords would stop working. Nothing was done; add --yes.")
    if tally.without_mail and not as_json:
        click.echo(f"Without an address that may get mail: {tally.without_mail}. They need the help desk.")
    if not tally.unknown:
        return
    some = tally.unknown[:_MOST_NAMED]
    more = f" and {len(tally.unknown) - len(some)} more" if len(tally.unknown) > len(some) else ""
    said = f"nobody's user names: {', '.join(some)}{more}"
    if done:
        fail(said, code=Exit.IN_PART)
    click.echo(f"reclave: {said}", err=True)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as lines:
        yield from filter(None, map(str.strip, lines))
