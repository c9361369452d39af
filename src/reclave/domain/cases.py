"""A case: what the help desk works on."""

from dataclasses import dataclass
from enum import StrEnum

from reclave.domain.time import Instant


class CaseKind(StrEnum):
    """Why a case was opened."""

    NOT_ME_BEFORE_CHANGE = "not_me_before_change"
    NOT_ME_AFTER_CHANGE = "not_me_after_change"
    NOT_ME_ADDRESS = "not_me_address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An open question about an account, found by its reference."""

    portal: str
    id: bytes
    account: str
    kind: CaseKind
    reference: str
    opened_at: Instant
    closed_at: Instant | None = None
