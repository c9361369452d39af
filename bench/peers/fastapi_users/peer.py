"""fastapi-users: the reset router and JWT sign-in."""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

import psycopg

from bench.peers.peer import PROCESSES, Asker, Kind, Place, copy, hashed, post, statuses, typed
from bench.peers.python_peer import PythonPeer
from bench.service import People


class FastApiUsers(PythonPeer):
    """fastapi-users on SQLAlchemy."""

    name = "fastapi-users"
    folder = "fastapi_users"
    package = "fastapi-users"
    setting = "uvicorn (uvloop, httptools), 2 workers; asyncpg, 16 connections each; index on lower(email)"
    answers = statuses(request=202, sign_in=200, wrong=400)

    def command(self, place: Place) -> Sequence[str | Path]:
        bound = ["--host", "127.0.0.1", "--port", str(place.port), "--workers", str(PROCESSES)]
        return [self.python, "-m", "uvicorn", *bound, "--no-access-log", "--log-level", "warning", "service:app"]

    def layout_command(self) -> Sequence[str | Path]:
        return [self.python, "service.py"]

    def fill(self, connection: psycopg.Connection, known: Sequence[int]) -> None:
        columns = ("id", "email", "hashed_password", "is_active", "is_superuser", "is_verified")
        rows = ((UUID(int=person), People.address(person), hashed(), True, False, True) for person in known)
        copy(connection, "user", columns, rows)
        connection.execute('CREATE INDEX by_email ON "user" (lower(email))')

    def asker(self, place: Place, people: People) -> Asker:  # noqa: ARG002 - its forms need no page first
        def ask(kind: Kind, person: int) -> bytes:
            address = People.address(person)
            if kind in {Kind.KNOWN, Kind.UNKNOWN}:
                return post("/auth/forgot-password", place.port, "application/json", json.dumps({"email": address}))
            form = urlencode({"username": address, "password": typed(kind)})
            return post("/auth/jwt/login", place.port, "application/x-www-form-urlencoded", form)

        return ask
