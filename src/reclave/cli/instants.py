"""Instants as operators write and read them: in the portal's time zone, or in UTC where there is none."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from reclave.cli.console import time_in

if TYPE_CHECKING:
    from reclave.domain.portal import Portal
    from reclave.journeys.services import Services

_SECOND = 1_000_000


def read_instant(option: str, written: str, portal: "Portal | None" = None) -> int | None:
    """Read `2026-11-23` or `2026-11-23T08:00`; None for nothing. Raises `click.UsageError`."""
    if not written:
        return None
    try:
        local = datetime.fromisoformat(written)
    except ValueError:
        raise click.UsageError(f"{option} {written!r} is no time: write for example 2026-11-23T08:00") from None
    aware = local if local.tzinfo else local.replace(tzinfo=portal.zone if portal else UTC)
    return int(aware.timestamp()) * _SECOND


def shown_in(services: "Services", portal: str, instant: int | None) -> str:
    """An instant in the time zone of a portal, in UTC where the portal is gone; nothing for None."""
    if instant is None:
        return ""
    known = services.portals.get(portal)
    return time_in(known, instant) if known else datetime.fromtimestamp(instant // _SECOND, UTC).isoformat(" ")
