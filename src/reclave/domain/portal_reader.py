"""Reading a portal file: TOML to a checked `Portal`, or what is wrong, by key path and with the nearest spelling."""

import tomllib
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec

from reclave.domain.errors import PortalRefused
from reclave.domain.limits import Limit, parse_limit, parse_span
from reclave.domain.opening_hours import OpeningHours, parse_opening_hours
from reclave.domain.portal import (
    MAIL_CEILING,
    PAPER_CEILING,
    FindUserId,
    FirstSignIn,
    Portal,
    PortalFile,
    RecoverUserName,
    ResetLink,
    TemporaryPassword,
    Terms,
)
from reclave.domain.portal_mistakes import mistake
from reclave.domain.portal_rules import contradictions, spans_at_odds
from reclave.domain.spelling import nearest
from reclave.domain.time import DAY, HOUR, Span

RequestedJourney = TemporaryPassword | ResetLink | FindUserId | RecoverUserName


def read_portal(toml: str, *, source: str = "portal.toml") -> Portal:
    """Read a portal file's text.

    Raises `PortalRefused` with the file's name, the key path and, for an unknown key, the nearest spelling.
    """
    try:
        parsed = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise PortalRefused(source, "", f"not TOML: {error}") from error
    try:
        file = msgspec.convert(parsed, PortalFile)
    except msgspec.ValidationError as error:
        raise PortalRefused(source, *mistake(parsed, str(error))) from error
    return _checked(file, source)


def _checked(file: PortalFile, source: str) -> Portal:
    zone = _zone(source, file.portal.time_zone)
    for path, why in contradictions(file):
        raise PortalRefused(source, path, why)
    first = file.journeys.first_sign_in or FirstSignIn()

    def span(path: str, written: str, ceiling: Span) -> Span:
        return _span(source, path, written, ceiling)

    portal = Portal(
        file=file,
        zone=zone,
        first_sign_in_lifetime=span("journeys.first_sign_in.lifetime", first.lifetime, PAPER_CEILING),
        first_sign_in_finish=span("journeys.first_sign_in.finish", first.finish, MAIL_CEILING),
        terms={name: _terms(source, name, journey) for name, journey in _requested(file)},
        session_idle=span("sessions.idle", file.sessions.idle, DAY),
        session_absolute=span("sessions.absolute", file.sessions.absolute, 30 * DAY),
        address_wait=span("addresses.wait", file.addresses.wait, DAY),
        hours=tuple(_hours(source, index, line.hours) for index, line in enumerate(file.help.lines)),
    )
    for path, why in spans_at_odds(portal):
        raise PortalRefused(source, path, why)
    return portal


def _zone(source: str, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        why = f"{name!r} is no time zone (IANA name){nearest(name, available_timezones())}"
        raise PortalRefused(source, "portal.time_zone", why) from error


def _requested(file: PortalFile) -> Iterator[tuple[str, RequestedJourney]]:
    """The journeys that begin with a request, by name."""
    for name in ("temporary_password", "reset_link", "find_user_id", "recover_user_name"):
        journey = getattr(file.journeys, name)
        if journey is not None:
            yield name, journey


def _terms(source: str, name: str, journey: RequestedJourney) -> Terms:
    at = f"journeys.{name}"
    lifetime = code_lifetime = "24h"
    if isinstance(journey, TemporaryPassword | ResetLink):
        lifetime = code_lifetime = journey.lifetime
    if isinstance(journey, ResetLink):
        code_lifetime = journey.code_lifetime
    return Terms(
        lifetime=_span(source, f"{at}.lifetime", lifetime, MAIL_CEILING),
        code_lifetime=_span(source, f"{at}.code_lifetime", code_lifetime, MAIL_CEILING),
        cooldown=_span(source, f"{at}.cooldown", journey.cooldown, HOUR),
        limits=tuple(_limit(source, f"{at}.limits[{i}]", written) for i, written in enumerate(journey.limits)),
    )


def _span(source: str, path: str, written: str, ceiling: Span) -> Span:
    try:
        value = parse_span(written)
    except ValueError as error:
        raise PortalRefused(source, path, str(error)) from error
    if value == 0:
        raise PortalRefused(source, path, f"{written!r} is no time at all")
    if value > ceiling:
        raise PortalRefused(source, path, f"{written!r} is over the ceiling of {ceiling // HOUR} h (S8)")
    return value


def _limit(source: str, path: str, written: str) -> Limit:
    try:
        return parse_limit(written)
    except ValueError as error:
        raise PortalRefused(source, path, str(error)) from error


def _hours(source: str, index: int, written: str) -> OpeningHours | None:
    try:
        return parse_opening_hours(written) if written else None
    except ValueError as error:
        raise PortalRefused(source, f"help.lines[{index}].hours", str(error)) from error
