"""Numbers in Prometheus's text format, with those that its client reads of the process itself (memory, CPU, files)."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, groupby

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from reclave.adapters.tally import Series
from reclave.ports.meter import METRICS, Kind, Metric

_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class Exposition:
    """Writes numbers as Prometheus reads them."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)

    def write(self, numbers: Iterable[Series], *, process: bool = True) -> bytes:
        """All of these, each metric with its meaning, and the process's own where there is but one to ask."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Numbers(numbers))
        return generate_latest(registry) + (generate_latest(self._process) if process else b"")


class _Numbers(Collector):
    def __init__(self, numbers: Iterable[Series]) -> None:
        by_name = sorted(numbers, key=lambda series: (series.metric, series.labels))
        self._by_name = {name: list(several) for name, several in groupby(by_name, key=lambda series: series.metric)}

    def collect(self) -> Iterator[_Family]:
        for metric in METRICS:
            several = self._by_name.get(metric.name, [])
            if not several and not metric.labels and metric.kind is Kind.COUNTER:
                several = [Series(metric.name, (), (0.0,))]
            if several:
                yield _family(metric, several)


def _family(metric: Metric, several: Iterable[Series]) -> _Family:
    meaning = metric.meaning.replace("`", "")
    if metric.kind is Kind.HISTOGRAM:
        times = HistogramMetricFamily(metric.name, meaning, labels=metric.labels)
        edges = [*map(str, metric.buckets), "+Inf"]
        for each in several:
            *counts, total = each.values
            times.add_metric(each.labels, list(zip(edges, accumulate(counts), strict=True)), total)
        return times
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.name, meaning, labels=metric.labels)
    for each in several:
        family.add_metric(each.labels, each.values[0])
    return family
