"""Sending mail."""

from dataclasses import dataclass
from typing import Protocol

from reclave.domain.outbox import Delivery


@dataclass(frozen=True, slots=True)
class Envelope:
    """What SMTP needs: one sender, one recipient, the message as bytes (RFC 5321, RFC 5322)."""

    sender: str
    recipient: str
    content: bytes


class Mailer(Protocol):
    """Hands one message to a mail server and says what it answered; it never raises for what a server does."""

    async def send(self, envelope: Envelope) -> Delivery:
        """One attempt, within `outbox.SMTP_PATIENCE`."""

    async def close(self) -> None:
        """Leave politely (QUIT)."""
