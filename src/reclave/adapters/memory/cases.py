"""Cases for the help desk."""

from dataclasses import replace

from reclave.adapters.memory.tables import Tables
from reclave.domain.cases import Case
from reclave.domain.time import Instant


class MemoryCases:
    """`ports.store.Cases` in memory."""

    def __init__(self, tables: Tables, now: Instant) -> None:
        self._cases = tables.cases
        self._now = now

    async def open(self, case: Case) -> None:
        if (case.portal, case.id) in self._cases:
            raise ValueError("the portal has a case with this id")
        self._cases.put((case.portal, case.id), replace(case, opened_at=self._now))

    async def of_account(self, portal: str, account: str) -> list[Case]:
        own = [case for case in self._cases if case.portal == portal and case.account == account]
        return sorted(own, key=lambda case: (-case.opened_at, case.id))
