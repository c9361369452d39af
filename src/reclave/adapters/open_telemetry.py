"""Spans over OTLP (the `otel` extra); imported only where an endpoint is set."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, StatusCode

from reclave.ports.tracer import ATTRIBUTES

_TRACES = "/v1/traces"
_PATIENCE = 2  # seconds for a batch: a collector that is gone must not keep the service from stopping


class _Noted:
    def __init__(self, span: Span) -> None:
        self._span = span

    def note(self, **attributes: str) -> None:
        self._span.set_attributes(_named(attributes))


class OpenTelemetryTracer:
    """`ports.tracer.Tracer` that hands its spans to a processor of OpenTelemetry's SDK.

    Args:
        process: what the process does (`pages`, `worker`), the spans' `service.name` behind `reclave-`.
        version: of the service.
    """

    def __init__(self, processor: SpanProcessor, *, process: str, version: str) -> None:
        # Not from the environment or the machine: what a span says is decided here alone.
        resource = Resource({"service.name": f"reclave-{process}", "service.version": version})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("reclave", version)

    @contextmanager
    def span(self, name: str, **attributes: str) -> Iterator[_Noted]:
        with self._tracer.start_as_current_span(
            name,
            attributes=_named(attributes),
            record_exception=False,  # an error's message may hold what was typed
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Noted(span)
            except BaseException as error:  # noted on the span, and passed on
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    def close(self) -> None:
        """Hand out what is left, for a few seconds at most, and end the exporter's thread."""
        self._provider.shutdown()


def exporting_to(endpoint: str) -> SpanProcessor:
    """A processor that exports over OTLP/HTTP; an endpoint without a path gets the standard's `/v1/traces`."""
    url = endpoint if urlsplit(endpoint).path.strip("/") else endpoint.rstrip("/") + _TRACES
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=_PATIENCE), export_timeout_millis=_PATIENCE * 1000)


def _named(attributes: dict[str, str]) -> dict[str, str]:
    unknown = attributes.keys() - ATTRIBUTES
    if unknown:
        raise ValueError(f"a span does not say {', '.join(sorted(unknown))}: ports/tracer.py lists what it may")
    return {f"reclave.{name}": value for name, value in attributes.items() if value}
