"""Reading a portal file: TOML to a checked `Portal`, or what is wrong, by key path and with the nearest spelling."""

import difflib
import re
import tomllib
from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
from reclave.domain.portal_rules import contradictions
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
        raise _refusal(source, parsed, str(error)) from error
    return _checked(file, source)


def _checked(file: PortalFile, source: str) -> Portal:
    try:
        zone = ZoneInfo(file.portal.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise PortalRefused(source, "portal.time_zone", "no such time zone (IANA name)") from error
    if "@" not in parseaddr(file.mail.sender)[1]:
        raise PortalRefused(source, "mail.sender", 'write for example "Portal <no-reply@portal.example>"')
    for path, why in contradictions(file):
        raise PortalRefused(source, path, why)
    first = file.journeys.first_sign_in or FirstSignIn()

    def span(path: str, written: str, ceiling: Span) -> Span:
        return _span(source, path, written, ceiling)

    return Portal(
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


_UNKNOWN = re.compile(r"Object contains unknown field `([^`]+)`(?: - at `\$\.?([^`]*)`)?")
_ELSEWHERE = re.compile(r"^(.*?)(?: - at `\$\.?([^`]*)`)?$", re.DOTALL)


def _refusal(source: str, parsed: dict[str, Any], message: str) -> PortalRefused:
    unknown = _UNKNOWN.match(message)
    if unknown:
        key, path = unknown.group(1), unknown.group(2) or ""
        near = difflib.get_close_matches(key, _keys_at(path), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return PortalRefused(source, f"{_named(parsed, path)}.{key}".lstrip("."), f"unknown key{hint}")
    matched = _ELSEWHERE.match(message)
    said, path = (matched.group(1), matched.group(2) or "") if matched else (message, "")
    return PortalRefused(source, _named(parsed, path), said)


def _named(parsed: dict[str, Any], path: str) -> str:
    """A key path with the name that msgspec writes as `[...]`: that of the first table that does not fit."""
    before, found, after = path.partition("[...]")
    kind = _struct_in(_hint_at(before))
    if not found or kind is None:
        return path
    for name, table in parsed.get(before, {}).items():
        try:
            msgspec.convert(table, kind)
        except msgspec.ValidationError:
            return f"{before}.{name}{after}"
    return path


def _hint_at(path: str) -> Any:
    hints = {field.name: field.type for field in msgspec.structs.fields(PortalFile)}
    return hints.get(path)


def _keys_at(path: str) -> list[str]:
    table: Any = PortalFile
    for step in filter(None, re.sub(r"\[[^]]*\]", "", path).split(".")):
        hints = {field.name: field.type for field in msgspec.structs.fields(table)}
        table = _struct_in(hints.get(step))
        if table is None:
            return []
    return [field.encode_name for field in msgspec.structs.fields(table)]


def _struct_in(hint: Any) -> Any:
    candidates = [hint, *getattr(hint, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, msgspec.Struct)), None)
