"""Password hashing."""

from typing import Protocol


class Hasher(Protocol):
    """Argon2id with a pepper that the keyring holds (S19); bounded: past its bound it raises `Overloaded`."""

    async def hash(self, password: str) -> str:
        """The hash of a normalised password, with the pepper's key id."""

    async def wrap(self, foreign: str) -> str:
        """The stored form of another system's hash, which the same passwords fit (`domain.foreign_hashes`).

        Raises `ForeignHashRefused`. Several at once take the same places as sign-ins: a bulk import keeps as many
        under way as there are workers.
        """

    async def verify(self, stored: str | None, password: str, *, decoy: str | None = None) -> bool:
        """Whether a normalised password fits; None takes the same work and never fits (S26).

        The work is that of a hash of our own, or of one of the scheme `decoy` (`foreign_recipes.scheme_of`).
        """

    def outdated(self, stored: str) -> bool:
        """Whether a hash should be made anew at the next sign-in: parameters or pepper have moved on, or another
        system made it."""
