"""Flask-Security-Too with generic responses, and once more with its tokens' hash changed."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from pathlib import Path

import psycopg

from bench.peers.peer import Asker, Kind, Place, copy, get, hashed, post, statuses, typed
from bench.peers.python_peer import PythonPeer
from bench.service import PASSWORD, People

_SALT = "a fixed salt of the benchmark"
_JSON = {"Accept": "application/json"}


class FlaskSecurity(PythonPeer):
    """Flask-Security-Too as it comes."""

    name = "Flask-Security-Too"
    folder = "flask_security"
    package = "flask-security-too"
    built = ("flask-principal",)
    setting = "JSON, generic responses; gunicorn, 2 sync workers; psycopg 3, pooled; index on lower(email); no DNS"
    answers = statuses(first_page=200, request=200, sign_in=200, wrong=400)

    def command(self, place: Place) -> Sequence[str | Path]:
        return self.gunicorn(place, "service:app")

    def layout_command(self) -> Sequence[str | Path]:
        return [self.python, "service.py"]

    def environment(self, place: Place) -> dict[str, str]:
        return super().environment(place) | {"PEER_SALT": _SALT}

    def fill(self, connection: psycopg.Connection, known: Sequence[int]) -> None:
        keyed = hmac.new(_SALT.encode(), PASSWORD.encode(), hashlib.sha512).digest()
        password = hashed(base64.b64encode(keyed))
        columns = ("email", "password", "active", "fs_uniquifier")
        rows = ((People.address(person), password, True, f"{person:064x}") for person in known)
        copy(connection, "user", columns, rows)
        connection.execute('CREATE INDEX by_email ON "user" (lower(email))')

    def asker(self, place: Place, people: People) -> Asker:  # noqa: ARG002 - its forms need no page first
        def ask(kind: Kind, person: int) -> bytes:
            if kind is Kind.FIRST_PAGE:
                return get("/login", place.port)
            path, sent = "/reset", {"email": People.address(person)}
            if kind not in {Kind.KNOWN, Kind.UNKNOWN}:
                path, sent = "/login", {**sent, "password": typed(kind)}
            return post(path, place.port, "application/json", json.dumps(sent), _JSON)

        return ask


class FlaskSecurityMd5(FlaskSecurity):
    """The same with SECURITY_HASHING_SCHEMES at the other scheme that it knows for the hash inside of its tokens."""

    name = "Flask-Security-Too, hex_md5"
    setting = "as above, and SECURITY_HASHING_SCHEMES = hex_md5 in place of sha256_crypt, its default"

    def environment(self, place: Place) -> dict[str, str]:
        return super().environment(place) | {"PEER_HASHING_SCHEMES": "hex_md5"}
