"""Commands about accounts."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reclave.cli.chosen_account import Chosen, one_account
from reclave.cli.console import dry_run_option, json_option, operator, print_json, run_wired, settings_option
from reclave.cli.force_reset import force_reset
from reclave.cli.import_accounts import import_accounts
from reclave.cli.private_files import opened, output_option

if TYPE_CHECKING:
    from reclave.bootstrap import Wired


@click.group()
def accounts() -> None:
    """Accounts: what is known of one, and what an operator may do with it.

    Exit codes: 0 done; 1 nothing was done, standard error says why; 2 the command was written wrongly; 3 done but for
    some; 130 ended by Ctrl-C.
    """


@accounts.command("show")
@one_account
@click.option("--full", is_flag=True, help="Show the address and numbers whole; the audit trail keeps that you did.")
@json_option
@settings_option
def show(chosen: Chosen, full: bool, as_json: bool, settings_path: Path) -> None:
    """Show an account: status, live grants, mails, sign-ins, what happened to it. Never a secret.

    IDENTIFIER is what its owner types to sign in.
    """

    async def go(parts: "Wired") -> None:
        from reclave.cli import account_view
        from reclave.operations.show_account import overview

        portal, account = await chosen.find(parts)
        seen = await overview(parts.services, portal, account, revealed_to=operator() if full else None)
        if as_json:
            print_json(account_view.document(parts.services, portal, seen, full=full))
        else:
            account_view.show(portal, seen, full=full)

    run_wired(settings_path, go)


@accounts.command("disable")
@one_account
@json_option
@settings_option
def disable(chosen: Chosen, as_json: bool, settings_path: Path) -> None:
    """Disable an account: it cannot sign in or recover, and what it held ends."""
    _change_status(chosen, as_json, settings_path, enable=False)


@accounts.command("enable")
@one_account
@json_option
@settings_option
def enable(chosen: Chosen, as_json: bool, settings_path: Path) -> None:
    """Enable a disabled account; one that never had a password awaits its first sign-in again."""
    _change_status(chosen, as_json, settings_path, enable=True)


def _change_status(chosen: Chosen, as_json: bool, settings_path: Path, *, enable: bool) -> None:
    async def go(parts: "Wired") -> None:
        from reclave.domain.accounts import Status
        from reclave.operations import change_status

        _, account = await chosen.find(parts)
        change = change_status.enable if enable else change_status.disable
        changed = await change(parts.services, account, by=operator())
        if as_json:
            print_json({"id": changed.id, "was": account.status, "status": changed.status})
            return
        click.echo(f"The account was {account.status} and is {changed.status}. Its sessions and grants have ended.")
        if enable and changed.status is Status.AWAITING_FIRST_SIGN_IN:
            click.echo("Its initial password has ended too: hand over a new one.")

    run_wired(settings_path, go)


@accounts.command("unlock")
@one_account
@click.option("--password", is_flag=True, help="A password that «No fui yo» or `force-reset` blocked works again.")
@json_option
@settings_option
def unlock(chosen: Chosen, password: bool, as_json: bool, settings_path: Path) -> None:
    """End the waits and the pause after failed sign-ins, from whichever client."""

    async def go(parts: "Wired") -> None:
        from reclave.operations.unlock import unlock as unlock_account

        portal, account = await chosen.find(parts)
        done = await unlock_account(parts.services, portal, account, password=password, by=operator())
        if as_json:
            print_json({"id": account.id, **asdict(done)})
            return
        click.echo(f"Forgotten: {done.counters} counters of failed sign-ins.")
        if password:
            click.echo("The password works again." if done.password else "The password was not blocked.")

    run_wired(settings_path, go)


@accounts.command("export")
@one_account
@output_option
@settings_option
def export(chosen: Chosen, output: Path | None, settings_path: Path) -> None:
    """Write everything that is held about an account's owner as one JSON document; instants are microseconds UTC."""

    async def go(parts: "Wired") -> None:
        import msgspec

        from reclave.operations.export_account import export as export_account

        portal, account = await chosen.find(parts)
        with opened(output) as stream:
            held = await export_account(parts.services, portal, account, by=operator())
            stream.write(msgspec.json.format(msgspec.json.encode(held), indent=2).decode() + "\n")

    run_wired(settings_path, go)


@accounts.command("erase")
@one_account
@click.option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
@json_option
@settings_option
def erase(chosen: Chosen, yes: bool, dry_run: bool, as_json: bool, settings_path: Path) -> None:
    """Erase an account and all that leads from it to its owner; there is no way back.

    The audit trail and the cases stay: they name the account by a random id, and nothing else is left of it.
    """

    async def go(parts: "Wired") -> None:
        from reclave.operations import erase_account

        portal, account = await chosen.find(parts)
        async with parts.services.store.reading() as tx:
            gone = await erase_account.what_would_go(parts.services, tx, portal, account)
        rows = ", ".join(f"{count} {name}" for name, count in asdict(gone).items())
        if not dry_run and not yes:
            click.confirm(f"Erase account {account.id} of {portal.id} with {rows}?", abort=True, err=True)
        if not dry_run:
            gone = await erase_account.erase(parts.services, portal, account, by=operator())
        if as_json:
            print_json({"id": account.id, "erased": not dry_run, **asdict(gone)})
        elif dry_run:
            click.echo(f"Nothing was done. It would go with {rows}; the audit trail and the cases stay.")
        else:
            click.echo(f"Erased, with {rows}. The audit trail and the cases stay, under an id that leads nowhere.")

    run_wired(settings_path, go)


accounts.add_command(force_reset)
accounts.add_command(import_accounts)
