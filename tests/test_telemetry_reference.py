"""The reference of metrics and log events is what the code's lists say."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from reclave.adapters.log_events import LOG_EVENTS
from reclave.cli import main
from reclave.ports.meter import METRICS
from reclave.telemetry_reference import log_events_page, metrics_page
from tests.servers import ROOT


@pytest.mark.parametrize(("name", "page"), [("metrics", metrics_page), ("log-events", log_events_page)])
def test_what_lies_in_docs_is_what_the_code_says(name: str, page: Callable[[], str]) -> None:
    assert (ROOT / "docs" / "reference" / f"{name}.md").read_text("utf-8") == page(), "run: make reference"
    assert CliRunner().invoke(main, ["reference", name]).output == page()


def test_each_metric_and_each_event_has_a_row_of_its_own() -> None:
    rows = [line.split(" | ") for line in (metrics_page() + log_events_page()).splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows] == [f"| `{one.name}`" for one in (*METRICS, *LOG_EVENTS)]
    assert {len(row) for row in rows} == {4}
