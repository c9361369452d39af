"""How every command about one account is told which: as its owner types the user name, by id, or by address."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reclave.bootstrap import Wired
    from reclave.domain.accounts import Account
    from reclave.domain.portal import Portal


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was given to name one account."""

    portal: str
    identifier: str
    account_id: str
    address: str

    async def find(self, parts: "Wired") -> "tuple[Portal, Account]":
        """The portal and the account. Raises `AccountNotFound`, `SwitchRefused`."""
        from reclave.operations.find_account import find
        from reclave.operations.switches import portal_named

        portal = portal_named(parts.services, self.portal)
        async with parts.services.store.reading() as tx:
            account = await find(
                parts.services,
                tx,
                portal,
                identifier=self.identifier,
                account_id=self.account_id,
                address=self.address,
            )
        return portal, account


def one_account(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the arguments that name one account, as `chosen`."""

    @click.argument("portal")
    @click.argument("identifier", default="")
    @click.option("--id", "account_id", default="", help="The account's id, instead of IDENTIFIER.")
    @click.option("--email", "address", default="", help="Its registered address, instead of IDENTIFIER.")
    @functools.wraps(command)
    def collected(portal: str, identifier: str, account_id: str, address: str, **rest: Any) -> None:
        command(chosen=Chosen(portal, identifier, account_id, address), **rest)

    return collected
