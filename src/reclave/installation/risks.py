"""The risks that a configuration accepts: it works, and an operator should know what it gives away."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from sqlalchemy import URL, make_url

from reclave.domain.portal import Portal
from reclave.domain.time import HOUR
from reclave.journeys import reset_link, temporary_password
from reclave.settings import LOOPBACK, Settings

_WIDEST_PROXIES = {4: 8, 6: 16}
"""Prefixes shorter than these take a good part of the internet for a proxy."""


@dataclass(frozen=True, slots=True)
class Risk:
    """A risk: its stable id (`id:portal` for one of a portal's), what it gives away, and the way out."""

    id: str
    what: str
    remedy: str

    @property
    def kind(self) -> str:
        """The id without its portal."""
        return self.id.partition(":")[0]


def risks(settings: Settings, portals: Mapping[str, Portal]) -> list[Risk]:
    """Every risk of a configuration, the installation's first."""
    found = [risk for look in _OF_SETTINGS for risk in look(settings)]
    found += _shared_host(portals)
    return found + [risk for portal in portals.values() for look in _OF_PORTALS for risk in look(portal)]


def _plain_http(settings: Settings) -> Iterator[Risk]:
    if settings.base_url.startswith("http:"):
        yield Risk("plain_http", "Pages are reached over http, on this machine alone.", "set an https `base_url`")


def _plain_smtp(settings: Settings) -> Iterator[Risk]:
    if settings.smtp_security == "none":
        yield Risk(
            "plain_smtp",
            "Mail, with its links and passwords, goes to the mail server of this machine without TLS.",
            'set `smtp_security = "starttls"`, unless that server sends everything on with TLS',
        )


def _special_use_domains(settings: Settings) -> Iterator[Risk]:
    if settings.special_use_domains:
        yield Risk(
            "special_use_domains",
            "Addresses that no mail reaches (RFC 2606) are taken.",
            "leave `special_use_domains` out",
        )


def _clock_offset(settings: Settings) -> Iterator[Risk]:
    if settings.clock_offset:
        yield Risk("clock_offset", "The database's clock is put wrong on purpose.", "leave `clock_offset` out")


def _no_security_contact(settings: Settings) -> Iterator[Risk]:
    if not settings.security_contact:
        yield Risk(
            "no_security_contact",
            "Who finds a weakness does not know whom to tell (RFC 9116).",
            "set `security_contact`",
        )


def _open_operations(settings: Settings) -> Iterator[Risk]:
    if settings.operations_port and settings.operations_host not in LOOPBACK:
        yield Risk(
            "open_operations_port",
            "The worker's numbers in `/metrics` tell whether a request matched an account.",
            "set `operations_host` to a loopback address, or close the port to all but operators' machines",
        )


def _wide_proxies(settings: Settings) -> Iterator[Risk]:
    networks = [ip_network(written.strip()) for written in settings.trusted_proxies]
    wide = [str(network) for network in networks if network.prefixlen < _WIDEST_PROXIES[network.version]]
    if wide:
        yield Risk(
            "wide_trusted_proxies",
            f"Anybody in {', '.join(wide)} may pretend to be another network, and so pass every limit.",
            "name the proxies alone in `trusted_proxies`",
        )


def _hosts_of(url: URL) -> list[str]:
    """The hosts that a URL of PostgreSQL names, each perhaps with its port; a folder is that of a socket."""
    named = url.query.get("host", url.host or "localhost")
    return named.split(",") if isinstance(named, str) else list(named)


def _is_here(host: str) -> bool:
    return host.startswith("/") or host in LOOPBACK or host.rpartition(":")[0] in LOOPBACK


def _database(settings: Settings) -> Iterator[Risk]:
    url = make_url(settings.database)
    if url.drivername.startswith("sqlite"):
        if Path(url.database or "").resolve().parent == settings.keyring.resolve().parent:
            yield Risk(
                "keyring_beside_database",
                "Whoever copies the folder of the database has the keyring too.",
                "keep them in two folders, and back them up apart",
            )
    elif not all(map(_is_here, _hosts_of(url))) and url.query.get("sslmode") != "verify-full":
        yield Risk(
            "database_without_tls",
            "What goes to the database may be read or changed on its way.",
            "add `?sslmode=verify-full&sslrootcert=…` to `database`",
        )


_OF_SETTINGS: tuple[Callable[[Settings], Iterator[Risk]], ...] = (
    _plain_http,
    _plain_smtp,
    _special_use_domains,
    _clock_offset,
    _no_security_contact,
    _open_operations,
    _wide_proxies,
    _database,
)


def _shared_host(portals: Mapping[str, Portal]) -> list[Risk]:
    shared = sorted(portal.id for portal in portals.values() if not portal.file.portal.host)
    if len(shared) < 2:  # noqa: PLR2004 - one alone shares with nobody
        return []
    return [
        Risk(
            "shared_host",
            f"{', '.join(shared)} are paths of one host: a browser takes them for one site, with one set of cookies,"
            " saved passwords and passkeys.",
            "give each a `portal.host` of its own",
        )
    ]


def _id_on_screen(portal: Portal) -> Iterator[Risk]:
    finding = portal.file.journeys.find_user_id
    if finding is not None and finding.reveal == "screen":
        yield Risk(
            f"id_on_screen:{portal.id}",
            f"Who knows a person's data learns on the screen whether they have an account, {finding.daily_budget} times"
            " a day at most (S1's one exception).",
            'set `journeys.find_user_id.reveal = "mail"`',
        )


def _shared_initial_passwords(portal: Portal) -> Iterator[Risk]:
    first = portal.file.journeys.first_sign_in
    if first is not None and "shared_initial_passwords" in getattr(first, "accept_risk", ()):
        yield Risk(
            f"shared_initial_passwords:{portal.id}",
            "Accounts may share an initial password: who knows one knows them all until they are used (S15).",
            "leave `journeys.first_sign_in.accept_risk` out, and generate them",
        )


def _short_passwords(portal: Portal) -> Iterator[Risk]:
    preset = portal.file.passwords.preset
    if preset != "nist":
        yield Risk(
            f"short_passwords:{portal.id}",
            f"The preset `{preset}` takes passwords of 8 characters; the standard asks for 15 (NIST SP 800-63B-4).",
            'set `passwords.preset = "nist"`',
        )


def _long_secrets(portal: Portal) -> Iterator[Risk]:
    for journey in (temporary_password.JOURNEY, reset_link.JOURNEY):
        terms = portal.terms.get(journey)
        if terms is not None and terms.lifetime > HOUR:
            yield Risk(
                f"long_lived_secrets:{portal.id}",
                f"What {journey} mails works for {terms.lifetime // HOUR} h: a mailbox that is read later is enough.",
                f'set `journeys.{journey}.lifetime = "1h"`',
            )


def _quick_address_change(portal: Portal) -> Iterator[Risk]:
    if portal.address_wait < HOUR:
        yield Risk(
            f"quick_address_change:{portal.id}",
            "A changed address counts before the owner may have read the mail that tells of it (S35).",
            'set `addresses.wait = "24h"`',
        )


def _no_privacy_notice(portal: Portal) -> Iterator[Risk]:
    if not portal.file.help.privacy:
        yield Risk(f"no_privacy_notice:{portal.id}", "No form links to a privacy notice (S50).", "set `help.privacy`")


def _no_help_desk(portal: Portal) -> Iterator[Risk]:
    if not portal.file.help.lines:
        yield Risk(
            f"no_help_desk:{portal.id}",
            "Who cannot read their mail any more is told of nobody to turn to.",
            "set `help.lines`",
        )


def _untested_access(portal: Portal) -> Iterator[Risk]:
    if portal.file.accessibility.reviewed is None:
        yield Risk(
            f"untested_access:{portal.id}",
            "The accessibility page names no day on which the pages were tested in this portal's look and words.",
            "test them (the page says how), then set `accessibility.reviewed`",
        )


_OF_PORTALS: tuple[Callable[[Portal], Iterator[Risk]], ...] = (
    _id_on_screen,
    _shared_initial_passwords,
    _short_passwords,
    _long_secrets,
    _quick_address_change,
    _no_privacy_notice,
    _no_help_desk,
    _untested_access,
)
