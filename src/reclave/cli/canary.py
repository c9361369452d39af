"""`reclave canary`: a recovery through the running service, for monitoring."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reclave.cli.console import Exit, fail, json_option, operator, print_json, print_table, run_wired, settings_option

if TYPE_CHECKING:
    from reclave.bootstrap import Wired
    from reclave.installation.canary import Flight

_SECOND = 1_000_000

_portal_option = click.option("--portal", "portal_id", required=True, help="The portal's id.")


@click.group()
def canary() -> None:
    """A recovery through the running service, with an account of its own, for monitoring."""


@canary.command("prepare")
@_portal_option
@click.option("--identifier", required=True, help="A user name that nobody has, as it is typed to sign in.")
@click.option("--address", required=True, help="Where its mail goes: an address of yours, or one that throws it away.")
@click.option("--fact", "facts", multiple=True, metavar="FIELD=VALUE", help="What else the portal's recovery asks for.")
@json_option
@settings_option
def prepare(
    *, portal_id: str, identifier: str, address: str, facts: Sequence[str], as_json: bool, settings_path: Path
) -> None:
    """Make the account that `canary run` recovers, or check the one that is there.

    Every run sends two mails to ADDRESS, and no other address ever gets one. People's accounts are refused.
    """
    known = dict(_fact(written) for written in facts)

    async def go(parts: "Wired") -> None:
        from reclave.installation.canary_account import prepare as make
        from reclave.operations.switches import portal_named

        portal = portal_named(parts.services, portal_id)
        made, new = await make(parts.services, portal, identifier, address, known, by=operator())
        if as_json:
            print_json({"id": made.account.id, "made": new})
            return
        click.echo("The canary is ready." if new else "The canary is ready, as it was made before.")

    run_wired(settings_path, go)


@canary.command("run")
@_portal_option
@click.option("--identifier", default="", help="Which canary, where the portal has several.")
@click.option("--timeout", default=60.0, show_default=True, help="Seconds that worker and mail server may take.")
@click.option("--origin", default="", metavar="URL", help="Where the service is reached; else as people reach it.")
@json_option
@settings_option
def fly(portal_id: str, identifier: str, timeout: float, origin: str, as_json: bool, settings_path: Path) -> None:
    """Recover the canary's access as a person would, from the form to «Mi cuenta».

    \b
    Exit codes: 0 every step held; 1 a step did not, and standard error says which, what was seen and what to look
    at; 3 nothing was tried, as the portal's cooldown or limits still run: no failure.
    """

    async def go(parts: "Wired") -> None:
        from urllib.parse import urlsplit

        from reclave.installation.canary import fly as recover
        from reclave.installation.canary_account import canary_of
        from reclave.installation.canary_browser import Browser
        from reclave.operations.switches import portal_named
        from reclave.pages.urls import portal_origin

        portal = portal_named(parts.services, portal_id)
        public = portal_origin(portal, parts.settings.base_url)
        browser = Browser(origin or public, urlsplit(public).netloc, patience=timeout)
        _say(
            await recover(
                parts.services, await canary_of(parts.services, portal, identifier), browser, patience=timeout
            ),
            as_json,
        )

    run_wired(settings_path, go)


def _say(flight: "Flight", as_json: bool) -> None:
    wait = -(-flight.wait // _SECOND)
    if as_json:
        print_json({"held": flight.failure is None and not wait, **asdict(flight), "wait": wait})
    elif flight.steps:
        print_table(("Step", "ms"), [(step.name, step.milliseconds) for step in flight.steps])
    if flight.failure is not None:
        fail(f"{flight.failure.step}: {flight.failure.seen}", f"look at: {flight.failure.look_at}")
    if wait:
        fail(f"nothing was tried: the next request may be made in {wait} s", code=Exit.IN_PART)


def _fact(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not (name and equals and value):
        raise click.UsageError(f"--fact {written!r}: write FIELD=VALUE")
    return name, value
