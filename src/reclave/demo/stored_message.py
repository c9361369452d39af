"""One mail as the demo's mailbox keeps it: the bytes as they arrived, read only when somebody looks."""

from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.utils import parseaddr
from functools import cached_property
from typing import Literal

from reclave.domain.time import Instant

# What the standard library's parser is known to raise on hostile headers and unknown charsets. A mailbox
# that shows any mail has to survive them and show the bytes instead.
MALFORMED = (LookupError, ValueError, AttributeError, TypeError, AssertionError)


@dataclass(eq=False)
class StoredMessage:
    """A mail in the demo's mailbox.

    Args:
        id: its name in the mailbox, decimal digits; the later mail has the greater number.
        received_at: when the server accepted it, microseconds since the Unix epoch, UTC.
        sender: the envelope's return path; empty for the null sender `<>` (RFC 5321 section 4.5.5).
        recipients: the envelope's recipients, who may differ from the `To` header.
        raw: the whole mail as stored, with the trace headers that the mailbox put in front.
        seen: whether a person has opened it.
    """

    id: str
    received_at: Instant
    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    seen: bool = False

    @cached_property
    def _parsed(self) -> EmailMessage:
        try:
            return message_from_bytes(self.raw, policy=policy.default)
        except MALFORMED:
            # The full parser looks into Content-Type while it reads; the header parser leaves it alone.
            return BytesHeaderParser(EmailMessage, policy=policy.default).parsebytes(self.raw)

    @cached_property
    def headers(self) -> list[tuple[str, str]]:
        """Every header in order as (name, decoded value); a value that can't be decoded stays as it came."""
        return [(printable(name), self._decoded(name, value)) for name, value in self._parsed.raw_items()]

    @staticmethod
    def _decoded(name: str, value: object) -> str:
        raw_value = str(value)
        try:
            return printable(str(policy.default.header_fetch_parse(name, raw_value)))
        except MALFORMED:
            return printable(raw_value)

    def header(self, name: str) -> str:
        """The decoded value of the first header called `name` (case-insensitive), or an empty string."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), "")

    @property
    def subject(self) -> str:
        """The decoded Subject, empty if there is none."""
        return self.header("Subject")

    @property
    def from_(self) -> str:
        """The decoded From header as written: a name and an address."""
        return self.header("From")

    @property
    def from_name(self) -> str:
        """Who the mail says it is from, as a list shows it: the display name, else the address."""
        name, address = parseaddr(self.from_)
        return name or address or self.from_ or self.sender

    @property
    def from_address(self) -> str:
        """The address in the From header, empty if it can't be read or `from_name` shows it already."""
        name, address = parseaddr(self.from_)
        return address if name else ""

    @property
    def to(self) -> str:
        """The decoded To header as written."""
        return self.header("To")

    @property
    def message_id(self) -> str:
        """The Message-ID with its angle brackets, empty if there is none."""
        return self.header("Message-ID").strip()

    @cached_property
    def text(self) -> str | None:
        """The plain text body with LF line ends, or None if the mail has none."""
        return self._body("plain")

    @cached_property
    def html(self) -> str | None:
        """The HTML body with LF line ends, or None if the mail has none."""
        return self._body("html")

    def _body(self, kind: Literal["plain", "html"]) -> str | None:
        try:
            part = self._parsed.get_body((kind,))
        except MALFORMED:
            return self._everything_below_the_headers() if kind == "plain" else None
        if not isinstance(part, EmailMessage):
            return None
        try:
            return printable(str(part.get_content())).replace("\r\n", "\n")
        except MALFORMED:
            return self._undecoded(part)

    @staticmethod
    def _undecoded(part: EmailMessage) -> str:
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else printable(str(payload))

    def _everything_below_the_headers(self) -> str:
        _, _, body = self.raw.replace(b"\r\n", b"\n").partition(b"\n\n")
        return body.decode("utf-8", "replace")

    @cached_property
    def snippet(self) -> str:
        """The beginning of the plain text on one line, at most 140 characters, empty if there is none."""
        return " ".join((self.text or "")[:600].split())[:140]

    def mentions(self, words: str) -> bool:
        """Whether every word of `words` occurs in subject, sender, recipients or text, in any case."""
        parts = [self.subject, self.from_, self.to, *self.recipients, self.text or ""]
        searched = "\n".join(parts).casefold()
        return all(word in searched for word in words.casefold().split())


def printable(text: str) -> str:
    """`text` with the lone surrogates of undecodable bytes replaced, so that it can be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
