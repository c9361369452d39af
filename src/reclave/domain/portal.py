"""A portal: one tenant of the service, described by one TOML file.

`portal_file` holds that file's types; `portal_reader` turns the file into a `Portal`.
"""

from email.utils import parseaddr
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from reclave.domain.limits import Limit
from reclave.domain.opening_hours import OpeningHours
from reclave.domain.portal_file import (
    EMAIL,
    Classification,
    Field,
    FindUserId,
    FirstSignIn,
    PortalFile,
    RecoverUserName,
    ResetLink,
    TemporaryPassword,
)
from reclave.domain.portal_keys import Language
from reclave.domain.time import DAY, Span

__all__ = [
    "CLASSIFICATION",
    "EMAIL",
    "MAIL_CEILING",
    "PAPER_CEILING",
    "Classification",
    "Field",
    "FindUserId",
    "FirstSignIn",
    "Language",
    "Portal",
    "PortalFile",
    "RecoverUserName",
    "ResetLink",
    "TemporaryPassword",
    "Terms",
]

CLASSIFICATION = "classification"
"""The fact under which a directory keeps what an account is registered as."""
MAIL_CEILING: Span = DAY
"""No secret sent by mail lives longer, whatever a portal says (NIST SP 800-63B-4, 4.2.1.2; S8)."""
PAPER_CEILING: Span = 30 * DAY
"""No initial password handed over on paper lives longer before its first use (S8)."""


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
        return _domain_of(self.file.mail.sender)

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


@lru_cache
def _domain_of(sender: str) -> str:
    # Read for every mail, and reading it takes longer than sealing what the mail says.
    return parseaddr(sender)[1].rpartition("@")[2]
