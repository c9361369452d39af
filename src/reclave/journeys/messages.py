"""Queueing mail: what is said is sealed, secrets are derived only when it is sent."""

from collections.abc import Sequence

import msgspec

from reclave.domain.accounts import Account
from reclave.domain.grants import Grant
from reclave.domain.outbox import Message, Template
from reclave.domain.portal import Portal
from reclave.domain.time import Instant
from reclave.journeys.ledger import Writing
from reclave.journeys.services import Services

_SEAL = "outbox"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says besides its secrets. Instants are microseconds UTC; `place` is a browser in words.

    `waiting` is the digest of the handle that a typed code is bound to; a mail that nobody waits for goes
    `without_code`. `accounts` are those whose names are listed.
    """

    to: str
    canonical: str
    account: str = ""
    at: int = 0
    place: str = ""
    new_address: str = ""
    effective_at: int = 0
    waiting: bytes = b""
    accounts: tuple[str, ...] = ()
    without_code: bool = False


def letter_to(
    account: Account,
    *,
    at: Instant,
    place: str = "",
    waiting: bytes = b"",
    accounts: tuple[str, ...] = (),
    without_code: bool = False,
) -> Letter:
    """A letter to an account's registered address. Raises ValueError for an account without."""
    if account.address is None or account.address_canonical is None:
        raise ValueError("the account has no address")
    return Letter(
        to=account.address,
        canonical=account.address_canonical,
        account=account.id,
        at=at,
        place=place,
        waiting=waiting,
        accounts=accounts,
        without_code=without_code,
    )


def recipient_digest(services: Services, portal: str, canonical: str) -> bytes:
    """The keyed digest under which the outbox knows a recipient."""
    return services.vault.digest("recipient", portal, canonical)


async def queue(
    services: Services,
    tx: Writing,
    portal: Portal,
    template: Template,
    letter: Letter,
    *,
    language: str,
    reference: str,
    grants: Sequence[Grant] = (),
    report: Grant | None = None,
    needs_grant: bool = False,
    bulk: bool = False,
) -> None:
    """Queue a message in the transaction that gives the reason for it; `bulk` mail goes after all other mail."""
    own_id = services.new_id()
    await tx.outbox.add(
        Message(
            portal=portal.id,
            id=own_id,
            template=template,
            language=language,
            message_id=f"<{services.new_id().hex()}@{portal.sender_domain}>",
            reference=reference,
            sealed=services.vault.seal(_SEAL, msgspec.json.encode(letter), own_id),
            recipient=recipient_digest(services, portal.id, letter.canonical),
            grants=tuple(grant.id for grant in grants),
            report=report.id if report else None,
            needs_grant=needs_grant,
            bulk=bulk,
        )
    )


async def queue_for_nobody(
    services: Services, tx: Writing, portal: Portal, template: Template, *, language: str, reference: str
) -> None:
    """Queue a message without a grant: the sender works on it like on any other, and sends nothing."""
    await queue(
        services,
        tx,
        portal,
        template,
        Letter(to="", canonical=reference, at=tx.now),
        language=language,
        reference=reference,
        needs_grant=True,
    )


def resealed(services: Services, message: Message) -> bytes:
    """What a message says, sealed by the key in use. Raises `Unsealable` when its key is gone."""
    return services.vault.seal(_SEAL, services.vault.open(_SEAL, message.sealed, message.id), message.id)


def letter_of(services: Services, message: Message) -> Letter:
    """Open what a message says. Raises `Unsealable` when its key is gone."""
    return msgspec.json.decode(services.vault.open(_SEAL, message.sealed, message.id), type=Letter)
