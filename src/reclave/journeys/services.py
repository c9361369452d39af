"""What every journey works with: the ports, and who is asking."""

from dataclasses import dataclass, field

from reclave.domain.portal import Portal
from reclave.domain.secrets import write_reference
from reclave.journeys.mail_pace import MailPace
from reclave.journeys.switchboard import Switchboard
from reclave.ports.clock import Clock
from reclave.ports.directory import Directory
from reclave.ports.entropy import Bell, Entropy
from reclave.ports.hasher import Hasher
from reclave.ports.meter import Meter, NoMeter
from reclave.ports.store import Store
from reclave.ports.tracer import NoTracer, Tracer
from reclave.ports.vault import Vault

HANDLE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Services:
    """The adapters behind the ports, chosen once in `bootstrap`."""

    store: Store
    directory: Directory
    vault: Vault
    hasher: Hasher
    entropy: Entropy
    bell: Bell
    clock: Clock
    portals: dict[str, Portal]
    special_use_domains: bool = False
    """Whether addresses under reserved domains (RFC 2606: `.example`) are taken: in the demo and in tests."""
    switchboard: Switchboard = field(default_factory=Switchboard)
    mail_pace: MailPace = field(default_factory=MailPace)
    meter: Meter = field(default_factory=NoMeter)
    tracer: Tracer = field(default_factory=NoTracer)

    def new_id(self) -> bytes:
        """128 random bits."""
        return self.entropy.bytes(HANDLE_BYTES)

    def new_reference(self) -> str:
        """A short reference for page, mail and help desk; it opens nothing."""
        return write_reference(self.entropy.bytes(HANDLE_BYTES))


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a keyed digest of the network address, the browser in words, the digest of a device handle."""

    client: bytes
    device: str = ""
    device_digest: bytes | None = None
    language: str = "es"
