"""Password hashing."""

from typing import Protocol


class Hasher(Protocol):
    """Argon2id with a pepper that the keyring holds (S19); bounded: past its bound it raises `Overloaded`."""

    async def hash(self, password: str) -> str:
        """The hash of a normalised password, with the pepper's key id."""

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether a normalised password fits; None takes the same work and never fits (S26)."""

    def outdated(self, stored: str) -> bool:
        """Whether a hash should be made anew at the next sign-in (parameters or pepper have moved on)."""
