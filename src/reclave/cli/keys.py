"""Commands about the keyring; the running service follows them within seconds."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reclave.cli.console import (
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
from reclave.domain.errors import ReclaveError

if TYPE_CHECKING:
    from reclave.bootstrap import Wired
    from reclave.operations.keys import Ended, Holding


@click.group()
def keys() -> None:
    """The keyring: the keys behind every secret."""


@keys.command("new")
@click.argument("path", type=click.Path(path_type=Path))
@json_option
def new(path: Path, as_json: bool) -> None:
    """Create a keyring file (mode 0600) with one key, and its epoch beside it."""
    from reclave.bootstrap import new_keyring

    try:
        new_keyring(path)
    except ReclaveError as error:
        fail(str(error))
    if as_json:
        print_json({"keyring": path})
        return
    click.echo(f"{path} holds a new keyring. Keep a copy apart from the database's backups.")


@keys.command("list")
@json_option
@settings_option
def list_keys(as_json: bool, settings_path: Path) -> None:
    """List the keys, and what each still holds: grants that live, sealed batches of the audit trail."""

    async def go(parts: "Wired") -> None:
        from reclave.adapters.keyring import load_keyring
        from reclave.cli.instants import shown_in
        from reclave.operations.keys import Holding, holdings

        ring = load_keyring(parts.settings.keyring).keys.values()
        held = await holdings(parts.services)
        if as_json:
            print_json(
                [
                    {
                        "id": key.id,
                        "created_at": key.created_at,
                        "state": key.state,
                        **asdict(held.get(key.id, Holding())),
                    }
                    for key in ring
                ]
            )
            return
        rows = [
            (
                key.id,
                shown_in(parts.services, "", key.created_at),
                key.state,
                held.get(key.id, Holding()).grants,
                held.get(key.id, Holding()).batches,
            )
            for key in ring
        ]
        print_table(("Key", "Created (UTC)", "State", "Live grants", "Sealed batches"), rows)

    run_wired(settings_path, go)


@keys.command("add")
@json_option
@settings_option
def add(as_json: bool, settings_path: Path) -> None:
    """Add a key that makes everything new from now on; the one before is retired and still opens what it made."""

    async def go(parts: "Wired") -> None:
        from reclave.adapters.entropy import SystemEntropy
        from reclave.adapters.keyring import add_key
        from reclave.domain.audit import Event
        from reclave.operations.keys import record

        key_id = add_key(parts.settings.keyring, SystemEntropy(), parts.services.clock.now())
        await record(parts.services, Event.KEY_ADDED, key_id, by=operator())
        if as_json:
            print_json({"id": key_id})
            return
        click.echo(f"{key_id} makes what is new from now on. Back the keyring up, apart from the database.")

    run_wired(settings_path, go)


@keys.command("retire")
@click.argument("key")
@click.option("--compromised", is_flag=True, help="Somebody else may know it: end what it made, and issue it anew.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@dry_run_option
@json_option
@settings_option
def retire(key: str, compromised: bool, yes: bool, dry_run: bool, as_json: bool, settings_path: Path) -> None:
    """Retire KEY: it makes nothing new and still opens what it made.

    \b
    With --compromised it opens nothing any more. Every live grant of it ends; whoever asked for a recovery
    gets a new mail by itself (bulk), and what waits for the worker is sealed anew. What is not issued anew:
    initial passwords on paper, which need new letters; typed codes, for which people ask again; the links
    behind «No fui yo» in earlier mails. Passwords still fit, and are hashed anew as their owners sign in;
    `accounts force-reset --pepper KEY` forces them. Cooldowns and limits start anew where the key is the
    oldest. What it sealed of the audit trail is told apart by `audit verify`.
    Stopped in the middle, the same command goes on.
    """
    if compromised:
        _retire_compromised(key, yes=yes, dry_run=dry_run, as_json=as_json, settings_path=settings_path)
        return

    async def go(parts: "Wired") -> None:
        from reclave.adapters.keyring import retire_key
        from reclave.domain.audit import Event
        from reclave.operations.keys import record

        if not dry_run:
            retire_key(parts.settings.keyring, key)
            await record(parts.services, Event.KEY_RETIRED, key, by=operator(), state="retired")
        if as_json:
            print_json({"id": key, "state": "retired", "done": not dry_run})
        elif dry_run:
            click.echo(f"Nothing was done. {key} would make nothing new, and still open what it made.")
        else:
            click.echo(f"{key} makes nothing new, and still opens what it made.")

    run_wired(settings_path, go)


def _retire_compromised(key: str, *, yes: bool, dry_run: bool, as_json: bool, settings_path: Path) -> None:
    async def go(parts: "Wired") -> None:
        from reclave.operations.keys import Ended, Holding, holdings

        held = (await holdings(parts.services)).get(key, Holding())
        said = f"{held.grants} live grants of {key} end; it has sealed {held.batches} batches of the audit trail."
        if not dry_run and not yes:
            click.confirm(f"{said} Go on?", abort=True, err=True)
        ended = Ended() if dry_run else await _end(parts, key, held)
        if as_json:
            about = {"id": key, "state": "compromised", "done": not dry_run, "held": asdict(held)}
            print_json({**about, **asdict(ended)})
            return
        if dry_run:
            click.echo(f"Nothing was done. {said}")
            return
        click.echo(f"{ended.grants} grants of {key} have ended; {ended.mailed} recoveries are mailed anew.")
        if ended.on_paper:
            click.echo(f"Initial passwords on paper that need new letters: {ended.on_paper}.")

    run_wired(settings_path, go)


async def _end(parts: "Wired", key: str, held: "Holding") -> "Ended":
    from reclave.adapters.keyring import KeyringRefused, mark_compromised
    from reclave.domain.audit import Event
    from reclave.operations.keys import end_what_it_made, record, seal_anew

    services, path = parts.services, parts.settings.keyring
    if key == services.vault.key_id:
        raise KeyringRefused(path, f"{key} makes new secrets", "add another key first: reclave keys add")
    if not services.vault.distrusted(key):
        await seal_anew(services, key)
    mark_compromised(path, key)
    services.vault.reload()
    await record(services, Event.KEY_RETIRED, key, by=operator(), state="compromised")
    with progress() as bar:
        task = bar.add_task("Ending grants", total=held.grants)
        return await end_what_it_made(services, key, step=lambda done: bar.advance(task, done))
