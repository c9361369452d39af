"""Who is calling, without keeping who: a keyed digest of the network address and the browser in words."""

import ipaddress
import re
from collections.abc import Sequence

from starlette.requests import HTTPConnection

from reclave.ports.vault import Vault

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_networks(written: Sequence[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation. Raises ValueError for anything else."""
    return tuple(ipaddress.ip_network(one.strip()) for one in written)


def client_address(connection: HTTPConnection, trusted: Sequence[Network]) -> str:
    """The caller's network address; X-Forwarded-For counts only from a trusted proxy, read from its end (S32)."""
    peer = connection.client.host if connection.client else ""
    if not trusted or not _within(peer, trusted):
        return peer
    hops = [hop.strip() for hop in ",".join(connection.headers.getlist("x-forwarded-for")).split(",")]
    return next((hop for hop in reversed(hops) if _is_address(hop) and not _within(hop, trusted)), peer)


def client_digest(vault: Vault, address: str) -> bytes:
    """The keyed digest that limits count by: an IPv4 address, or the /64 that one IPv6 subscriber has (S50)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return vault.digest("client", address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return vault.digest("client", parsed.ipv4_mapped.packed)
        return vault.digest("client", parsed.packed[:8])
    return vault.digest("client", parsed.packed)


def device_words(user_agent: str) -> str:
    """A browser and its system in words («Chrome · Android»); empty when neither is known."""
    known = [
        next((name for mark, name in table if re.search(rf"\b{re.escape(mark)}", user_agent)), "")
        for table in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(filter(None, known))


def _is_address(written: str) -> bool:
    try:
        ipaddress.ip_address(written)
    except ValueError:
        return False
    return True


def _within(address: str, networks: Sequence[Network]) -> bool:
    return _is_address(address) and any(ipaddress.ip_address(address) in network for network in networks)
