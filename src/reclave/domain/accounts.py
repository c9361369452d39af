"""An account: one person's or company's credential in a directory."""

from dataclasses import dataclass, replace
from enum import StrEnum

from reclave.domain.addresses import Address
from reclave.domain.time import Instant


class Status(StrEnum):
    """Where an account stands; only some may recover."""

    AWAITING_FIRST_SIGN_IN = "awaiting_first_sign_in"
    ACTIVE = "active"
    PENDING = "pending"
    REJECTED = "rejected"
    DISABLED = "disabled"


class Provenance(StrEnum):
    """How far a registered address can be trusted (S5, S35)."""

    ASSERTED_BY_OPERATOR = "asserted_by_operator"
    CONFIRMED = "confirmed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class AccountIdentifier:
    """What a person types to name an account: the portal's field and the canonical value."""

    field: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account as the directory knows it; `id` is opaque and never a tax number.

    `credential_version` rises with every change of password, address or status, and ends what was issued before.
    `password_hash` is None until the first password. A `next_address` counts from `next_address_at` on.
    """

    portal: str
    id: str
    status: Status
    credential_version: int = 1
    address: str | None = None
    address_canonical: str | None = None
    address_provenance: Provenance | None = None
    next_address: str | None = None
    next_address_canonical: str | None = None
    next_address_at: Instant | None = None
    password_hash: str | None = None
    password_blocked: bool = False
    language: str | None = None
    created_at: Instant = 0
    changed_at: Instant = 0

    def reachable(self) -> bool:
        """Whether mail about this account may go to its registered address (S5)."""
        return self.address is not None and self.address_provenance in {
            Provenance.ASSERTED_BY_OPERATOR,
            Provenance.CONFIRMED,
        }

    def can_recover(self) -> bool:
        """Whether a recovery request may lead to mail: pending, rejected and disabled ones may not (A1)."""
        return self.reachable() and self.status in {Status.ACTIVE, Status.AWAITING_FIRST_SIGN_IN}

    def can_sign_in(self) -> bool:
        """Whether a right password opens a session."""
        return self.status is Status.ACTIVE and self.password_hash is not None and not self.password_blocked

    def is_registered(self, address: Address) -> bool:
        """Whether mail already goes to this address."""
        return self.reachable() and self.address_canonical == address.canonical

    def with_proven_address(self, address: Address, effective_at: Instant) -> "Account":
        """The account with an address that its owner has just proven.

        It counts at once where no other one is registered; a registered one stays until `effective_at` (S35).
        """
        if self.reachable() and not self.is_registered(address):
            return replace(
                self,
                next_address=address.stored,
                next_address_canonical=address.canonical,
                next_address_at=effective_at,
            )
        return replace(
            self,
            address=address.stored,
            address_canonical=address.canonical,
            address_provenance=Provenance.CONFIRMED,
            next_address=None,
            next_address_canonical=None,
            next_address_at=None,
        )
