"""Cases for the help desk."""

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.columns import values_of
from reclave.adapters.sql.tables import help_case as _case
from reclave.domain.cases import Case
from reclave.domain.time import Instant


class SqlCases:
    """`ports.store.Cases` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def open(self, case: Case) -> None:
        await self._connection.execute(insert(_case).values({**values_of(case), "opened_at": self._now}))

    async def of_account(self, portal: str, account: str) -> list[Case]:
        query = (
            select(_case)
            .where(_case.c.portal == portal, _case.c.account == account)
            .order_by(_case.c.opened_at.desc(), _case.c.id)
        )
        return [Case(**row._asdict()) for row in await self._connection.execute(query)]
