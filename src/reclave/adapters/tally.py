"""The numbers of one process, in memory, and how those of several processes become one."""

import os
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import msgspec

from reclave.ports.meter import METRICS, STARTED, Kind, Metric

_BY_NAME = {metric.name: metric for metric in METRICS}
_HEADER = struct.Struct(">QII")  # which version this is, then length and CRC-32 of what follows
_COPY_BYTES = 1 << 23
"""Room for one copy of a process's numbers: some 50,000. What is not written takes no memory."""


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
    """A process's numbers where the one that shows them can read them: a place in a file without a name, by descriptor.

    Two copies lie side by side and are written in turn, so that the newest whole one is never being written over: what
    was half written when somebody read, or when the process was killed, is not taken. A process that takes a place over
    goes on from there.
    """

    def __init__(self, fd: int, place: int = 0) -> None:
        """`fd` stays the caller's to close; each process writes to a `place` (0, 1, …) of its own."""
        self._fd = fd
        self._start = place * 2 * _COPY_BYTES
        self._version = 0
        self._last: list[Series] = []

    def write(self, series: Sequence[Series]) -> None:
        """Put these in place of the last ones. Raises ValueError for more than fits."""
        content = msgspec.json.encode(series)
        if _HEADER.size + len(content) > _COPY_BYTES:
            raise ValueError(f"{len(series)} numbers do not fit into {_COPY_BYTES} bytes")
        self.read()
        version = self._version + 1
        header = _HEADER.pack(version, len(content), zlib.crc32(content))
        os.pwrite(self._fd, header + content, self._copy(version))

    def read(self) -> list[Series]:
        """The last ones that are whole."""
        headers = [(os.pread(self._fd, _HEADER.size, self._copy(which)), which) for which in (0, 1)]
        found = sorted((_HEADER.unpack(header), which) for header, which in headers if len(header) == _HEADER.size)
        for (version, length, checksum), which in reversed(found):
            if version <= self._version:
                break
            content = os.pread(self._fd, length, self._copy(which) + _HEADER.size)
            if len(content) == length and zlib.crc32(content) == checksum:
                self._version, self._last = version, msgspec.json.decode(content, type=list[Series])
                break
        return self._last

    def retire(self) -> None:
        """Take back what was true of a process that has ended: its gauges. What it counted stays."""
        self.write(Tally(self.read()).series())

    def _copy(self, version: int) -> int:
        return self._start + version % 2 * _COPY_BYTES


def merged(*processes: Iterable[Series]) -> list[Series]:
    """The numbers of several processes, added up; of processes that do the same, the newest one's start."""
    together: dict[tuple[str, tuple[str, ...]], Series] = {}
    for series in (each for process in processes for each in process):
        known = together.get((series.metric, series.labels))
        if known is not None:
            combined = max if series.metric == STARTED.name else sum
            values = tuple(map(combined, zip(known.values, series.values, strict=True)))
            series = Series(series.metric, series.labels, values)  # noqa: PLW2901 - the same numbers, with the known
        together[series.metric, series.labels] = series
    return list(together.values())
