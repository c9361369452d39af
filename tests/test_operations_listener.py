"""`reclave serve` with a listener for operators: health, readiness and the numbers of both processes."""

import asyncio
import socket
from pathlib import Path

import httpx2
import pytest

from tests.stores import sqlite_template
from tests.test_serve import (
    HOST,
    MAIL_SECONDS,
    ONE,
    STOP_SECONDS,
    Start,
    all_end,
    blueprint,
    folder,
    mail_server,
    refusal,
    serving,
    start,
    write_settings,
)

__all__ = ["blueprint", "folder", "sqlite_template", "start"]

pytestmark = pytest.mark.timeout(400)
SENT = 'reclave_deliveries_total{answer="sent",portal="pagos",template="temporary_password"} 1.0'


async def numbers_with(operator: httpx2.AsyncClient, line: str) -> str:
    """The metrics once they hold a line: a worker tells its numbers every second."""
    async with asyncio.timeout(MAIL_SECONDS):
        while line not in (text := (await operator.get("/metrics")).text):
            continue
    return text


async def test_operators_see_health_readiness_and_both_processes_numbers_on_a_port_of_their_own(
    start: Start, folder: Path
) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        said = await refusal(start, "serve", "--settings", write_settings(folder, operations_port=port))
        assert f"port {port} is in use by another program: end it, or set another `operations_port`" in said
    async with mail_server() as (maildrop, smtp_port):
        settings = write_settings(folder, smtp_port=smtp_port, operations_port=port, log_level="info")
        service = await serving(start, settings)
        await service.program.says("operations_listening")
        await service.ask(ONE)
        await maildrop.wait_for(ONE, timeout=MAIL_SECONDS)
        async with httpx2.AsyncClient(base_url=f"http://{HOST}:{port}", timeout=30) as operator:
            assert (await operator.get("/healthz")).text == "ok\n"
            ready = await operator.get("/readyz")
            assert (ready.status_code, ready.json()["ready"]) == (200, True)
            text = await numbers_with(operator, SENT)
            (folder / "keyring").chmod(0o640)
            assert (await operator.get("/readyz")).status_code == 503
            (folder / "keyring").chmod(0o600)
        for line in (
            'reclave_requests_total{journey="temporary_password",outcome="accepted",portal="pagos"} 1.0',
            'reclave_requests_total{journey="temporary_password",outcome="over_limit",portal="pagos"} 0.0',
            'reclave_resolutions_total{journey="temporary_password",outcome="sent",portal="pagos"} 1.0',
            'reclave_pages_total{method="POST",page="recover",portal="pagos",status="303"} 1.0',
            'reclave_check_ok{check="unsent_mail"} 1.0',
            "reclave_build_info{",
            "process_resident_memory_bytes",
        ):
            assert line in text
        for path in ("/metrics", "/readyz", "/healthz"):
            assert "reclave_" not in await service.page(path)
        worker = service.worker()
        service.program.process.terminate()
        assert await service.program.ends(STOP_SECONDS) == 0
        await all_end([worker], 1)
    assert any("readiness_changed" in line for line in service.program.stderr)
