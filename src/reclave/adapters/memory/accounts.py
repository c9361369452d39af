"""Accounts and the identifiers they are found by."""

from collections.abc import Collection, Iterable, Mapping

from reclave.adapters.memory.tables import Tables
from reclave.domain.accounts import Account, AccountIdentifier
from reclave.domain.time import Instant

_MOST_OF_AN_ADDRESS = 50


class MemoryAccounts:
    """`ports.store.Accounts` in memory; with one writer at a time every row is locked already."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._accounts = tables.accounts
        self._identifiers = tables.identifiers
        self._facts = tables.facts
        self._now = now

    async def add(
        self,
        account: Account,
        identifiers: Iterable[AccountIdentifier],
        facts: Mapping[str, str] | None = None,
    ) -> bool:
        keys = [(account.portal, each.field, each.value) for each in identifiers]
        taken = any(key in self._identifiers for key in keys) or len(set(keys)) < len(keys)
        if taken or (account.portal, account.id) in self._accounts:
            return False
        self._accounts.put((account.portal, account.id), account)
        for key in keys:
            self._identifiers.put(key, account.id)
        self._facts.put((account.portal, account.id), dict(facts or {}))
        return True

    async def get(self, portal: str, account: str, *, lock: bool = False) -> Account | None:  # noqa: ARG002 - one writer at a time
        return self._accounts.get((portal, account))

    async def by_identifier(self, portal: str, field: str, value: str) -> Account | None:
        account = self._identifiers.get((portal, field, value))
        return None if account is None else self._accounts.get((portal, account))

    async def by_address(self, portal: str, canonical: str) -> list[Account]:
        found = [each for each in self._accounts if each.portal == portal and each.address_canonical == canonical]
        return sorted(found, key=lambda account: account.id)[:_MOST_OF_AN_ADDRESS]

    async def get_all(self, portal: str, accounts: Collection[str], *, lock: bool = False) -> Mapping[str, Account]:
        found = {each: await self.get(portal, each, lock=lock) for each in sorted(accounts)}
        return {each: account for each, account in found.items() if account is not None}

    async def by_identifiers(self, portal: str, field: str, values: Collection[str]) -> Mapping[str, Account]:
        found = {each: await self.by_identifier(portal, field, each) for each in values}
        return {each: account for each, account in found.items() if account is not None}

    async def by_addresses(self, portal: str, canonicals: Collection[str]) -> Mapping[str, list[Account]]:
        return {each: await self.by_address(portal, each) for each in canonicals}

    async def by_facts(self, portal: str, facts: Mapping[str, str]) -> list[Account]:
        named = [
            id_ for (there, id_), known in self._facts.items() if there == portal and facts.items() <= known.items()
        ]
        found = (self._accounts.get((portal, each)) for each in sorted(named)[:_MOST_OF_AN_ADDRESS])
        return [account for account in found if account is not None]

    async def facts(self, portal: str, account: str) -> Mapping[str, str]:
        return self._facts.get((portal, account)) or {}

    async def facts_of_all(self, portal: str, accounts: Collection[str]) -> Mapping[str, Mapping[str, str]]:
        return {each: known for each in accounts if (known := await self.facts(portal, each))}

    async def identifiers(self, portal: str, account: str) -> list[AccountIdentifier]:
        return [
            AccountIdentifier(field, value)
            for (there, field, value), named in sorted(self._identifiers.items())
            if there == portal and named == account
        ]

    async def identifiers_of_all(self, portal: str, accounts: Collection[str]) -> Mapping[str, list[AccountIdentifier]]:
        found = {each: await self.identifiers(portal, each) for each in accounts}
        return {each: named for each, named in found.items() if named}

    async def change(self, account: Account, *, was: int) -> bool:
        there = self._accounts.get((account.portal, account.id))
        if there is None or there.credential_version != was:
            return False
        self._accounts.put((account.portal, account.id), account)
        return True

    async def due_addresses(self, limit: int) -> list[Account]:
        due = [
            (each.next_address_at, each.portal, each.id, each)
            for each in self._accounts
            if each.next_address_at is not None and each.next_address_at <= self._now
        ]
        return [account for *_, account in sorted(due, key=lambda row: row[:3])[:limit]]

    async def page(self, portal: str, *, after: str = "", limit: int) -> list[Account]:
        own = (account for account in self._accounts if account.portal == portal and account.id > after)
        return sorted(own, key=lambda account: account.id)[:limit]

    async def erase(self, portal: str, account: str) -> bool:
        for key, named in self._identifiers.items():
            if key[0] == portal and named == account:
                self._identifiers.remove(key)
        self._facts.remove((portal, account))
        return self._accounts.remove((portal, account))
