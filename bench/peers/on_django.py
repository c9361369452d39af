"""What the two systems on Django share: gunicorn, the table of users, the CSRF cookie."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import psycopg

from bench.peers.peer import Place, copy, hashed
from bench.peers.python_peer import PythonPeer
from bench.service import ROOT, People

_COMMON = ROOT / "bench" / "peers" / "django_common" / "app"
"""Holds the settings that both build on."""
_TOKEN = "abcdefghijklmnopqrstuvwxyzABCDEF"  # noqa: S105 (a CSRF cookie's value: any 32 letters and digits are one)
CSRF = {"Cookie": f"csrftoken={_TOKEN}", "X-CSRFToken": _TOKEN}
_USER_COLUMNS = (
    *("id", "username", "email", "password", "first_name", "last_name"),
    *("is_active", "is_staff", "is_superuser", "date_joined"),
)


def _users(known: Iterable[int]) -> Iterable[tuple[object, ...]]:
    password = "argon2" + hashed()
    for number, person in enumerate(known, 1):
        address = People.address(person)
        yield (number, address, address, password, "", "", True, False, False, "2026-01-01T00:00:00Z")


class OnDjango(PythonPeer):
    """One of them."""

    def command(self, place: Place) -> Sequence[str | Path]:
        return self.gunicorn(place, "django.core.wsgi:get_wsgi_application()")

    def layout_command(self) -> Sequence[str | Path]:
        return [self.python, "-m", "django", "migrate", "--verbosity", "0"]

    def environment(self, place: Place) -> dict[str, str]:
        return super().environment(place) | {
            "DJANGO_SETTINGS_MODULE": "configuration",
            "PYTHONPATH": f".{os.pathsep}{_COMMON}",
        }

    def fill(self, connection: psycopg.Connection, known: Sequence[int]) -> None:
        copy(connection, "auth_user", _USER_COLUMNS, _users(known))
        connection.execute("CREATE INDEX by_email ON auth_user (upper(email))")
