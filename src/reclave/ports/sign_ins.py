"""What a sign-in asks of several tables at once: people wait for it, and each round trip takes its time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from reclave.domain.accounts import Account
from reclave.domain.audit import Entry
from reclave.domain.grants import Grant, Purpose
from reclave.domain.limits import Cost
from reclave.domain.sessions import Session
from reclave.domain.time import Span

OPENED_BY_TEMPORARY = (Purpose.SET_PASSWORD, Purpose.ACTIVATE)
"""What the grants are for that a temporary password opens."""
COMPARED = 5
"""How many of them a temporary password is compared with."""
NOBODY = "nobody"
"""Of whom is asked where no account is named, so that the work is the same (S26); no account has this id."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A try at a password, before anything is known of whom it is at."""

    portal: str
    field: str
    """Which of the portal's identifiers was typed."""
    identifier: str
    device: bytes
    """The digest that the account may know the device by; of who brings none, the client's."""
    recognised: bytes
    """The subject that it counts for where the account knows the device,"""
    stranger: bytes
    """and where it does not."""
    everyone: bytes
    """The subject of all who try the same account, which it counts for, too."""
    spray: Cost
    """What it takes from its client's limit where the account does not know the device."""

    def subject(self, standing: Standing) -> bytes:
        """The subject that it counts for, beside everyone."""
        return self.recognised if standing.recognised else self.stranger


@dataclass(frozen=True, slots=True)
class Met:
    """What a try at a password found before the comparison."""

    account: Account | None
    standing: Standing
    tried: Tried | None
    """None where the client's limit did not let it pass: it was not counted."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A session to be opened by a password that fits."""

    account: Account
    """As it was when the password was compared."""
    session: Session
    """Its instants and its credential version are given by the store."""
    entry: Entry
    device: bytes
    """The digest of the device to remember."""
    subject: bytes
    """What the try was counted for, beside everyone."""
    everyone: bytes


class SignIns(Protocol):
    """Sign-ins: several steps of other ports in one.

    Rows of guesses are locked in the order of their subjects, those of everyone who tries the same account last.
    """

    async def standing(self, portal: str, account: str, device: bytes) -> Standing:
        """What is known of an account (of a portal only, if there is no such account) and a device (a digest)."""

    async def count(self, portal: str, subject: bytes, everyone: bytes) -> Tried:
        """`Guesses.count` of a try at a password, and `Guesses.add` for everyone if it counts.

        Both are counted under `everyone` as the identifier.
        """

    async def open(self, session: Session, device: bytes, subject: bytes, everyone: bytes) -> None:
        """Write a new session, remember its account's device, and forget the failed tries of both subjects."""
