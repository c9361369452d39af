"""An account as the help desk and the operator see it: for people, and for scripts."""

from collections.abc import Sequence
from typing import Any

import click

from reclave.cli.console import print_table, time_in
from reclave.domain.accounts import Account
from reclave.domain.addresses import mask_address
from reclave.domain.audit import Entry
from reclave.domain.grants import Grant
from reclave.domain.portal import Portal
from reclave.journeys.services import Services
from reclave.operations.find_account import masked
from reclave.operations.outbox import recipient
from reclave.operations.show_account import Overview


def document(services: Services, portal: Portal, seen: Overview, *, full: bool) -> dict[str, Any]:
    """The overview for scripts; instants are microseconds UTC."""
    account = seen.account
    return {
        "portal": portal.id,
        "id": account.id,
        "status": account.status,
        "address": _address(account.address, full=full),
        "address_provenance": account.address_provenance,
        "next_address": _address(account.next_address, full=full),
        "next_address_at": account.next_address_at,
        "has_password": account.password_hash is not None,
        "password_blocked": account.password_blocked,
        "identifiers": {one.field: _value(portal, one.field, one.value, full=full) for one in seen.identifiers},
        "facts": {name: _value(portal, name, value, full=full) for name, value in seen.facts.items()},
        "created_at": account.created_at,
        "changed_at": account.changed_at,
        "sessions": seen.sessions,
        "grants": [_grant(one) for one in seen.grants],
        "cases": [{"kind": one.kind, "reference": one.reference, "opened_at": one.opened_at} for one in seen.cases],
        "messages": [
            {
                "id": one.message.id.hex(),
                "template": one.message.template,
                "state": one.state,
                "created_at": one.message.created_at,
                "to": recipient(services, one.message),
            }
            for one in seen.messages
        ],
        "sign_ins": [_entry(one) for one in seen.sign_ins],
        "timeline": [_entry(one) for one in seen.timeline],
    }


def show(portal: Portal, seen: Overview, *, full: bool) -> None:
    """Print the overview for people; times are in the portal's time zone."""

    def when(instant: int | None) -> str:
        return time_in(portal, instant) if instant else ""

    print_table(("What", "Value"), _facts(portal, seen, full=full), title=f"Account of {portal.id}")
    click.echo(f"Times are in {portal.zone.key}.")
    grants = [
        (one.purpose, one.presentation, when(one.issued_at), when(one.expires_at), when(one.opened_at))
        for one in seen.grants
    ]
    _section("Live grants", ("Purpose", "As", "Issued", "Expires", "Opened"), grants)
    _section("Cases", ("Kind", "Reference", "Opened"), [(o.kind, o.reference, when(o.opened_at)) for o in seen.cases])
    messages = [
        (
            one.message.id.hex()[:12],
            one.message.template,
            one.state,
            when(one.message.created_at),
            one.message.reference,
        )
        for one in seen.messages
    ]
    _section("Messages to the address", ("Id", "Template", "State", "Queued", "Reference"), messages)
    for title, entries in (("Sign-ins", seen.sign_ins), ("Recoveries and changes", seen.timeline)):
        rows = [(when(one.at), one.event, one.reference, detail_of(one)) for one in entries]
        _section(title, ("When", "Event", "Reference", "Detail"), rows)


def detail_of(entry: Entry) -> str:
    """An entry's detail on one line."""
    return ", ".join(f"{name}: {value}" for name, value in sorted(entry.detail.items()))


def _facts(portal: Portal, seen: Overview, *, full: bool) -> list[tuple[str, object]]:
    account = seen.account
    return [
        ("Id", account.id),
        *((one.field, _value(portal, one.field, one.value, full=full)) for one in seen.identifiers),
        ("Status", account.status),
        ("Address", _address(account.address, full=full)),
        ("Address is", account.address_provenance),
        ("Next address", _address(account.next_address, full=full)),
        ("Counts from", time_in(portal, account.next_address_at) if account.next_address_at else None),
        ("Password", _password(account)),
        *((name, _value(portal, name, value, full=full)) for name, value in sorted(seen.facts.items())),
        ("Open sessions", seen.sessions),
    ]


def _password(account: Account) -> str:
    if account.password_hash is None:
        return "none yet"
    return "blocked until a recovery" if account.password_blocked else "set"


def _section(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    print_table(headings, rows, title=title, if_empty=f"{title}: none.")


def _address(address: str | None, *, full: bool) -> str | None:
    return address if address is None or full else mask_address(address)


def _value(portal: Portal, field: str, value: str, *, full: bool) -> str:
    return value if full else masked(portal, field, value)


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "purpose": grant.purpose,
        "presentation": grant.presentation,
        "issued_at": grant.issued_at,
        "expires_at": grant.expires_at,
        "opened_at": grant.opened_at,
        "reference": grant.reference,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {"at": entry.at, "event": entry.event, "reference": entry.reference, "detail": dict(entry.detail)}
