"""better-auth on Node."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import psycopg

from bench.peers.peer import (
    INSTALLED,
    Asker,
    Kind,
    MissingPeer,
    Place,
    ProcessPeer,
    copy,
    hashed,
    install_by,
    post,
    statuses,
    typed,
)
from bench.service import ROOT, People

_PINS = ("package.json", "package-lock.json")


class BetterAuth(ProcessPeer):
    """better-auth with e-mail and password."""

    name = "better-auth"
    folder = "better_auth"
    setting = "Node's http and cluster, 2 processes; pg, 16 connections each; nodemailer, pooled; its own indexes"
    answers = statuses(request=200, sign_in=200, wrong=401)

    @property
    def home(self) -> Path:
        return INSTALLED / self.folder

    @property
    def _source(self) -> Path:
        return ROOT / "bench" / "peers" / self.folder

    def version(self) -> str:
        version: str = json.loads((self._source / "package.json").read_text())["dependencies"]["better-auth"]
        return version

    def install(self) -> None:
        for program in ("node", "npm"):
            if shutil.which(program) is None:
                raise MissingPeer(f"{program} is not here: install Node 20 or newer")
        self.home.mkdir(parents=True, exist_ok=True)
        shutil.copy(self._source / "app" / "service.js", self.home)
        mark = self.home / "installed"
        pins = "".join((self._source / name).read_text() for name in _PINS)
        if mark.exists() and mark.read_text() == pins:
            return
        for name in _PINS:
            shutil.copy(self._source / name, self.home)
        install_by(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], self.home)
        mark.write_text(pins)

    def command(self, place: Place) -> Sequence[str | Path]:  # noqa: ARG002 - it reads its place from the environment
        return ["node", "service.js"]

    def layout_command(self) -> Sequence[str | Path]:
        return ["node", "service.js", "migrate"]

    def environment(self, place: Place) -> dict[str, str]:
        return super().environment(place) | {"NODE_ENV": "production"}

    def fill(self, connection: psycopg.Connection, known: Sequence[int]) -> None:
        at = "2026-01-01T00:00:00Z"
        users = ((str(person), str(person), People.address(person), True, at, at) for person in known)
        copy(connection, "user", ("id", "name", "email", "emailVerified", "createdAt", "updatedAt"), users)
        columns = ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt")
        accounts = ((str(one), str(one), "credential", str(one), hashed(), at, at) for one in known)
        copy(connection, "account", columns, accounts)

    def asker(self, place: Place, people: People) -> Asker:  # noqa: ARG002 - its forms need no page first
        origin = {"Origin": f"http://127.0.0.1:{place.port}"}

        def ask(kind: Kind, person: int) -> bytes:
            path, sent = "request-password-reset", {"email": People.address(person), "redirectTo": "/reset"}
            if kind not in {Kind.KNOWN, Kind.UNKNOWN}:
                path, sent = "sign-in/email", {"email": People.address(person), "password": typed(kind)}
            return post(f"/api/auth/{path}", place.port, "application/json", json.dumps(sent), origin)

        return ask
