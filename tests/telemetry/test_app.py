"""The operators' listener: health, readiness with its status, metrics."""

import subprocess
import sys

import httpx2
import pytest

from reclave.domain.readiness import Check, Readiness
from reclave.telemetry.app import operations_app

PAGES_FINE = Readiness(
    (
        Check("database", ok=True, for_pages=True),
        Check("unsent_mail", ok=False, value=360, limit=300, why="Mail waits.", remedy="See the outbox."),
    )
)


async def readiness() -> Readiness:
    return PAGES_FINE


async def metrics() -> bytes:
    return b"reclave_build_info 1\n"


@pytest.fixture
def operator() -> httpx2.AsyncClient:
    """A monitoring system."""
    app = operations_app(readiness, metrics, "text/plain; version=1.0.0; charset=utf-8")
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost")


async def test_a_process_whose_event_loop_answers_is_healthy_whatever_waits(operator: httpx2.AsyncClient) -> None:
    answer = await operator.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


async def test_readiness_says_each_check_with_reason_and_remedy(operator: httpx2.AsyncClient) -> None:
    answer = await operator.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["checks"][1] == {
        "name": "unsent_mail",
        "ok": False,
        "value": 360,
        "limit": 300,
        "why": "Mail waits.",
        "remedy": "See the outbox.",
        "for_pages": False,
    }
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.req("S2")
async def test_mail_that_stands_still_takes_no_page_out_of_service(operator: httpx2.AsyncClient) -> None:
    answer = await operator.get("/readyz/pages")
    assert answer.status_code == 200
    assert [check["name"] for check in answer.json()["checks"]] == ["database"]


async def test_metrics_say_their_format(operator: httpx2.AsyncClient) -> None:
    answer = await operator.get("/metrics")
    assert (answer.status_code, answer.text) == (200, "reclave_build_info 1\n")
    assert answer.headers["content-type"] == "text/plain; version=1.0.0; charset=utf-8"
    assert (await operator.get("/pagos/")).status_code == 404


def test_what_only_operators_need_is_not_loaded_before_they_ask_for_it() -> None:
    program = "import sys, reclave.bootstrap; print(sorted({m.partition('.')[0] for m in sys.modules} & set(sys.argv)))"
    wanted = ("prometheus_client", "opentelemetry", "requests")
    said = subprocess.run([sys.executable, "-c", program, *wanted], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
