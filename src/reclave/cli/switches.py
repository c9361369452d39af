"""Commands that pause journeys and show banners; the running service notices within seconds."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reclave.cli.console import json_option, operator, print_json, print_table, run_wired, settings_option, time_in
from reclave.domain.errors import ReclaveError

if TYPE_CHECKING:
    from reclave.bootstrap import Wired
    from reclave.domain.portal import Portal

_portal_argument = click.argument("portal")
_journey_argument = click.argument("journey", default="")
_until_option = click.option("--until", default="", help="Until when, in the portal's time zone: 2026-11-23T08:00.")


@click.command()
@_portal_argument
@_journey_argument
@_until_option
@json_option
@settings_option
def pause(portal: str, journey: str, until: str, as_json: bool, settings_path: Path) -> None:
    """Take no new requests for a JOURNEY of a PORTAL (without JOURNEY: for all, sign-in too).

    What was accepted goes on, and what was mailed keeps working.
    """

    async def go(parts: "Wired") -> None:
        from reclave.operations import switches

        named = switches.portal_named(parts.services, portal)
        ends = _instant(named, until)
        switch = await switches.pause(parts.services, named, journey, until=ends, by=operator())
        lasts = f"until {time_in(named, ends)}" if ends else "until `reclave resume`"
        _tell(as_json, switch, f"{journey or 'Everything'} of {portal} is paused {lasts}.")

    run_wired(settings_path, go)


@click.command()
@_portal_argument
@_journey_argument
@json_option
@settings_option
def resume(portal: str, journey: str, as_json: bool, settings_path: Path) -> None:
    """Take requests again after `pause`."""

    async def go(parts: "Wired") -> None:
        from reclave.operations import switches

        named = switches.portal_named(parts.services, portal)
        resumed = await switches.resume(parts.services, named, journey, by=operator())
        of = f"{journey or 'Everything'} of {portal}"
        said = f"{of} takes requests again." if resumed else f"{of} was not paused."
        _tell(as_json, {"changed": resumed}, said)

    run_wired(settings_path, go)


@click.group()
def banner() -> None:
    """A text that operators show on a portal's pages."""


@banner.command("set")
@_portal_argument
@_journey_argument
@click.option("--text", "texts", multiple=True, required=True, metavar="LANGUAGE=TEXT", help="Once a language.")
@_until_option
@json_option
@settings_option
def set_banner(
    portal: str, journey: str, texts: tuple[str, ...], until: str, as_json: bool, settings_path: Path
) -> None:
    """Show a text on all pages of a PORTAL, or on the page where a JOURNEY begins."""

    async def go(parts: "Wired") -> None:
        from reclave.operations import switches

        named = switches.portal_named(parts.services, portal)
        by_language = dict(_text(written) for written in texts)
        ends = _instant(named, until)
        switch = await switches.show_banner(parts.services, named, journey, by_language, until=ends, by=operator())
        _tell(as_json, switch, f"The pages of {portal} show it within seconds.")

    run_wired(settings_path, go)


@banner.command("clear")
@_portal_argument
@_journey_argument
@json_option
@settings_option
def clear_banner(portal: str, journey: str, as_json: bool, settings_path: Path) -> None:
    """Show the text no longer."""

    async def go(parts: "Wired") -> None:
        from reclave.operations import switches

        named = switches.portal_named(parts.services, portal)
        cleared = await switches.clear_banner(parts.services, named, journey, by=operator())
        _tell(as_json, {"changed": cleared}, "It is gone within seconds." if cleared else "There was none.")

    run_wired(settings_path, go)


@click.command("switches")
@json_option
@settings_option
def list_switches(as_json: bool, settings_path: Path) -> None:
    """List what is paused and which banners are shown."""

    async def go(parts: "Wired") -> None:
        from reclave.operations import switches

        found = await switches.in_force(parts.services)
        if as_json:
            print_json(found)
            return
        portals = parts.services.portals
        rows = [
            (
                each.portal,
                each.journey or "all",
                "paused" if each.paused else "",
                " / ".join(f"{language}: {text}" for language, text in each.banner.items()),
                time_in(portals[each.portal], each.until) if each.until and each.portal in portals else "",
            )
            for each in found
        ]
        print_table(
            ("Portal", "Journey", "Paused", "Banner", "Until"), rows, if_empty="Nothing is paused or announced."
        )

    run_wired(settings_path, go)


def _tell(as_json: bool, document: object, said: str) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(said)


def _text(written: str) -> tuple[str, str]:
    language, equals, text = written.partition("=")
    if not equals:
        raise ReclaveError(f'--text {written!r}: write the language first, for example --text es="…"')
    return language.strip(), text.strip()


def _instant(portal: "Portal", written: str) -> int | None:
    if not written:
        return None
    try:
        local = datetime.fromisoformat(written)
    except ValueError:
        raise ReclaveError(f"--until {written!r} is no time: write for example 2026-11-23T08:00") from None
    aware = local if local.tzinfo else local.replace(tzinfo=portal.zone)
    return int(aware.timestamp()) * 1_000_000
