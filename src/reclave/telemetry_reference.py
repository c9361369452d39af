"""The reference of what operators watch, from the code's own lists: metrics and log events."""

from reclave.adapters.log_events import ERROR_FIELD, LOG_EVENTS, LogEvent
from reclave.ports.meter import METRICS, Metric

_METRICS = """# Metrics

Generated from the code by `make reference`; do not edit it here.

With `operations_port` set, `reclave serve` answers `GET /metrics` there in Prometheus's format, beside `/healthz`,
`/readyz` and `/readyz/pages`, never on the public port. Its numbers are those of its pages and of its worker together
(the worker's are a second old at most, and go on when it is started again). A `reclave worker` of its own answers for
itself. Counters begin at 0 with each start of `serve`. Beside these there are Prometheus's usual `process_*` (memory,
CPU, open files) of the process that answers.

No label holds anything that a person typed, and the numbers of the door (`reclave_requests_total`) are the same for
known and unknown accounts. Those of the worker are not: keep the port to operators.

| metric | type | labels | meaning |
|---|---|---|---|
"""
_EVENTS = f"""# Log events

Generated from the code by `make reference`; do not edit it here.

Logs are one JSON object a line on standard error. Each has `timestamp` (UTC), `level`, `logger` and `event`; what
libraries say is in `event` as text. Where an event comes from an error, `exception` holds it:
{ERROR_FIELD[0].lower()}{ERROR_FIELD[1:]}
Whatever has the shape of an address, a network address, a number of a document or a secret is masked in every field.

| event | level | meaning | fields |
|---|---|---|---|
"""


def metrics_page() -> str:
    """docs/reference/metrics.md."""
    return _METRICS + "".join(map(_metric, METRICS))


def log_events_page() -> str:
    """docs/reference/log-events.md."""
    return _EVENTS + "".join(map(_event, LOG_EVENTS))


def _metric(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
    buckets = f" Buckets (s): {', '.join(f'{edge:g}' for edge in metric.buckets)}." if metric.buckets else ""
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.meaning}{buckets} |\n"


def _event(event: LogEvent) -> str:
    fields = "<br>".join(f"`{name}`: {meaning}" for name, meaning in event.fields.items()) or "–"
    return f"| `{event.name}` | {event.level} | {event.meaning} | {fields} |\n"
