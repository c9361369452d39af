"""A portal: one tenant of the service, described by one TOML file.

The types here are that file's schema; `portal_reader` turns the file into a `Portal`.
"""

from email.utils import parseaddr
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from reclave.domain.limits import Limit
from reclave.domain.time import DAY, Span

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
