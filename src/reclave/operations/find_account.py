"""Finding the account that an operator means: as its owner types the user name, by its id, or by its address."""

from reclave.domain.accounts import Account
from reclave.domain.addresses import AddressRefused, parse_address
from reclave.domain.errors import ReclaveError
from reclave.domain.identifiers import (
    Identifier,
    IdentifierRefused,
    mask_identifier,
    parse_identifier,
    parse_identifier_of_kinds,
)
from reclave.domain.portal import CLASSIFICATION, EMAIL, Portal
from reclave.journeys.services import Services
from reclave.ports.store import Transaction


class AccountNotFound(ReclaveError):
    """No account, or several, answer to what was given; says what to give instead."""

    code = "account_not_found"


async def find(
    services: Services,
    tx: Transaction,
    portal: Portal,
    *,
    identifier: str = "",
    account_id: str = "",
    address: str = "",
) -> Account:
    """The one account that is meant. Raises `AccountNotFound`."""
    if [identifier, account_id, address].count("") != 2:  # noqa: PLR2004 - one of the three is given
        raise AccountNotFound("name one account: IDENTIFIER as its owner types it, or --id, or --email")
    if address:
        return await _by_address(services, tx, portal, address)
    if account_id:
        found = await services.directory.get(tx, portal.id, account_id)
    else:
        field = portal.file.sign_in.identifier
        found = await services.directory.by_identifier(tx, portal.id, field, canonical(portal, identifier))
    if found is None:
        raise AccountNotFound(f"{portal.id} has no such account")
    return found


def canonical(portal: Portal, typed: str) -> str:
    """A user name in its canonical spelling, read as at sign-in. Raises `AccountNotFound` for none."""
    asked = portal.identifier_field
    try:
        if len(asked.kinds) == 1:
            return parse_identifier(asked.kinds[0], typed, lengths=asked.lengths).value
        return parse_identifier_of_kinds(asked.kinds, typed).value
    except IdentifierRefused as refused:
        hint = refused.detail.get("suggestion")
        meant = f"; did you mean {hint}?" if hint else ""
        raise AccountNotFound(f"this is no user name of {portal.id} ({refused.code}){meant}") from None


async def user_name(services: Services, tx: Transaction, portal: Portal, account: str) -> str:
    """The canonical user name of an account; nothing where it has none."""
    named = await services.directory.identifiers(tx, portal.id, account)
    return next((one.value for one in named if one.field == portal.file.sign_in.identifier), "")


def masked(portal: Portal, field: str, value: str) -> str:
    """An identifier or fact as anybody may see it; what an account is registered as tells nobody who it is."""
    if field == CLASSIFICATION:
        return value
    if field not in portal.file.fields and field != EMAIL:
        return f"{value[:2]}•••"
    return mask_identifier(Identifier(portal.field(field).kinds[0], value))


async def _by_address(services: Services, tx: Transaction, portal: Portal, typed: str) -> Account:
    try:
        address = parse_address(typed, special_use=services.special_use_domains)
    except AddressRefused as refused:
        raise AccountNotFound(f"this is no e-mail address ({refused.code})") from None
    found = await services.directory.by_address(tx, portal.id, address.canonical)
    if not found:
        raise AccountNotFound(f"{portal.id} has no account with this address")
    if len(found) > 1:
        ids = ", ".join(account.id for account in found)
        raise AccountNotFound(f"{len(found)} accounts have this address: name one with --id: {ids}")
    return found[0]
