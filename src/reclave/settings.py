"""One frozen `Settings`, from a TOML file and the environment (`RECLAVE_` + the name in capitals wins)."""

import os
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from reclave.domain.errors import ReclaveError
from reclave.domain.spelling import nearest

_SMTP_SECURITY = ("starttls", "tls", "none")
_LOG_LEVELS = ("debug", "info", "warning", "error")


LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""The hosts that nobody listens in on."""
_SQLITE_FILE = "sqlite+aiosqlite:///"
_POSTGRESQL = "postgresql+psycopg://"
_OTHER_VARIABLES = ("RECLAVE_TEST_", "RECLAVE_SETTINGS")


class SettingsRefused(ReclaveError):
    """Settings that cannot be used: a line for each, which says which, why and what to write."""

    code = "settings_refused"

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _setting(help_text: str, *, choices: tuple[str, ...] = (), secret: bool = False, **options: Any) -> Any:
    return field(metadata={"help": help_text, "choices": choices, "secret": secret}, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an installation may set; paths are relative to the settings file."""

    base_url: str = _setting("Where people reach the service: https://…, or http:// on loopback. Mail uses it.")
    database: str = _setting("sqlite+aiosqlite:///FILE or postgresql+psycopg://USER@HOST/NAME")
    database_direct: str = _setting(
        "The same without PgBouncer, where one stands between: for `migrate`, and to wake workers. Empty: `database`.",
        default="",
    )
    keyring: Path = _setting("The keyring file (mode 0600); its epoch lies beside it.")
    portals: Path = _setting("The folder of portal files (*.toml).")
    host: str = _setting("The address to listen on.", default="127.0.0.1")
    port: int = _setting("The port to listen on.", default=8000)
    operations_host: str = _setting("Where operators' machines ask for health and metrics.", default="127.0.0.1")
    operations_port: int = _setting("The port for /healthz, /readyz and /metrics; 0: none.", default=0)
    otel_endpoint: str = _setting("Where spans go, over OTLP/HTTP (the `otel` extra); empty: nowhere.", default="")
    smtp_host: str = _setting("The mail server.", default="localhost")
    smtp_port: int = _setting("Its port.", default=587)
    smtp_security: str = _setting("starttls, tls, or none (loopback only).", choices=_SMTP_SECURITY, default="starttls")
    smtp_username: str = _setting("The mail server's user name; empty for none.", default="")
    smtp_password_file: str = _setting("A file with the mail server's password.", default="")
    smtp_password: str = _setting("The same, better kept in the environment.", secret=True, default="")
    smtp_ca_file: str = _setting("Certificates to trust for the mail server; empty: the system's.", default="")
    trusted_proxies: tuple[str, ...] = _setting("Networks whose X-Forwarded-For is believed.", default=())
    security_contact: str = _setting("Whom to tell about a weakness: mailto: or https: (security.txt).", default="")
    special_use_domains: bool = _setting("Take addresses under reserved domains: demo and tests.", default=False)
    hashing_threads: int = _setting(
        "Threads that hash passwords; 0: one a core, if a quarter of the memory holds their 19 MiB each.", default=0
    )
    accepted_risks: tuple[str, ...] = _setting("Risks that `reclave check --strict` shall not refuse.", default=())
    log_level: str = _setting("debug, info, warning or error.", choices=_LOG_LEVELS, default="info")
    clock_offset: int = _setting("Microseconds added to the database's clock: tests only.", default=0)

    @property
    def smtp_secret(self) -> str:
        """The mail server's password, from its file or the environment."""
        if self.smtp_password_file:
            return Path(self.smtp_password_file).read_text("utf-8").strip()
        return self.smtp_password


