"""Password hashing."""

from contextlib import AbstractContextManager
from typing import Protocol

from reclave.domain.foreign_hashes import ForeignHash


class Hasher(Protocol):
    """Argon2id with a pepper that the keyring holds (S19); bounded: past its bound it raises `Overloaded`."""

    async def hash(self, password: str) -> str:
        """The hash of a normalised password, with the pepper's key id."""

    def seal(self, foreign: ForeignHash) -> str:
        """A stored form of another system's hash that the same passwords fit, until it is wrapped. It takes no hash."""

    def seal_anew(self, stored: str) -> str:
        """A sealed hash, sealed under the key in use. Raises `Unsealable` for what its key does not open."""

    async def wrap(self, foreign: str) -> str:
        """The stored form of another system's hash, given or sealed, which the same passwords fit.

        Raises `ForeignHashRefused`, and `Unsealable` for what its key does not open. Several at once take the same
        places as sign-ins.
        """

    async def verify(self, stored: str | None, password: str, *, decoy: str | None = None) -> bool:
        """Whether a normalised password fits; None takes the same work and never fits (S26).

        The work is that of a hash of our own, or of one of the scheme `decoy` (`foreign_recipes.scheme_of`).
        """

    def reserved(self) -> "AbstractContextManager[Hasher]":
        """A hasher that is never refused while the block lasts: its place among those that may wait is taken.

        For who does something before the hash that a refusal must not cost. One hash at a time. Raises `Overloaded`.
        """

    def outdated(self, stored: str) -> bool:
        """Whether a hash should be made anew at the next sign-in: parameters or pepper have moved on, or another
        system made it."""
