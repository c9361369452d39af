"""Commands about the audit trail."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reclave.cli.console import fail, json_option, print_json, print_table, run_wired, settings_option
from reclave.cli.instants import read_instant, shown_in
from reclave.cli.private_files import opened, output_option

if TYPE_CHECKING:
    from reclave.bootstrap import Wired
    from reclave.journeys.services import Services
    from reclave.operations.audit import Numbered, Wanted
    from reclave.ports.records import SealedBatch

_FOLLOW_SECONDS = 1.0


@click.group()
def audit() -> None:
    """The audit trail: numbered, sealed, never changed."""


@audit.command("verify")
@json_option
@settings_option
def verify(as_json: bool, settings_path: Path) -> None:
    """Check the seals over the audit trail; exit code 1 when an entry was edited, removed or put in.

    What a compromised key sealed is said apart: it fits, but whoever has the key could have forged it.
    """

    async def go(parts: "Wired") -> None:
        from reclave.worker.housekeeping import doubtful_seals, verify_audit

        covered, wrong = await verify_audit(parts.services)
        if wrong:
            fail(wrong)
        doubtful = await doubtful_seals(parts.services)
        if as_json:
            print_json({"entries": covered, "sealed_by_compromised_keys": doubtful})
            return
        click.echo(f"{covered} entries are as they were sealed.")
        for each in doubtful:
            click.echo(
                f"Entries {each.first} to {each.last}: {each.batches} batches were sealed by {each.key_id}, which is"
                " compromised: they fit, but could have been forged by whoever has that key."
            )

    run_wired(settings_path, go)


@audit.command("tail")
@click.option("--portal", default=None, help="Of this portal only.")
@click.option(
    "--account-identifier", "identifier", default="", help="Of the account with this user name (needs --portal)."
)
@click.option("--event", "events", multiple=True, help="Of this event only; may be given several times.")
@click.option("--since", default="", metavar="TIME", help="Not before this time (the portal's, or UTC).")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@click.option("--follow", is_flag=True, help="Go on with new entries until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document a line.")
@settings_option
def tail(
    *,
    portal: str | None,
    identifier: str,
    events: tuple[str, ...],
    since: str,
    limit: int,
    follow: bool,
    as_json: bool,
    settings_path: Path,
) -> None:
    """Show the last entries of the audit trail, oldest first."""

    async def go(parts: "Wired") -> None:
        from reclave.operations.audit import after, latest, newest_number

        wanted = await _wanted(parts.services, portal, identifier, events, since)
        number = await newest_number(parts.services)
        _print(parts.services, await latest(parts.services, wanted, limit), as_json=as_json, as_table=not follow)
        while follow:
            number, found = await after(parts.services, number, wanted)
            _print(parts.services, found, as_json=as_json, as_table=False)
            if not found:
                await asyncio.sleep(_FOLLOW_SECONDS)

    run_wired(settings_path, go)


@audit.command("export")
@click.option("--since", default="", metavar="TIME", help="Not before this time (UTC).")
@click.option("--until", default="", metavar="TIME", help="Before this time (UTC).")
@output_option
@settings_option
def export(since: str, until: str, output: Path | None, settings_path: Path) -> None:
    """Write the audit trail as JSON lines: entries with their numbers, after each sealed batch its seal."""

    async def go(parts: "Wired") -> None:
        import msgspec

        from reclave.operations.audit import Wanted, everything

        wanted = Wanted(since=read_instant("--since", since), until=read_instant("--until", until))
        with opened(output) as stream:
            async for one in everything(parts.services, wanted):
                stream.write(msgspec.json.encode(_document(one)).decode() + "\n")

    run_wired(settings_path, go)


async def _wanted(
    services: "Services", portal: str | None, identifier: str, events: tuple[str, ...], since: str
) -> "Wanted":
    from reclave.domain.audit import Event
    from reclave.operations.audit import Wanted
    from reclave.operations.find_account import find
    from reclave.operations.switches import portal_named

    if identifier and portal is None:
        raise click.UsageError("--account-identifier needs --portal")
    unknown = [each for each in events if each not in set(Event)]
    if unknown:
        raise click.UsageError(f"no event is called {unknown[0]!r} (there are: {', '.join(Event)})")
    named = portal_named(services, portal) if portal is not None else None
    account = None
    if identifier and named is not None:
        async with services.store.reading() as tx:
            account = (await find(services, tx, named, identifier=identifier)).id
    chosen = frozenset(Event(each) for each in events)
    return Wanted(portal=portal, account=account, events=chosen, since=read_instant("--since", since, named))


def _print(services: "Services", found: "list[Numbered]", *, as_json: bool, as_table: bool) -> None:
    from reclave.cli.account_view import detail_of

    if as_json:
        import msgspec

        for one in found:
            click.echo(msgspec.json.encode(_document(one)).decode())
        return
    rows = [
        (number, shown_in(services, entry.portal, entry.at), entry.portal, entry.event, entry.account, detail_of(entry))
        for number, entry in found
    ]
    if as_table:
        print_table(("Number", "When", "Portal", "Event", "Account", "Detail"), rows)
        return
    for row in rows:
        click.echo("  ".join(str(value or "—") for value in row))


def _document(one: "Numbered | SealedBatch") -> dict[str, Any]:
    from reclave.operations.export_account import entry as described

    if isinstance(one, tuple):
        return {"number": one[0], **described(one[1])}
    return {
        "batch": one.number,
        "first": one.first,
        "last": one.last,
        "seal": one.seal.hex(),
        "key": one.key_id,
    }
