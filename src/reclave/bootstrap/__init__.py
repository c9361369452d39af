"""The only place where adapters are chosen and wired."""

from reclave.bootstrap.pages import run_web, serve
from reclave.bootstrap.portals import check_portals
from reclave.bootstrap.running import run_worker
from reclave.bootstrap.telemetry import status_of
from reclave.bootstrap.wiring import (
    NotReady,
    SilentBell,
    Wired,
    build_mailer,
    build_site,
    build_web,
    build_worker,
    configure_command_logging,
    configure_logging,
    new_keyring,
    pending_migrations,
    upgrade_database,
    warm_up,
    wired,
)

__all__ = [
    "NotReady",
    "SilentBell",
    "Wired",
    "build_mailer",
    "build_site",
    "build_web",
    "build_worker",
    "check_portals",
    "configure_command_logging",
    "configure_logging",
    "new_keyring",
    "pending_migrations",
    "run_web",
    "run_worker",
    "serve",
    "status_of",
    "upgrade_database",
    "warm_up",
    "wired",
]
