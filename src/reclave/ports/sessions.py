"""Sessions and the devices that accounts are known by."""

from typing import Protocol

from reclave.domain.sessions import Session
from reclave.domain.time import Instant


class Sessions(Protocol):
    """Sessions and recognised devices."""

    async def add(self, session: Session) -> None:
        """Write a session."""

    async def get(self, portal: str, digest: bytes) -> Session | None:
        """The session under this digest."""

    async def touch(self, portal: str, digest: bytes) -> None:
        """Set `last_seen_at` to now."""

    async def of_account(self, portal: str, account: str) -> list[Session]:
        """The account's sessions, newest use first."""

    async def end(self, portal: str, digest: bytes) -> bool:
        """Delete a session."""

    async def end_all(self, portal: str, account: str, *, keep: bytes | None = None) -> int:
        """Delete the account's sessions but the kept one; how many."""

    async def devices(self, portal: str, account: str) -> int:
        """How many devices the account signed in on before."""

    async def erase(self, portal: str, account: str) -> int:
        """Delete the account's sessions and the devices that it signed in on; how many rows."""

    async def recognise(self, portal: str, device: bytes, account: str) -> None:
        """Remember that the account signed in on this device (a digest)."""

    async def recognised(self, portal: str, device: bytes, account: str) -> bool:
        """Whether the account signed in on this device before."""

    async def purge(self, *, seen_before: Instant, devices_before: Instant) -> int:
        """Delete sessions last seen before an instant and devices last used before another; how many."""
