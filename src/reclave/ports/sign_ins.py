"""What a sign-in asks of several tables at once: people wait for it, and each round trip takes its time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reclave.domain.grants import Grant, Purpose
from reclave.domain.sessions import Session
from reclave.domain.time import Span

OPENED_BY_TEMPORARY = (Purpose.SET_PASSWORD, Purpose.ACTIVATE)
"""What the grants are for that a temporary password opens."""
COMPARED = 5
"""How many of them a temporary password is compared with."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known before a password is compared."""

    recognised: bool
    """Whether the account signed in on the device before."""
    grants: list[Grant]
    """The account's newest ones that a temporary password opens, in the order of `Grants.recent`."""
    schemes: Mapping[str, int]
    """How many accounts of the portal have a password of each scheme."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A try at a password, counted before it is compared."""

    wait: Span
    """Microseconds until the next try counts; 0 when this one did."""
    failures: int
    """Consecutive failures of everyone who tries the same account, this one included; 0 where it has to wait."""


class SignIns(Protocol):
    """Sign-ins: several steps of other ports in one. Rows of guesses are locked in the order of their subjects."""

    async def standing(self, portal: str, account: str, device: bytes) -> Standing:
        """What is known of an account (of a portal only, if there is no such account) and a device (a digest)."""

    async def count(self, portal: str, subject: bytes, everyone: bytes) -> Tried:
        """`Guesses.count` of a try at a password, and `Guesses.add` for everyone if it counts.

        Both are counted under `everyone` as the identifier.
        """

    async def open(self, session: Session, device: bytes, subject: bytes, everyone: bytes) -> None:
        """Write a new session, remember its account's device, and forget the failed tries of both subjects."""
