"""Randomness from the operating system."""

import os


class SystemEntropy:
    """Unpredictable bytes from the kernel's generator (getrandom(2))."""

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)
