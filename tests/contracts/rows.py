"""Rows for the contract tests: plausible unless a test says otherwise, with ids of their own."""

import itertools
from typing import Any

from reclave.domain.accounts import Account, AccountIdentifier, Provenance, Status
from reclave.domain.audit import Entry, Event
from reclave.domain.cases import Case, CaseKind
from reclave.domain.grants import Grant, Purpose
from reclave.domain.intake import Request
from reclave.domain.limits import Cost, Limit, Scope
from reclave.domain.outbox import Message, Template
from reclave.domain.secrets import Presentation
from reclave.domain.sessions import Session, SessionKind
from reclave.domain.time import HOUR, MINUTE, Instant
from reclave.ports.store import Store

PORTAL = "pagos"
ELSEWHERE = "aduana"
ACCOUNT = "account-1"

_serial = itertools.count(1)


def new_id(size: int = 16) -> bytes:
    """Bytes that no other row has."""
    return next(_serial).to_bytes(size, "big")


async def now(store: Store) -> Instant:
    """The database's clock."""
    async with store.reading() as tx:
        return tx.now


def an_account(account: str = ACCOUNT, **given: Any) -> Account:
    """An active account with a confirmed address."""
    return Account(
        **{
            "portal": PORTAL,
            "id": account,
            "status": Status.ACTIVE,
            "address": "Tesoreria@empresa.example",
            "address_canonical": "tesoreria@empresa.example",
            "address_provenance": Provenance.CONFIRMED,
            "password_hash": "$argon2id$one",
            "language": "es",
            **given,
        }
    )


def a_nit(value: str = "9001234561") -> AccountIdentifier:
    """An identifier under the portal's field `nit`."""
    return AccountIdentifier("nit", value)


def a_grant(at: Instant, **given: Any) -> Grant:
    """A grant to set a password, issued at an instant, for an hour."""
    return Grant(
        **{
            "portal": PORTAL,
            "id": new_id(),
            "account": ACCOUNT,
            "purpose": Purpose.SET_PASSWORD,
            "presentation": Presentation.TEMPORARY_PASSWORD,
            "credential_version": 1,
            "key_id": "k1",
            "issued_at": at,
            "expires_at": at + HOUR,
            "requested_at": at,
            "reference": "ABCD-EF12",
            **given,
        }
    )


def a_cost(key: bytes | None = None, *, count: int = 1_000, amount: int = 1) -> Cost:
    """A cost under a key of its own, or the given one, with `count` requests an hour."""
    return Cost(key or new_id(32), Limit(count, HOUR, Scope.IDENTIFIER), amount)


def a_cooldown(key: bytes | None = None) -> Cost:
    """One request in two minutes."""
    return Cost(key or new_id(32), Limit(1, 2 * MINUTE, Scope.COOLDOWN))


def a_request(**given: Any) -> Request:
    """A recovery request that nothing turns away."""
    return Request(
        **{
            "portal": PORTAL,
            "id": new_id(),
            "journey": "temporary_password",
            "sealed_fields": b"sealed fields",
            "identifier": new_id(32),
            "client": new_id(32),
            "language": "es",
            "waiting": new_id(32),
            "reference": "ABCD-EF12",
            "cooldown": a_cooldown(),
            "costs": (a_cost(), a_cost()),
            **given,
        }
    )


def a_message(**given: Any) -> Message:
    """A mail with a temporary password."""
    id_ = new_id()
    return Message(
        **{
            "portal": PORTAL,
            "id": id_,
            "template": Template.TEMPORARY_PASSWORD,
            "language": "es",
            "message_id": f"<{id_.hex()}@pagos.example>",
            "reference": "ABCD-EF12",
            "sealed": b"sealed recipient and values",
            "recipient": new_id(32),
            "grants": (new_id(), new_id()),
            **given,
        }
    )


def a_session(at: Instant, **given: Any) -> Session:
    """A full session that began at an instant."""
    return Session(
        **{
            "portal": PORTAL,
            "digest": new_id(32),
            "account": ACCOUNT,
            "kind": SessionKind.FULL,
            "credential_version": 1,
            "device": "Firefox on Debian",
            "client": b"client digest",
            "started_at": at,
            "last_seen_at": at,
            **given,
        }
    )


def an_entry(**given: Any) -> Entry:
    """An audit entry of a sign-in."""
    return Entry(
        **{
            "portal": PORTAL,
            "event": Event.SIGN_IN_SUCCEEDED,
            "account": ACCOUNT,
            "client": b"client digest",
            "reference": "ABCD-EF12",
            "detail": {"device": "Firefox on Debian"},
            **given,
        }
    )


def a_case(**given: Any) -> Case:
    """A case after «No fui yo»."""
    return Case(
        **{
            "portal": PORTAL,
            "id": new_id(),
            "account": ACCOUNT,
            "kind": CaseKind.NOT_ME_AFTER_CHANGE,
            "reference": "ABCD-EF12",
            "opened_at": 0,
            **given,
        }
    )
