"""django-allauth without pages."""

import json
from collections.abc import Sequence

import psycopg

from bench.peers.on_django import CSRF, OnDjango
from bench.peers.peer import Asker, Kind, Place, copy, post, statuses, typed
from bench.service import People


class Allauth(OnDjango):
    """django-allauth, headless."""

    name = "django-allauth"
    folder = "allauth"
    package = "django-allauth"
    setting = "headless, browser client; gunicorn, 2 sync workers; psycopg 3, connections kept; indexes on e-mail"
    answers = statuses(request=200, sign_in=200, wrong=400)

    def fill(self, connection: psycopg.Connection, known: Sequence[int]) -> None:
        super().fill(connection, known)
        connection.execute("CREATE INDEX by_plain_email ON auth_user (email)")
        connection.execute("CREATE INDEX by_address ON account_emailaddress (email)")
        columns = ("user_id", "email", "verified", "primary")
        rows = ((number, People.address(person), True, True) for number, person in enumerate(known, 1))
        copy(connection, "account_emailaddress", columns, rows)

    def asker(self, place: Place, people: People) -> Asker:  # noqa: ARG002 - its forms need no page first
        def ask(kind: Kind, person: int) -> bytes:
            path, sent = "password/request", {"email": People.address(person)}
            if kind not in {Kind.KNOWN, Kind.UNKNOWN}:
                path, sent = "login", {**sent, "password": typed(kind)}
            where = f"/_allauth/browser/v1/auth/{path}"
            return post(where, place.port, "application/json", json.dumps(sent), CSRF)

        return ask