def read_settings(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read settings from a file and the environment. Raises `SettingsRefused` naming everything that is wrong."""
    return read_with_origins(path, environment)[0]


def read_with_origins(
    path: Path | None, environment: Mapping[str, str] = os.environ
) -> tuple[Settings, Mapping[str, str]]:
    """Read settings, and where each value came from: a file, a variable, or the default. Raises `SettingsRefused`."""
    known = {f.name: f for f in fields(Settings)}
    written = _from_file(path)
    from_environment = {name: environment[_variable(name)] for name in known if _variable(name) in environment}
    values = written | from_environment
    source = str(path or "settings")
    problems = [
        f"{source}: {name}: no setting has this name{nearest(name, known)}" for name in set(written) - set(known)
    ]
    problems += _unknown_variables(environment, known)
    for name in (n for n, f in known.items() if f.default is MISSING and n not in values):
        problems.append(f"{source}: {name} is missing: {known[name].metadata['help']}")
    base = path.parent if path is not None else Path()
    typed: dict[str, Any] = {}
    for name in known.keys() & values.keys():
        try:
            typed[name] = _typed(name, known[name].type, values[name], base)
        except SettingsRefused as refused:
            problems += refused.problems
    problems += _wrong(typed)
    if problems:
        raise SettingsRefused(*sorted(problems))
    origins = dict.fromkeys(known, "default") | dict.fromkeys(written, source)
    origins |= {name: f"environment: {_variable(name)}" for name in from_environment}
    return Settings(**typed), origins


def _variable(name: str) -> str:
    return f"RECLAVE_{name.upper()}"


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsRefused(
            f"{path}: no such settings file: name it with --settings, or begin with `reclave init FOLDER`"
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsRefused(f"{path}: not UTF-8 at byte {error.start}: save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsRefused(f"{path}: not TOML: {error}") from error


def _unknown_variables(environment: Mapping[str, str], known: Collection[str]) -> list[str]:
    """Variables that nobody reads: a misspelt one would otherwise do nothing, unseen."""
    ours = {_variable(name) for name in known}
    return [
        f"{name}: no setting has this variable{nearest(name, ours)}"
        for name in environment
        if name.startswith("RECLAVE_") and name not in ours and not name.startswith(_OTHER_VARIABLES)
    ]


def _wrong(typed: Mapping[str, Any]) -> list[str]:
    """What is wrong with the values, each by itself."""
    problems = []
    for known in fields(Settings):
        choices = known.metadata["choices"]
        value = typed.get(known.name, known.default)
        if choices and value not in choices:
            problems.append(f"{known.name}: {value!r} is none of {', '.join(choices)}")
    if "base_url" in typed:
        problems += _wrong_base_url(typed["base_url"])
    if (direct := typed.get("database_direct")) and not direct.startswith(_POSTGRESQL):
        problems.append(f"database_direct: only PostgreSQL is listened to: write {_POSTGRESQL}USER@HOST/NAME")
    problems += _wrong_endpoint(typed.get("otel_endpoint", ""))
    for network in typed.get("trusted_proxies", ()):
        problems += _wrong_network(network)
    return problems


def check_base_url(written: str) -> None:
    """Raise `SettingsRefused` for what cannot be a `base_url`."""
    problems = _wrong_base_url(written)
    if problems:
        raise SettingsRefused(*problems)


def _wrong_base_url(written: str) -> list[str]:
    try:
        parts = urlsplit(written)
        host = parts.hostname or ""
    except ValueError as error:
        return [f"base_url: {written!r} is no address on the web: {error}"]
    if not host or parts.scheme not in {"https", "http"} or parts.path not in {"", "/"} or parts.query:
        return [f"base_url: {written!r} is no address of a host: write https://portal.example"]
    if parts.scheme == "http" and host not in LOOPBACK:
        return [f"base_url: {written!r} would send passwords in the clear: write https://{parts.netloc}"]
    return []


def _wrong_endpoint(written: str) -> list[str]:
    if not written or written.startswith(("http://", "https://")):
        return []
    return [f"otel_endpoint: {written!r} is no address on the web: write for example http://localhost:4318"]


def _wrong_network(written: str) -> list[str]:
    try:
        ip_network(written.strip())
    except ValueError as error:
        return [f"trusted_proxies: {written!r} is no network: write for example 10.0.0.0/8 ({error})"]
    return []


def _typed(name: str, kind: Any, value: Any, base: Path) -> Any:
    try:
        if kind is Path:
            return base / str(value)
        if name == "database" and str(value).startswith(_SQLITE_FILE):
            return _SQLITE_FILE + str((base / str(value).removeprefix(_SQLITE_FILE)).absolute())
        if kind is int:
            return int(value)
        if kind is bool:
            return value if isinstance(value, bool) else str(value).lower() in {"1", "true", "yes"}
        if kind == tuple[str, ...]:
            return tuple(value.split(",") if isinstance(value, str) else value)
    except (TypeError, ValueError) as error:
        raise SettingsRefused(f"{name}: {value!r} is not a whole number") from error
    return str(value)
