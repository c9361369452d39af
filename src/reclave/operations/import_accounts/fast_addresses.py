"""Reading many addresses of few domains: what `parse_address` found out about a domain is remembered.

Three quarters of the time that a row takes to read would else go into the same few domains again and again.
"""

import re

from reclave.domain.addresses import MAX_BYTES, Address, parse_address

MOST_DOMAINS = 65_536
# The plainest of the local parts that are admitted; any other goes the whole way.
_PLAIN = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
_LONGEST_PLAIN = 64


class AddressReader:
    """Reads addresses as `parse_address` does, in a fraction of its time where it has met the domain before."""

    def __init__(self, *, special_use: bool) -> None:
        self._special_use = special_use
        self._domains: dict[str, tuple[str, str]] = {}

    def read(self, written: str) -> Address:
        """Read one address. Raises `AddressRefused`."""
        local, _, domain = written.partition("@")
        met = self._domains.get(domain)
        if met is not None and len(local) <= _LONGEST_PLAIN and _PLAIN.fullmatch(local):
            stored, canonical = met
            if len(local) + 1 + len(canonical) <= MAX_BYTES:
                return Address(f"{local}@{stored}", f"{local.lower()}@{canonical}")
        address = parse_address(written, special_use=self._special_use)
        if len(self._domains) >= MOST_DOMAINS:
            self._domains.clear()
        self._domains[domain] = (address.stored.partition("@")[2], address.canonical.partition("@")[2])
        return address
