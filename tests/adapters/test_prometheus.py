"""The numbers of several processes, added up and written as Prometheus reads them."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reclave.adapters.prometheus import Exposition
from reclave.adapters.tally import Series, SharedSeries, Tally, merged
from reclave.ports.meter import DELIVERIES, HASHES, METRICS, PAGE_SECONDS, PAGES, REQUESTS, Kind


@pytest.fixture
def fd() -> Iterator[int]:
    """A file without a name."""
    with tempfile.TemporaryFile() as file:
        yield file.fileno()


def samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def asked(tally: Tally, times: int = 1) -> None:
    for _ in range(times):
        tally.count(REQUESTS, portal="pagos", journey="reset_link", outcome="accepted")


def test_the_numbers_of_two_processes_are_one() -> None:
    pages, worker = Tally(), Tally()
    asked(pages, 3)
    pages.change(HASHES, 1)
    worker.change(HASHES, 1)
    worker.count(DELIVERIES, portal="pagos", template="reset_link", answer="sent")
    for seconds in (0.001, 0.002, 9.0):
        pages.observe(PAGE_SECONDS, seconds, portal="pagos", page="sign_in")
    worker.observe(PAGE_SECONDS, 0.0005, portal="pagos", page="sign_in")
    found = samples(Exposition().write(merged(pages.series(), worker.series())))
    assert (
        found["reclave_requests_total", (("journey", "reset_link"), ("outcome", "accepted"), ("portal", "pagos"))] == 3
    )
    assert found["reclave_hashes_under_way", ()] == 2
    assert found["reclave_hashes_refused_total", ()] == 0
    here = (("page", "sign_in"), ("portal", "pagos"))
    buckets = {dict(labels)["le"]: value for (name, labels), value in found.items() if name.endswith("seconds_bucket")}
    assert (buckets["0.001"], buckets["0.0025"], buckets["2.5"], buckets["+Inf"]) == (2, 3, 3, 4)
    assert found["reclave_page_seconds_count", here] == 4
    assert found["reclave_page_seconds_sum", here] == pytest.approx(9.0035)
    assert "process_resident_memory_bytes" in {name for name, _ in found}


def test_a_worker_that_is_started_again_goes_on_counting_and_its_gauges_begin_anew(fd: int) -> None:
    shared, first = SharedSeries(fd), Tally()
    asked(first, 2)
    first.change(HASHES, 1)
    shared.write(first.series())
    second = Tally(SharedSeries(fd).read())
    asked(second)
    assert second.series() == [Series(REQUESTS.name, ("pagos", "reset_link", "accepted"), (3.0,))]


def test_numbers_that_were_cut_off_while_written_leave_the_last_whole_ones(fd: int) -> None:
    shared, tally = SharedSeries(fd), Tally()
    assert shared.read() == []
    asked(tally)
    shared.write(tally.series())
    whole = shared.read()
    asked(tally, 1000)
    shared.write(tally.series())
    os.pwrite(fd, b"0", 20)
    assert shared.read() == whole == [Series(REQUESTS.name, ("pagos", "reset_link", "accepted"), (1.0,))]


def test_numbers_of_a_version_that_had_other_metrics_are_forgotten() -> None:
    assert Tally([Series("reclave_gone_total", (), (1.0,))]).series() == []


def test_a_label_that_the_catalogue_does_not_name_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Tally().count(PAGES, portal="pagos")


def test_every_metric_is_named_as_prometheus_would_and_described() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name.startswith("reclave_")
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
        assert metric.buckets == tuple(sorted(metric.buckets))
        assert metric.meaning.endswith(".")
