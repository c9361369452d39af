"""Spans: which there are, what they say, and that an error's message is not in them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from reclave.adapters.memory import MemoryStore
from reclave.adapters.open_telemetry import OpenTelemetryTracer, exporting_to
from reclave.bootstrap import NotReady, build_worker
from reclave.bootstrap.telemetry import watched
from tests.stores import Clock, clock
from tests.worker.post_office import ONE
from tests.world import World, open_world

__all__ = ["clock", "exporter", "tracer", "world"]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """What was exported."""
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter: InMemorySpanExporter) -> OpenTelemetryTracer:
    """A tracer that exports each span as it ends."""
    return OpenTelemetryTracer(SimpleSpanProcessor(exporter), process="pages", version="1")


@pytest.fixture
async def world(tmp_path: Path, clock: Clock, tracer: OpenTelemetryTracer) -> AsyncIterator[World]:
    """The payments portal, traced."""
    async with open_world(MemoryStore(clock.standing), tmp_path, clock) as opened:
        opened.wired = replace(opened.wired, services=replace(opened.services, tracer=tracer))
        opened.worker = build_worker(opened.wired, opened.worker._sender._mailer)
        yield opened


@pytest.mark.req("S44")
async def test_a_recovery_leaves_spans_of_its_request_its_resolution_and_its_mail(
    world: World, exporter: InMemorySpanExporter
) -> None:
    await world.person().ask(ONE)
    await world.work()
    spans = {span.name: dict(span.attributes or {}) for span in exporter.get_finished_spans()}
    reference = spans["resolve"].pop("reclave.reference")
    assert spans == {
        "page": {
            "reclave.portal": "pagos",
            "reclave.page": "recover",
            "reclave.journey": "temporary_password",
            "reclave.method": "POST",
            "reclave.status": "303",
        },
        "resolve": {
            "reclave.portal": "pagos",
            "reclave.journey": "temporary_password",
            "reclave.outcome": "sent",
        },
        "send": {
            "reclave.portal": "pagos",
            "reclave.template": "temporary_password",
            "reclave.answer": "sent",
            "reclave.reference": reference,
        },
    }


@pytest.mark.req("S44")
def test_a_span_that_fails_says_the_kind_of_error_and_no_more(
    tracer: OpenTelemetryTracer, exporter: InMemorySpanExporter
) -> None:
    with pytest.raises(ValueError, match="maria"), tracer.span("page"):
        raise ValueError("maria@empresa.example")
    (span,) = exporter.get_finished_spans()
    assert (span.status.description, span.events) == ("ValueError", ())
    assert "maria" not in span.to_json()


def test_a_span_says_only_what_it_may(tracer: OpenTelemetryTracer) -> None:
    with pytest.raises(ValueError, match="address"), tracer.span("page", address="maria@empresa.example"):
        pass


def test_an_endpoint_without_a_path_gets_that_of_the_standard() -> None:
    for written in ("http://localhost:4318", "http://localhost:4318/v1/traces"):
        processor: Any = exporting_to(written)
        assert processor.span_exporter._endpoint == "http://localhost:4318/v1/traces"
        processor.shutdown()


async def test_spans_without_opentelemetry_are_refused_with_the_extra_to_install(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "reclave.adapters.open_telemetry", None)
    traced = replace(world.wired, settings=replace(world.wired.settings, otel_endpoint="http://localhost:4318"))
    with pytest.raises(NotReady, match=r"reclave\[otel\]"):
        async with watched(traced, None, "pages"):
            pass
