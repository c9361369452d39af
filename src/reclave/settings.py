"""One frozen `Settings`, from a TOML file and the environment (`RECLAVE_` + the name in capitals wins)."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reclave.domain.errors import ReclaveError

_SMTP_SECURITY = ("starttls", "tls", "none")
_LOG_LEVELS = ("debug", "info", "warning", "error")


_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class SettingsRefused(ReclaveError):
    """A setting that cannot be used; says which, why and what to write."""

    code = "settings_refused"


def _setting(help_text: str, *, choices: tuple[str, ...] = (), **options: Any) -> Any:
    return field(metadata={"help": help_text, "choices": choices}, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an installation may set; paths are relative to the settings file."""

    base_url: str = _setting("Where people reach the service: https://…, or http:// on loopback. Mail uses it.")
    database: str = _setting("sqlite+aiosqlite:///FILE or postgresql+psycopg://USER@HOST/NAME")
    keyring: Path = _setting("The keyring file (mode 0600); its epoch lies beside it.")
    portals: Path = _setting("The folder of portal files (*.toml).")
    host: str = _setting("The address to listen on.", default="127.0.0.1")
    port: int = _setting("The port to listen on.", default=8000)
    smtp_host: str = _setting("The mail server.", default="localhost")
    smtp_port: int = _setting("Its port.", default=587)
    smtp_security: str = _setting("starttls, tls, or none (loopback only).", choices=_SMTP_SECURITY, default="starttls")
    smtp_username: str = _setting("The mail server's user name; empty for none.", default="")
    smtp_password_file: str = _setting("A file with the mail server's password.", default="")
    smtp_password: str = _setting("The same, better kept in the environment.", default="")
    smtp_ca_file: str = _setting("Certificates to trust for the mail server; empty: the system's.", default="")
    trusted_proxies: tuple[str, ...] = _setting("Networks whose X-Forwarded-For is believed.", default=())
    security_contact: str = _setting("Whom to tell about a weakness: mailto: or https: (security.txt).", default="")
    special_use_domains: bool = _setting("Take addresses under reserved domains: demo and tests.", default=False)
    hashing_threads: int = _setting("Threads that hash passwords; 0: one a core.", default=0)
    log_level: str = _setting("debug, info, warning or error.", choices=_LOG_LEVELS, default="info")
    clock_offset: int = _setting("Microseconds added to the database's clock: tests only.", default=0)

    @property
    def smtp_secret(self) -> str:
        """The mail server's password, from its file or the environment."""
        if self.smtp_password_file:
            return Path(self.smtp_password_file).read_text("utf-8").strip()
        return self.smtp_password


def read_settings(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read settings from a file and the environment. Raises `SettingsRefused` naming every unknown or missing one."""
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError as error:
            raise SettingsRefused(f"{path}: no such settings file") from error
        except tomllib.TOMLDecodeError as error:
            raise SettingsRefused(f"{path}: not TOML: {error}") from error
    known = {f.name: f for f in fields(Settings)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise SettingsRefused(f"{path}: unknown setting {', '.join(unknown)}")
    for name in known:
        written = environment.get(f"RECLAVE_{name.upper()}")
        if written is not None:
            values[name] = written
    missing = [n for n, f in known.items() if f.default is MISSING and n not in values]
    if missing:
        raise SettingsRefused(f"{path or 'settings'}: missing {', '.join(missing)}")
    base = path.parent if path is not None else Path()
    typed = {name: _typed(name, known[name].type, value, base) for name, value in values.items()}
    _check(typed)
    return Settings(**typed)


def _check(typed: Mapping[str, Any]) -> None:
    for known in fields(Settings):
        choices = known.metadata["choices"]
        if choices and typed.get(known.name, known.default) not in choices:
            raise SettingsRefused(f"{known.name}: {typed[known.name]!r} is none of {', '.join(choices)}")
    _check_base_url(typed["base_url"])
    for network in typed.get("trusted_proxies", ()):
        _check_network(network)


def _check_base_url(written: str) -> None:
    try:
        parts = urlsplit(written)
        host = parts.hostname or ""
    except ValueError as error:
        raise SettingsRefused(f"base_url: {written!r} is no address on the web: {error}") from error
    if not host or parts.scheme not in {"https", "http"} or parts.path not in {"", "/"} or parts.query:
        raise SettingsRefused(f"base_url: {written!r} is no address of a host: write https://portal.example")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise SettingsRefused(f"base_url: {written!r} would send passwords in the clear: write https://{parts.netloc}")


def _check_network(written: str) -> None:
    try:
        ip_network(written.strip())
    except ValueError as error:
        raise SettingsRefused(f"trusted_proxies: {written!r} is no network: write for example 10.0.0.0/8") from error


def _typed(name: str, kind: Any, value: Any, base: Path) -> Any:
    try:
        if kind is Path:
            return base / str(value)
        if kind is int:
            return int(value)
        if kind is bool:
            return value if isinstance(value, bool) else str(value).lower() in {"1", "true", "yes"}
        if kind == tuple[str, ...]:
            return tuple(value.split(",") if isinstance(value, str) else value)
    except (TypeError, ValueError) as error:
        raise SettingsRefused(f"{name}: {value!r} is not a whole number") from error
    return str(value)
