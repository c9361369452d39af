"""Who is calling, without keeping who: a keyed digest of the network address and the browser in words."""

import ipaddress
import re
from collections.abc import Sequence
from functools import lru_cache

from starlette.requests import HTTPConnection

from reclave.ports.vault import Vault

_BROWSERS = (
    (re.compile(r"\bEdg"), "Edge"),
    (re.compile(r"\bOPR"), "Opera"),
    (re.compile(r"\bSamsungBrowser"), "Samsung Internet"),
    (re.compile(r"\bFirefox"), "Firefox"),
    (re.compile(r"\bCriOS"), "Chrome"),
    (re.compile(r"\bChrome"), "Chrome"),
    (re.compile(r"\bSafari"), "Safari"),
)
_SYSTEMS = (
    (re.compile(r"\bAndroid"), "Android"),
    (re.compile(r"\biPhone"), "iPhone"),
    (re.compile(r"\biPad"), "iPad"),
    (re.compile(r"\bWindows"), "Windows"),
    (re.compile(r"\bMac OS X"), "macOS"),
    (re.compile(r"\bCrOS"), "ChromeOS"),
    (re.compile(r"\bLinux"), "Linux"),
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def read_networks(written: Sequence[str]) -> tuple[Network, ...]:
    """Networks in CIDR notation. Raises ValueError for anything else."""
    return tuple(ipaddress.ip_network(one.strip()) for one in written)


def client_address(connection: HTTPConnection, trusted: Sequence[Network]) -> Address | None:
    """The caller's network address; X-Forwarded-For counts only from a trusted proxy, read from its end (S32).

    None for a caller that has none, as over a Unix socket.
    """
    peer = _read_address(connection.client.host) if connection.client else None
    if not trusted or not _within(peer, trusted):
        return peer
    hops = ",".join(connection.headers.getlist("x-forwarded-for")).split(",")
    read = (_read_address(hop.strip()) for hop in reversed(hops))
    return next((hop for hop in read if hop is not None and not _within(hop, trusted)), peer)


def client_digest(vault: Vault, address: Address | None) -> bytes:
    """The keyed digest that limits count by: an IPv4 address, or the /64 that one IPv6 subscriber has (S50)."""
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return vault.digest("client", mapped.packed if mapped else address.packed[:8])
    return vault.digest("client", address.packed if address else b"")


@lru_cache(maxsize=1024)  # few browsers are many people's
def device_words(user_agent: str) -> str:
    """A browser and its system in words («Chrome · Android»); empty when neither is known."""
    known = [next((name for mark, name in table if mark.search(user_agent)), "") for table in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, known))


def _read_address(written: str) -> Address | None:
    try:
        return ipaddress.ip_address(written)
    except ValueError:
        return None


def _within(address: Address | None, networks: Sequence[Network]) -> bool:
    return address is not None and any(address in network for network in networks)
