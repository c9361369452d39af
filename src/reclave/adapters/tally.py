"""The numbers of one process, in memory, and how those of several processes become one."""

import os
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import msgspec

from reclave.ports.meter import METRICS, Kind, Metric

_BY_NAME = {metric.name: metric for metric in METRICS}
_HEADER = struct.Struct(">II")  # length and CRC-32 of what follows


class Series(msgspec.Struct, frozen=True, array_like=True):
    """The numbers under one set of labels: one value, or a histogram's counts for each bucket, then the sum."""

    metric: str
    labels: tuple[str, ...]
    values: tuple[float, ...]


class Tally:
    """`ports.meter.Meter` in memory, for one event loop: an addition in a dictionary each time.

    Args:
        known: the numbers of an earlier process to go on from; its gauges ended with it.
    """

    def __init__(self, known: Iterable[Series] = ()) -> None:
        self._numbers: dict[tuple[Metric, tuple[str, ...]], list[float]] = {}
        for series in known:
            metric = _BY_NAME.get(series.metric)
            if metric is not None and metric.kind is not Kind.GAUGE:
                self._numbers[metric, series.labels] = list(series.values)

    def count(self, metric: Metric, amount: int = 1, **labels: str) -> None:
        self._of(metric, labels)[0] += amount

    def change(self, metric: Metric, by: int, **labels: str) -> None:
        self._of(metric, labels)[0] += by

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None:
        numbers = self._of(metric, labels)
        numbers[bisect_left(metric.buckets, seconds)] += 1
        numbers[-1] += seconds

    def series(self) -> list[Series]:
        """All numbers as they are now."""
        return [Series(metric.name, labels, tuple(values)) for (metric, labels), values in self._numbers.items()]

    def _of(self, metric: Metric, labels: dict[str, str]) -> list[float]:
        key = metric, tuple([labels[name] for name in metric.labels])
        numbers = self._numbers.get(key)
        if numbers is None:
            # A histogram: a count for each bucket and one for all that is above, then the sum.
            numbers = self._numbers[key] = [0.0] * (len(metric.buckets) + 2 if metric.buckets else 1)
        return numbers


class SharedSeries:
    """A worker's numbers where the process that shows them can read them: a file without a name, by descriptor.

    The worker writes all of them over the last ones; one that is started again goes on from there. What was half
    written when somebody read, or when the worker was killed, is not taken: the numbers before it stay.
    """

    def __init__(self, fd: int) -> None:
        """`fd` stays the caller's to close."""
        self._fd = fd
        self._last: list[Series] = []

    def write(self, series: Sequence[Series]) -> None:
        """Put these in place of the last ones."""
        content = msgspec.json.encode(series)
        os.pwrite(self._fd, _HEADER.pack(len(content), zlib.crc32(content)) + content, 0)

    def read(self) -> list[Series]:
        """The last ones that are whole."""
        header = os.pread(self._fd, _HEADER.size, 0)
        if len(header) == _HEADER.size:
            length, checksum = _HEADER.unpack(header)
            content = os.pread(self._fd, length, _HEADER.size)
            if len(content) == length and zlib.crc32(content) == checksum:
                self._last = msgspec.json.decode(content, type=list[Series])
        return self._last


def merged(*processes: Iterable[Series]) -> list[Series]:
    """The numbers of several processes, added up."""
    together: dict[tuple[str, tuple[str, ...]], Series] = {}
    for series in (each for process in processes for each in process):
        known = together.get((series.metric, series.labels))
        added = series.values if known is None else tuple(map(sum, zip(known.values, series.values, strict=True)))
        together[series.metric, series.labels] = Series(series.metric, series.labels, added)
    return list(together.values())
