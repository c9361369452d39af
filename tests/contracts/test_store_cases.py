from dataclasses import replace

import pytest

from reclave.domain.cases import Case, CaseKind
from reclave.domain.time import SECOND
from reclave.ports.store import Store
from tests.contracts.rows import ACCOUNT, ELSEWHERE, PORTAL, a_case
from tests.stores import Clock


@pytest.mark.req("S11")
async def test_cases_of_an_account_come_newest_first_with_the_databases_time(store: Store, clock: Clock) -> None:
    opened: list[Case] = []
    for kind in CaseKind:
        case = a_case(kind=kind)
        async with store.transaction() as tx:
            await tx.cases.open(case)
            opened.insert(0, replace(case, opened_at=tx.now))
        clock.move(SECOND)
    async with store.transaction() as tx:
        await tx.cases.open(a_case(account="account-2"))
        await tx.cases.open(a_case(portal=ELSEWHERE, id=opened[0].id))
    async with store.reading() as tx:
        assert await tx.cases.of_account(PORTAL, ACCOUNT) == opened
        assert await tx.cases.of_account(PORTAL, "account-3") == []
        assert [case.id for case in await tx.cases.of_account(ELSEWHERE, ACCOUNT)] == [opened[0].id]
