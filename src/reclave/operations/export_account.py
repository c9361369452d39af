"""Everything that is held about one account's owner, for the owner (S50): no secret and no hash is part of it."""

from collections.abc import Mapping
from typing import Any

from reclave.domain.accounts import Account
from reclave.domain.audit import Entry, Event
from reclave.domain.grants import Grant, Purpose
from reclave.domain.portal import Portal
from reclave.journeys import grants
from reclave.journeys.services import Services
from reclave.operations.show_account import messages_to
from reclave.ports.outbox import Attempt, Listed
from reclave.ports.store import Transaction

_ALL = 1_000_000


async def export(services: Services, portal: Portal, account: Account, *, by: str) -> dict[str, Any]:
    """The account's personal data; instants are microseconds UTC. That it was exported is audited."""
    async with services.store.transaction() as tx:
        await grants.record(tx, Event.ACCOUNT_EXPORTED, account, "", by=by)
        held = await tx.grants.recent(portal.id, account.id, list(Purpose), limit=_ALL)
        sessions = await tx.sessions.of_account(portal.id, account.id)
        named = await services.directory.identifiers(tx, portal.id, account.id)
        messages = await messages_to(services, tx, account, limit=_ALL)
        return {
            "exported_at": tx.now,
            "account": _account(account),
            "identifiers": {one.field: one.value for one in named},
            "facts": dict(await services.directory.facts(tx, portal.id, account.id)),
            "sessions": [
                {
                    "kind": one.kind,
                    "device": one.device,
                    "started_at": one.started_at,
                    "last_seen_at": one.last_seen_at,
                }
                for one in sessions
            ],
            "devices": await tx.sessions.devices(portal.id, account.id),
            "grants": [_grant(one) for one in held],
            "messages": [await _message(tx, one) for one in messages],
            "cases": [
                {
                    "kind": one.kind,
                    "reference": one.reference,
                    "opened_at": one.opened_at,
                    "closed_at": one.closed_at,
                }
                for one in await tx.cases.of_account(portal.id, account.id)
            ],
            "audit": [entry(one) for one in await tx.audit.of_account(portal.id, account.id, list(Event), limit=_ALL)],
        }


def entry(one: Entry) -> dict[str, Any]:
    """An entry of the audit trail as a document; the client is a keyed digest of its network address."""
    return {
        "at": one.at,
        "portal": one.portal,
        "event": one.event,
        "account": one.account,
        "client": one.client.hex(),
        "reference": one.reference,
        "detail": dict(one.detail),
    }


def _account(account: Account) -> Mapping[str, Any]:
    return {
        "portal": account.portal,
        "id": account.id,
        "status": account.status,
        "address": account.address,
        "address_provenance": account.address_provenance,
        "next_address": account.next_address,
        "next_address_at": account.next_address_at,
        "has_password": account.password_hash is not None,
        "password_blocked": account.password_blocked,
        "language": account.language,
        "created_at": account.created_at,
        "changed_at": account.changed_at,
    }


def _grant(grant: Grant) -> Mapping[str, Any]:
    return {
        "purpose": grant.purpose,
        "presentation": grant.presentation,
        "state": grant.state,
        "issued_at": grant.issued_at,
        "expires_at": grant.expires_at,
        "opened_at": grant.opened_at,
        "ended_at": grant.ended_at,
        "reference": grant.reference,
    }


async def _message(tx: Transaction, listed: Listed) -> Mapping[str, Any]:
    message = listed.message
    return {
        "template": message.template,
        "language": message.language,
        "state": listed.state,
        "reference": message.reference,
        "created_at": message.created_at,
        "deliveries": [_delivery(one) for one in await tx.outbox.attempts(message.portal, message.id)],
    }


def _delivery(attempt: Attempt) -> Mapping[str, Any]:
    answer = attempt.answer
    return {
        "began_at": attempt.began_at,
        "answer": type(answer).__name__.lower() if answer else None,
        "code": answer.code if answer else None,
    }
