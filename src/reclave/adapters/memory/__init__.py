"""The store in one process's memory: for tests and for trying a portal out. Nothing outlives the process."""

from reclave.adapters.memory.store import MemoryStore

__all__ = ["MemoryStore"]
