"""The proxies' configurations of `deploy/proxies`, run as they are but for ports and paths: a recovery goes through."""

import asyncio
import re
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from reclave.demo.maildrop import Maildrop
from reclave.pages.urls import REPORT_LINK, RESET_LINK
from tests.servers import ROOT
from tests.servers.proxies import program
from tests.stores import sqlite_template
from tests.test_serve import HOST, Start, blueprint, folder, mail_server, serving, start, write_settings

__all__ = ["blueprint", "folder", "sqlite_template", "start"]

PROXIES = ROOT / "deploy" / "proxies"
OWNER = "tesoreria@andina.example"
START_SECONDS = 20.0

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True, slots=True)
class Places:
    """Where a configuration under test finds and puts things: ports and files of this test alone."""

    folder: Path
    http: int
    https: int
    service: int
    operations: int

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def log(self) -> Path:
        return self.folder / "access.log"


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago."""
    held = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A folder with a certificate for localhost, key and certificate in one file."""
    found = Places(tmp_path, *free_ports(4))
    key, certificate = tmp_path / "key.pem", tmp_path / "only.pem"
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    name = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*new, *name], check=True, capture_output=True)
    found.certificate.write_text(certificate.read_text() + key.read_text())
    return found


def placed(text: str, replacements: dict[str, str]) -> str:
    """A configuration with what is this machine's replaced; each must be in it, or it is not what is documented."""
    for written, here in replacements.items():
        assert written in text, written
        text = text.replace(written, here)
    return text


def nginx(places: Places) -> list[str]:
    site = placed(
        (PROXIES / "nginx.conf").read_text(),
        {
            "listen 80;": f"listen {HOST}:{places.http};",
            "listen 443 ssl http2;": f"listen {HOST}:{places.https} ssl http2;",
            "server 127.0.0.1:8000;": f"server {HOST}:{places.service};",
            "return 301 https://acceso.example": f"return 301 https://localhost:{places.https}",
            "server_name acceso.example;": "server_name localhost;",
            "/etc/ssl/reclave/fullchain.pem": str(places.certificate),
            "/etc/ssl/reclave/privkey.pem": str(places.certificate),
            "/var/log/nginx/reclave.log": str(places.log),
            "/var/log/nginx/reclave-error.log": str(places.folder / "error.log"),
        },
    )
    whole = places.folder / "nginx.conf"
    temporary = "".join(f"{kind}_temp_path {places.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi"))
    temporary += "".join(f"{kind}_temp_path {places.folder}/{kind};" for kind in ("uwsgi", "scgi"))
    whole.write_text(
        f"daemon off; pid {places.folder}/pid; error_log stderr crit; events {{}} http {{ {temporary} {site} }}"
    )
    return ["-p", str(places.folder), "-c", str(whole), "-e", "stderr"]


def haproxy(places: Places) -> list[str]:
    whole = places.folder / "haproxy.cfg"
    whole.write_text(
        placed(
            (PROXIES / "haproxy.cfg").read_text(),
            {
                "bind :80": f"bind {HOST}:{places.http}",
                "bind :443": f"bind {HOST}:{places.https}",
                "/etc/haproxy/reclave.pem": str(places.certificate),
                "log /dev/log local0": "log stdout format raw local0",
                "server reclave 127.0.0.1:8000 check port 8001": (
                    f"server reclave {HOST}:{places.service} check port {places.operations}"
                ),
                "redirect scheme https code 301": f"redirect prefix https://localhost:{places.https} code 301",
            },
        )
    )
    return ["-db", "-f", str(whole)]


def caddy(places: Places) -> list[str]:
    site = placed(
        (PROXIES / "Caddyfile").read_text(),
        {
            "acceso.example {": f"localhost:{places.https} {{\n\ttls {places.certificate} {places.certificate}",
            "127.0.0.1:8000": f"{HOST}:{places.service}",
            "/var/log/caddy/reclave.log": str(places.log),
        },
    )
    whole = places.folder / "Caddyfile"
    whole.write_text(f"{{\n\tadmin off\n\tauto_https off\n\thttp_port {places.http}\n}}\n{site}")
    return ["run", "--adapter", "caddyfile", "--config", str(whole)]


@asynccontextmanager
async def running(name: str, arguments: list[str], places: Places) -> AsyncIterator[None]:
    """A proxy in the foreground, once its port answers."""
    output = (places.folder / "output").open("wb")
    environment = {"HOME": str(places.folder), "XDG_DATA_HOME": str(places.folder), "PATH": "/usr/sbin:/usr/bin:/bin"}
    process = await asyncio.create_subprocess_exec(
        program(name), *arguments, stdout=output, stderr=output, env=environment, cwd=places.folder
    )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await answers(places.https):
                assert process.returncode is None, (places.folder / "output").read_text()
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        output.close()


