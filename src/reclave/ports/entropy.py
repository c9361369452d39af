"""Randomness and waking."""

from typing import Protocol


class Entropy(Protocol):
    """Unpredictable bytes (the operating system's; a fixed sequence in tests)."""

    def bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""


class Bell(Protocol):
    """Tells a worker that there is something to do; ringing twice is ringing once."""

    def ring(self) -> None:
        """Wake the worker, without waiting."""
