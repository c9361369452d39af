"""A portal: one tenant of the service, described by one TOML file.

The types here are that file's schema; `read_portal` turns the parsed TOML into a `Portal` or says what is wrong,
by key path and with the nearest spelling.
"""

import difflib
import re
import tomllib
from email.utils import parseaddr
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from reclave.domain.errors import PortalRefused
from reclave.domain.limits import Limit, parse_limit, parse_span
from reclave.domain.time import DAY, HOUR, Span

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Language = Literal["es", "en", "pt"]
Translated = dict[Language, str]
Colour = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-fA-F]{6}$")]
Url = Annotated[str, msgspec.Meta(pattern=r"^https://[^\s\"'<>]+$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]

MAIL_CEILING: Span = DAY
"""No secret sent by mail lives longer, whatever a portal says (NIST SP 800-63B-4, 4.2.1.2; S8)."""
PAPER_CEILING: Span = 30 * DAY
"""No initial password handed over on paper lives longer before its first use (S8)."""


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class About(_Table, frozen=True):
    """Who the portal is and where its pages live."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{1,31}$")]
    name: Text
    motto: str = ""
    service: str = ""
    path: Annotated[str, msgspec.Meta(pattern=r"^(/[a-z0-9-]+)?$")] = ""
    host: str = ""
    languages: Annotated[tuple[Language, ...], msgspec.Meta(min_length=1)] = ("es", "en", "pt")
    time_zone: str = "UTC"


class Brand(_Table, frozen=True):
    """Colour, logo file (beside the portal file) and the rights line."""

    color: Colour = "#1f4e79"
    logo: str = ""
    footer: str = ""


class HelpLine(_Table, frozen=True):
    """One way to reach the help desk."""

    label: Text
    phone: str = ""
    email: str = ""
    hours: str = ""


class Help(_Table, frozen=True):
    """Help desk lines and the documents that pages link to; a link without an address is not shown."""

    lines: tuple[HelpLine, ...] = ()
    online: Url | None = None
    guide: Url | None = None
    recovery_guide: Url | None = None
    privacy: Url | None = None


class Mail(_Table, frozen=True):
    """Whom the portal's mail comes from."""

    sender: Text
    reply_to: str = ""


class SignIn(_Table, frozen=True):
    """The field a person signs in with: a name in `[fields]`."""

    identifier: Name = "user_name"


class Field(_Table, frozen=True):
    """A fact that a form asks for."""

    kind: Literal["co.nit", "ec.ruc", "ec.ci", "passport", "user_name", "email"]
    label: Translated
    placeholder: str = ""
    lengths: tuple[int, ...] | None = None


class FirstSignIn(_Table, frozen=True):
    """First sign-in with an initial password, then registration of address and new password."""

    lifetime: str = "30d"
    finish: str = "24h"


class TemporaryPassword(_Table, frozen=True):
    """Recovery by a temporary password sent to the registered address."""

    proves: tuple[Literal["email"], ...] = ("email",)
    lifetime: str = "1h"
    cooldown: str = "2m"
    limits: tuple[str, ...] = ("30/hour per client", "5/hour per identifier", "6000/hour per portal")


class Journeys(_Table, frozen=True):
    """The journeys that this portal offers; one that is absent has no pages."""

    first_sign_in: FirstSignIn | None = None
    temporary_password: TemporaryPassword | None = None


class Sessions(_Table, frozen=True):
    """How long a signed-in session may rest and may last (S29)."""

    idle: str = "30m"
    absolute: str = "12h"


class Addresses(_Table, frozen=True):
    """How long a changed address waits before it counts, while the old one is told (S35)."""

    wait: str = "24h"


class Passwords(_Table, frozen=True):
    """Which password rules hold (S16)."""

    preset: Literal["nist", "govuk", "legacy"] = "nist"


class PortalFile(_Table, frozen=True):
    """The portal file, key by key."""

    portal: About
    mail: Mail
    brand: Brand = Brand()
    help: Help = Help()
    sign_in: SignIn = SignIn()
    fields: dict[Name, Field] = {}
    journeys: Journeys = Journeys()
    sessions: Sessions = Sessions()
    addresses: Addresses = Addresses()
    passwords: Passwords = Passwords()
    texts: dict[Language, dict[str, str]] = {}


class Portal(msgspec.Struct, frozen=True, kw_only=True):
    """A portal whose file has been read and checked. Spans are microseconds."""

    file: PortalFile
    zone: ZoneInfo
    first_sign_in_lifetime: Span
    first_sign_in_finish: Span
    temporary_password_lifetime: Span
    cooldown: Span
    limits: tuple[Limit, ...]
    session_idle: Span
    session_absolute: Span
    address_wait: Span

    @property
    def id(self) -> str:
        """The portal's id, which leads every key in the database."""
        return self.file.portal.id

    @property
    def default_language(self) -> Language:
        """The language of a reader who asks for none that the portal speaks."""
        return self.file.portal.languages[0]

    @property
    def sender_domain(self) -> str:
        """The domain of the address that the portal's mail comes from."""
        return parseaddr(self.file.mail.sender)[1].rpartition("@")[2]

    @property
    def identifier_field(self) -> Field:
        """The field a person signs in with."""
        return self.file.fields[self.file.sign_in.identifier]


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
    def span(path: str, written: str, ceiling: Span) -> Span:
        try:
            value = parse_span(written)
        except ValueError as error:
            raise PortalRefused(source, path, str(error)) from error
        if value == 0:
            raise PortalRefused(source, path, f"{written!r} is no time at all")
        if value > ceiling:
            raise PortalRefused(source, path, f"{written!r} is over the ceiling of {ceiling // HOUR} h (S8)")
        return value

    try:
        zone = ZoneInfo(file.portal.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise PortalRefused(source, "portal.time_zone", "no such time zone (IANA name)") from error
    if file.sign_in.identifier not in file.fields:
        raise PortalRefused(source, "sign_in.identifier", f"no [fields.{file.sign_in.identifier}] describes it")
    if "@" not in parseaddr(file.mail.sender)[1]:
        raise PortalRefused(source, "mail.sender", 'write for example "Portal <no-reply@portal.example>"')
    recovery = file.journeys.temporary_password or TemporaryPassword()
    first = file.journeys.first_sign_in or FirstSignIn()
    return Portal(
        file=file,
        zone=zone,
        first_sign_in_lifetime=span("journeys.first_sign_in.lifetime", first.lifetime, PAPER_CEILING),
        first_sign_in_finish=span("journeys.first_sign_in.finish", first.finish, MAIL_CEILING),
        temporary_password_lifetime=span("journeys.temporary_password.lifetime", recovery.lifetime, MAIL_CEILING),
        cooldown=span("journeys.temporary_password.cooldown", recovery.cooldown, HOUR),
        limits=_limits(recovery, source),
        session_idle=span("sessions.idle", file.sessions.idle, DAY),
        session_absolute=span("sessions.absolute", file.sessions.absolute, 30 * DAY),
        address_wait=span("addresses.wait", file.addresses.wait, DAY),
    )


def _limits(recovery: TemporaryPassword, source: str) -> tuple[Limit, ...]:
    limits = []
    for index, written in enumerate(recovery.limits):
        try:
            limits.append(parse_limit(written))
        except ValueError as error:
            raise PortalRefused(source, f"journeys.temporary_password.limits[{index}]", str(error)) from error
    return tuple(limits)


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
