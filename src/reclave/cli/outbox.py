"""Commands about the mails that wait, were sent, or failed."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reclave.cli.console import (
    dry_run_option,
    json_option,
    operator,
    print_json,
    print_table,
    progress,
    run_wired,
    settings_option,
)
from reclave.cli.instants import shown_in

if TYPE_CHECKING:
    from reclave.bootstrap import Wired
    from reclave.domain.portal import Portal
    from reclave.journeys.services import Services
    from reclave.ports.outbox import Attempt, Listed

_STATES = ("queued", "sending", "sent", "failed", "cancelled")
_SHORT = 12
_MINUTE = 60_000_000
_portal_option = click.option("--portal", default=None, help="Of this portal only.")


@click.group()
def outbox() -> None:
    """The mails that wait, were sent, or failed. ID is the first digits of a message's id, as `list` shows it."""


@outbox.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Of this state only; several times.")
@_portal_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many.")
@json_option
@settings_option
def list_messages(states: tuple[str, ...], portal: str | None, limit: int, as_json: bool, settings_path: Path) -> None:
    """List the newest messages, with their state and the server's last answer."""

    async def go(parts: "Wired") -> None:
        from reclave.domain.outbox import MessageState
        from reclave.operations.outbox import listing

        wanted = {MessageState(state) for state in states}
        found = await listing(parts.services, portal=_portal(parts.services, portal), states=wanted, limit=limit)
        if as_json:
            print_json([_document(listed, last) for listed, last in found])
            return
        now = parts.services.clock.now()
        rows = [_row(parts.services, listed, last, now) for listed, last in found]
        headings = ("Id", "Portal", "Template", "State", "Age", "Attempts", "Last answer", "Due")
        print_table(headings, rows, if_empty="No messages.")

    run_wired(settings_path, go)


@outbox.command("show")
@click.argument("message", metavar="ID")
@json_option
@settings_option
def show(message: str, as_json: bool, settings_path: Path) -> None:
    """Show a message: to whom (masked), what servers answered to each attempt; never what it says."""

    async def go(parts: "Wired") -> None:
        from reclave.operations.outbox import show as show_message

        shown = await show_message(parts.services, message)
        one = shown.listed.message
        if as_json:
            attempts = [_answer(each) for each in shown.attempts]
            print_json({**_document(shown.listed, None), "to": shown.recipient, "deliveries": attempts})
            return
        rows = [
            ("Id", one.id.hex()),
            ("Portal", one.portal),
            ("Template", one.template),
            ("State", shown.listed.state),
            ("To", shown.recipient),
            ("Reference", one.reference),
            ("Message-ID", one.message_id),
            ("Queued", shown_in(parts.services, one.portal, one.created_at)),
            ("Due", shown_in(parts.services, one.portal, shown.listed.due_at)),
        ]
        print_table(("What", "Value"), rows)
        tries = [
            (each.number, shown_in(parts.services, one.portal, each.began_at), _said(each)) for each in shown.attempts
        ]
        print_table(("Attempt", "Began", "Answer"), tries, if_empty="No attempts yet.")

    run_wired(settings_path, go)


@outbox.command("retry")
@click.argument("message", metavar="ID", default="")
@click.option("--failed", "every", is_flag=True, help="All that have failed, instead of ID.")
@_portal_option
@click.option("--yes", is_flag=True, help="With --failed: do it; without, it only says how many.")
@json_option
@settings_option
def retry(*, message: str, every: bool, portal: str | None, yes: bool, as_json: bool, settings_path: Path) -> None:
    """Send a failed message again, under a new Message-ID; what it promised and has ended is left out."""
    if bool(message) == every:
        raise click.UsageError("name one message by its ID, or say --failed")

    async def go(parts: "Wired") -> None:
        from reclave.operations import outbox as work

        if message:
            await work.retry(parts.services, message, by=operator())
            done, total = 1, 1
        else:
            of = _portal(parts.services, portal)
            total, done = await work.count_failed(parts.services, of), 0
            if yes:
                with progress() as bar:
                    task = bar.add_task("Queueing", total=total)
                    done = await work.retry_failed(
                        parts.services, of, by=operator(), step=lambda some: bar.advance(task, some)
                    )
        if as_json:
            print_json({"failed": total, "queued": done})
        elif every and not yes:
            click.echo(f"{total} failed messages would be queued again. Nothing was done; add --yes.")
        else:
            click.echo(f"Queued again: {done}.")

    run_wired(settings_path, go)


@outbox.command("cancel")
@click.argument("message", metavar="ID")
@dry_run_option
@json_option
@settings_option
def cancel(message: str, dry_run: bool, as_json: bool, settings_path: Path) -> None:
    """Cancel a message that waits for its turn."""

    async def go(parts: "Wired") -> None:
        from reclave.operations import outbox as work

        if dry_run:
            listed = (await work.show(parts.services, message)).listed
        else:
            listed = await work.cancel(parts.services, message, by=operator())
        if as_json:
            print_json({"id": listed.message.id.hex(), "was": listed.state, "cancelled": not dry_run})
            return
        short = listed.message.id.hex()[:_SHORT]
        click.echo(f"Nothing was done. {short} is {listed.state}." if dry_run else f"{short} is cancelled.")

    run_wired(settings_path, go)


def _portal(services: "Services", name: str | None) -> "Portal | None":
    from reclave.operations.switches import portal_named

    return None if name is None else portal_named(services, name)


def _row(services: "Services", listed: "Listed", last: "Attempt | None", now: int) -> tuple[object, ...]:
    message = listed.message
    return (
        message.id.hex()[:_SHORT],
        message.portal,
        message.template,
        listed.state,
        f"{max(0, now - message.created_at) // _MINUTE} min",
        message.attempts,
        _said(last),
        shown_in(services, message.portal, listed.due_at),
    )


def _said(attempt: "Attempt | None") -> str:
    if attempt is None:
        return ""
    answer = attempt.answer
    if answer is None:
        return "under way"
    return f"{answer.code} {answer.text}" if answer.code else answer.text


def _answer(attempt: "Attempt | None") -> dict[str, Any] | None:
    if attempt is None:
        return None
    answer = attempt.answer
    return {
        "number": attempt.number,
        "began_at": attempt.began_at,
        "answer": type(answer).__name__.lower() if answer else None,
        "code": answer.code if answer else None,
        "text": answer.text if answer else None,
    }


def _document(listed: "Listed", last: "Attempt | None") -> dict[str, Any]:
    message = listed.message
    return {
        "id": message.id.hex(),
        "portal": message.portal,
        "template": message.template,
        "state": listed.state,
        "reference": message.reference,
        "message_id": message.message_id,
        "created_at": message.created_at,
        "due_at": listed.due_at,
        "attempts": message.attempts,
        "last": _answer(last),
    }