async def answers(port: int) -> bool:
    """Whether something listens at a port; asked again, it has waited a moment."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(HOST, port), 1)
    except (OSError, TimeoutError):
        await asyncio.sleep(0.05)
        return False
    writer.close()
    return True


CONFIGURATIONS: dict[str, Callable[[Places], list[str]]] = {"nginx": nginx, "haproxy": haproxy, "caddy": caddy}


def browser(places: Places, *, address: str = HOST, pretending: str = "") -> httpx2.AsyncClient:
    """A person's browser on the other side of the proxy, at a loopback address of its own."""
    trusting = ssl.create_default_context(cafile=str(places.folder / "only.pem"))
    return httpx2.AsyncClient(
        base_url=f"https://localhost:{places.https}",
        transport=httpx2.AsyncHTTPTransport(verify=trusting, local_address=address),
        headers={"sec-fetch-site": "same-origin", **({"x-forwarded-for": pretending} if pretending else {})},
        timeout=30,
    )


@pytest.mark.long
@pytest.mark.req("S32", "S46", "S49")
@pytest.mark.parametrize("name", CONFIGURATIONS)
async def test_a_recovery_goes_through_and_no_secret_stays_in_the_log(
    start: Start, folder: Path, places: Places, name: str
) -> None:
    async with mail_server() as (maildrop, smtp_port):
        settings = write_settings(
            folder,
            port=places.service,
            operations_port=places.operations,
            smtp_port=smtp_port,
            base_url=f"https://localhost:{places.https}",
            trusted_proxies=HOST,
            log_level="info",
        )
        service = await serving(start, settings)
        await service.program.says("operations_listening")
        async with running(name, CONFIGURATIONS[name](places), places):
            token = await recovered(places, maildrop)
            await moved_to_https(places, name)
        service.program.process.terminate()
        await service.program.ends(20)
    logged = places.log.read_text() if places.log.exists() else (places.folder / "output").read_text()
    assert "/no-fui-yo/" in logged
    assert token not in logged
    with closing(sqlite3.connect(folder / "reclave.sqlite")) as database:
        clients = [row[0] for row in database.execute("SELECT client FROM intake ORDER BY accepted_at")]
    # Three requests from one address, whatever the last two say of theirs; one from another address.
    assert (len(clients), len(set(clients[:3])), len(set(clients))) == (4, 1, 2)


async def recovered(places: Places, maildrop: Maildrop) -> str:
    """Ask for a recovery and open the report's link, as people do; the link's secret."""
    async with browser(places) as person:
        await ready(person)
        asked = await person.post("/pagos/recuperar", data={"email": OWNER})
        assert (asked.status_code, asked.headers["location"]) == (303, "/pagos/recuperar/enviada")
        assert "strict-transport-security" in asked.headers
        mail = (await maildrop.wait_for(OWNER, timeout=60))[0]
        link = re.search(r"https://\S+/no-fui-yo/(\S+)", str(mail.text))
        assert link is not None
        opened = await person.get(link.group())
        assert (opened.status_code, opened.headers["location"]) == (303, "/pagos/no-fui-yo")
        assert (await person.get("/pagos/no-fui-yo")).status_code == 200
        large = await person.post("/pagos/recuperar", content=b"x" * 200_000)
        assert large.status_code == 413
    others: list[dict[str, str]] = [{"pretending": "203.0.113.1"}, {"pretending": "::1, x"}, {"address": "127.0.0.2"}]
    for number, given in enumerate(others):
        async with browser(places, **given) as other:
            asked = await other.post("/pagos/recuperar", data={"email": f"otra{number}@andina.example"})
            assert asked.status_code == 303
    return link.group(1)


async def moved_to_https(places: Places, name: str) -> None:
    """Plain http is answered with the way to https; Caddy's own redirect is off here, as it takes port 80."""
    if name == "caddy":
        return
    async with httpx2.AsyncClient(base_url=f"http://{HOST}:{places.http}") as person:
        moved = await person.get("/pagos/")
    assert (moved.status_code, moved.headers["location"]) == (301, f"https://localhost:{places.https}/pagos/")


async def ready(person: httpx2.AsyncClient) -> None:
    """Wait until the proxy has seen that the service is ready: HAProxy sends nothing on before."""
    async with asyncio.timeout(START_SECONDS):
        while (await person.get("/pagos/")).status_code == 503:  # noqa: ASYNC110 - the proxy tells nobody
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("file", ["nginx.conf", "haproxy.cfg", "Caddyfile"])
def test_each_configuration_masks_every_kind_of_link(file: str) -> None:
    text = (PROXIES / file).read_text()
    for link in (REPORT_LINK, RESET_LINK):
        assert link.split("/")[1] in text
