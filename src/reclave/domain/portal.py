"""A portal: one tenant of the service, described by one TOML file.

The types here are that file's schema; `portal_reader` turns the file into a `Portal`.
"""

from email.utils import parseaddr
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from reclave.domain.limits import Limit
from reclave.domain.opening_hours import OpeningHours
from reclave.domain.time import DAY, Span

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Language = Literal["es", "en", "pt"]
Translated = dict[Language, str]
Colour = Annotated[str, msgspec.Meta(pattern=r"^#[0-9a-fA-F]{6}$")]
Url = Annotated[str, msgspec.Meta(pattern=r"^https://[^\s\"'<>]+$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]

Kind = Literal["co.nit", "ec.ruc", "ec.ci", "passport", "user_name", "email"]

EMAIL = "email"
"""The field that means the registered address; a portal need not describe it."""
CLASSIFICATION = "classification"
"""The fact under which a directory keeps what an account is registered as."""
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
    host: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")] = ""
    front_page: bool = False
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
    registration: Url | None = None


class Mail(_Table, frozen=True):
    """Whom the portal's mail comes from."""

    sender: Text
    reply_to: str = ""


class SignIn(_Table, frozen=True):
    """The field a person signs in with: a name in `[fields]`."""

    identifier: Name = "user_name"


class Field(_Table, frozen=True):
    """A fact that a form asks for; several kinds mean that any of them will do (an identity card or a passport)."""

    kind: Kind | Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1)]
    label: Translated = {}
    hint: Translated = {}
    placeholder: str = ""
    lengths: tuple[int, ...] | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that the field takes, the likeliest first."""
        return (self.kind,) if isinstance(self.kind, str) else self.kind


class Classification(_Table, frozen=True):
    """What a person is registered as, and which fields tell one such account from all others."""

    id: Name
    label: Translated
    requires: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)]


class _Journey(_Table, frozen=True):
    """What every journey that starts with a request may say: the entry's label, the page's title, how often."""

    label: Translated = {}
    title: Translated = {}
    cooldown: str = "2m"
    limits: tuple[str, ...] = ("30/hour per client", "5/hour per identifier", "6000/hour per portal")


class FirstSignIn(_Table, frozen=True):
    """First sign-in with an initial password, then registration of address and new password."""

    lifetime: str = "30d"
    finish: str = "24h"


class TemporaryPassword(_Journey, frozen=True):
    """Recovery by a temporary password sent to the registered address."""

    proves: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = (EMAIL,)
    confirm: bool = False
    lifetime: str = "1h"


class ResetLink(_Journey, frozen=True):
    """Recovery by a single-use link, a typed code, or both, sent to the registered address."""

    proves: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = ("user_name",)
    confirm: bool = False
    presents: Annotated[tuple[Literal["link", "code"], ...], msgspec.Meta(min_length=1)] = ("link", "code")
    lifetime: str = "1h"
    code_lifetime: str = "15m"


class FindUserId(_Journey, frozen=True):
    """Finding one's user name by what one is registered as, on the screen or by mail."""

    by: Literal["classification"] = "classification"
    reveal: Literal["screen", "mail"] = "mail"
    daily_budget: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 500
    limits: tuple[str, ...] = ("5/hour per client", "3/hour per identifier")


class RecoverUserName(_Journey, frozen=True):
    """Every user name of an address, mailed to that address."""


class Journeys(_Table, frozen=True):
    """The journeys that this portal offers; one that is absent has no pages."""

    first_sign_in: FirstSignIn | None = None
    temporary_password: TemporaryPassword | None = None
    reset_link: ResetLink | None = None
    find_user_id: FindUserId | None = None
    recover_user_name: RecoverUserName | None = None


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
    classification: tuple[Classification, ...] = ()
    journeys: Journeys = Journeys()
    sessions: Sessions = Sessions()
    addresses: Addresses = Addresses()
    passwords: Passwords = Passwords()
    texts: dict[Language, dict[str, str]] = {}


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How long what a journey mails lives, and how often it may be asked for. Spans are microseconds."""

    lifetime: Span
    code_lifetime: Span
    cooldown: Span
    limits: tuple[Limit, ...]


class Portal(msgspec.Struct, frozen=True, kw_only=True):
    """A portal whose file has been read and checked. Spans are microseconds; `terms` by a journey's name."""

    file: PortalFile
    zone: ZoneInfo
    first_sign_in_lifetime: Span
    first_sign_in_finish: Span
    terms: dict[str, Terms]
    session_idle: Span
    session_absolute: Span
    address_wait: Span
    hours: tuple[OpeningHours | None, ...] = ()

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
        return self.field(self.file.sign_in.identifier)

    @property
    def recovery(self) -> TemporaryPassword | ResetLink | None:
        """How a lost password is recovered: the one journey of the two that the portal offers."""
        return self.file.journeys.temporary_password or self.file.journeys.reset_link

    def field(self, name: str) -> Field:
        """A field of `[fields]`, or the registered address."""
        return self.file.fields.get(name) or Field(kind="email")
