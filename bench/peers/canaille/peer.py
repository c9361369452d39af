"""Canaille on SQL."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from bench.peers.exchange import Line
from bench.peers.peer import PROCESSES, SECRET, Asker, Kind, Place, copy, get, hashed, post, statuses, typed
from bench.peers.python_peer import PythonPeer
from bench.service import People

_FORM = "application/x-www-form-urlencoded"
_TOKEN = re.compile(rb'name="csrf_token"[^>]*value="([^"]+)"')
_BEGUN = 100  # sign-ins whose first page, with the user name, is answered before anything is measured


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page gave along: its session, and the token of its form."""

    cookie: str
    token: str

    def headers(self) -> dict[str, str]:
        return {"Cookie": self.cookie, "X-CSRFToken": self.token}


class Canaille(PythonPeer):
    """Canaille, with the user name for an identifier."""

    name = "Canaille"
    folder = "canaille"
    package = "canaille"
    setting = "hypercorn, 2 workers; psycopg 2, pooled; looked up by user name, whose index it makes; no task broker"
    answers = statuses(first_page=200, request=200, sign_in=302, wrong=200)

    def command(self, place: Place) -> Sequence[str | Path]:
        bound = ["--bind", f"127.0.0.1:{place.port}", "--workers", str(PROCESSES)]
        return [self.environment_folder / "bin" / "canaille", "run", *bound]

    def layout_command(self) -> Sequence[str | Path]:
        return [self.environment_folder / "bin" / "canaille", "install"]

    def environment(self, place: Place) -> dict[str, str]:
        return super().environment(place) | {
            "CANAILLE_CONFIG": "canaille.toml",
            "SECRET_KEY": SECRET,
            "CANAILLE__SMTP__PORT": str(place.smtp_port),
            "CANAILLE_SQL__DATABASE_URI": place.database.replace("postgresql://", "postgresql+psycopg2://"),
        }

    def fill(self, connection: psycopg.Connection, known: Sequence[int]) -> None:
        columns = ("id", "created", "last_modified", "user_name", "emails", "password", "family_name", "formatted_name")
        at, password = "2026-01-01T00:00:00Z", hashed().encode()
        rows = (
            (str(one), at, at, People.address(one), json.dumps([People.address(one)]), password, str(one), str(one))
            for one in known
        )
        copy(connection, "user", columns, rows)

    def asker(self, place: Place, people: People) -> Asker:
        line = Line(place.port)
        asking = _page(line, get("/reset", place.port))
        begun = {kind: _begin(line, place, kind, people) for kind in (Kind.SIGN_IN, Kind.WRONG, Kind.WRONG_UNKNOWN)}
        line.close()

        def ask(kind: Kind, person: int) -> bytes:
            if kind is Kind.FIRST_PAGE:
                return get("/login", place.port)
            if kind in begun:
                page = begun[kind][person % len(begun[kind])]
                return post("/auth/password", place.port, _FORM, urlencode({"password": typed(kind)}), page.headers())
            return post("/reset", place.port, _FORM, urlencode({"login": People.address(person)}), asking.headers())

        return ask


def _begin(line: Line, place: Place, kind: Kind, people: People) -> list[_Page]:
    """The first step of a sign-in for some people: Canaille asks for the user name alone, then for the password."""
    begun = []
    for person in islice(people.unknown if kind is Kind.WRONG_UNKNOWN else people.known, _BEGUN):
        page = _page(line, get("/login", place.port))
        login = urlencode({"login": People.address(person), "remember": "y"})
        answer = line.ask(post("/login", place.port, _FORM, login, page.headers()))
        begun.append(_Page(_cookie(answer.headers), page.token))
    return begun


def _page(line: Line, request: bytes) -> _Page:
    answer = line.ask(request)
    token = _TOKEN.search(answer.body)
    if token is None:
        raise RuntimeError(f"Canaille answered {answer.status} without a form: {answer.body[:300]!r}")
    return _Page(_cookie(answer.headers), token[1].decode())


def _cookie(headers: dict[str, list[str]]) -> str:
    return "; ".join(one.partition(";")[0] for one in headers.get("set-cookie", []))
