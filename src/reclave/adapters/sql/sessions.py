"""Sessions and recognised devices."""

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from reclave.adapters.sql.bulk import among
from reclave.adapters.sql.columns import values_of
from reclave.adapters.sql.tables import device as _device
from reclave.adapters.sql.tables import session as _session
from reclave.domain.sessions import Session
from reclave.domain.time import Instant


class SqlSessions:
    """`ports.sessions.Sessions` on SQL."""

    def __init__(self, connection: AsyncConnection, now: Instant) -> None:
        self._connection = connection
        self._now = now

    async def add(self, session: Session) -> None:
        await self._connection.execute(insert(_session).values(values_of(session)))

    async def get(self, portal: str, digest: bytes) -> Session | None:
        row = (await self._connection.execute(select(_session).where(_this(portal, digest)))).one_or_none()
        return None if row is None else Session(**row._asdict())

    async def touch(self, portal: str, digest: bytes) -> None:
        statement = update(_session).where(_this(portal, digest))
        await self._connection.execute(statement.values(last_seen_at=self._now))

    async def of_account(self, portal: str, account: str) -> list[Session]:
        query = (
            select(_session)
            .where(_session.c.portal == portal, _session.c.account == account)
            .order_by(_session.c.last_seen_at.desc(), _session.c.digest)
        )
        return [Session(**row._asdict()) for row in await self._connection.execute(query)]

    async def end(self, portal: str, digest: bytes) -> bool:
        return (await self._connection.execute(delete(_session).where(_this(portal, digest)))).rowcount == 1

    async def end_all(self, portal: str, account: str, *, keep: bytes | None = None) -> int:
        statement = delete(_session).where(_session.c.portal == portal, _session.c.account == account)
        if keep is not None:
            statement = statement.where(_session.c.digest != keep)
        return (await self._connection.execute(statement)).rowcount

    async def devices(self, portal: str, account: str) -> int:
        query = select(func.count()).select_from(_device).where(_devices_of(portal, account))
        return int(await self._connection.scalar(query) or 0)

    async def erase(self, portal: str, account: str) -> int:
        devices = await self._connection.execute(delete(_device).where(_devices_of(portal, account)))
        return await self.end_all(portal, account) + devices.rowcount

    async def recognise(self, portal: str, device: bytes, account: str) -> None:
        statement = insert(_device).values(portal=portal, device=device, account=account, used_at=self._now)
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=list(_device.primary_key), set_={"used_at": self._now})
        )

    async def recognised(self, portal: str, device: bytes, account: str) -> bool:
        found = exists().where(_device.c.portal == portal, _device.c.device == device, _device.c.account == account)
        return bool(await self._connection.scalar(select(found)))

    async def purge(self, *, seen_before: Instant, devices_before: Instant) -> int:
        unseen = select(_session).where(_session.c.last_seen_at < seen_before)
        unused = select(_device).where(_device.c.used_at < devices_before)
        sessions = await self._connection.execute(delete(_session).where(among(_session, unseen)))
        devices = await self._connection.execute(delete(_device).where(among(_device, unused)))
        return sessions.rowcount + devices.rowcount


def _this(portal: str, digest: bytes) -> ColumnElement[bool]:
    return and_(_session.c.portal == portal, _session.c.digest == digest)


def _devices_of(portal: str, account: str) -> ColumnElement[bool]:
    return and_(_device.c.portal == portal, _device.c.account == account)
