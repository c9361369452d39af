"""Log events: each that the code writes is in the catalogue, and nothing else; what a line may not hold is masked."""

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from reclave.adapters.log_events import LOG_EVENTS
from reclave.adapters.log_redaction import masked, masked_deep
from reclave.adapters.logs import configure_command_logs, configure_logs
from tests.servers import ROOT

SOURCES = sorted((ROOT / "src" / "reclave").rglob("*.py"))
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
LEVELS_BY_NAME: dict[str, int] = {}
TYPED = "maria.lopez"
_NO_FIELDS = {"exc_info"}


def written_in(path: Path) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Event, level and fields of every call of a structlog logger in a module."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        made = ast.unparse(node.func.value)
        if made != "_log" and not made.startswith("structlog.get_logger"):
            continue
        name = node.args[0]
        assert isinstance(name, ast.Constant), f"{path}:{node.lineno}: an event has a fixed name"
        assert all(word.arg for word in node.keywords), f"{path}:{node.lineno}: fields are written out"
        level = "error" if node.func.attr == "exception" else node.func.attr
        yield str(name.value), level, frozenset(str(word.arg) for word in node.keywords) - _NO_FIELDS


def test_the_catalogue_lists_the_events_of_the_code_with_their_levels_and_fields() -> None:
    found: dict[tuple[str, str], frozenset[str]] = {}
    for path in SOURCES:
        for name, level, fields in written_in(path):
            found[name, level] = found.get((name, level), frozenset()) | fields
    assert len(found) > 15
    assert found == {(event.name, event.level): frozenset(event.fields) for event in LOG_EVENTS}


def test_every_event_and_field_has_a_meaning() -> None:
    assert len({event.name for event in LOG_EVENTS}) == len(LOG_EVENTS)
    for event in LOG_EVENTS:
        assert all(meaning.endswith(".") for meaning in (event.meaning, *event.fields.values()))


@pytest.mark.req("S44")
@pytest.mark.parametrize(
    "canary",
    [
        "maria@empresa.example",
        "maria@ñandú.example",
        "hk9gp7-xx44fk-v6kv4j",
        "ASgXve_s04PuNfcBOl_e3r02mkZ6s792hE_k4EG-Yrjl7DniF9NLu18x",
        "kQ3vJx0ZbT7mWc2RfYh8Lg",
        "900.100.001-1",
        "900100001",
        "AB123456",
        "12345678K",
        "+57 601 555 0134",
        "203.0.113.7",
        "10.0.0.7",
        "2001:db8::7",
    ],
)
def test_what_has_the_shape_of_a_secret_an_address_or_a_number_is_masked_wherever_it_stands(canary: str) -> None:
    for text in (canary, f"said {canary} to", f"({canary})", f"key={canary};", f"\n{canary}\r\n"):
        assert canary not in masked(text)
    assert canary not in json.dumps(masked_deep({"one": [canary], canary: (canary,)}), ensure_ascii=False)


@pytest.mark.parametrize("text", ["listening on port 8001", "stage_failed", "2 of 32 in 12.5 s", "portal.name: pagos"])
def test_what_operators_read_stays(text: str) -> None:
    assert masked(text) == text


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged, at the lowest level."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logs("debug")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    handler.setStream(written)
    yield written
    root.handlers[:] = before
    root.setLevel(level)


def failed_with_values(typed: str) -> None:
    """An error whose message, cause, note and group quote what somebody typed."""
    try:
        try:
            _ = LEVELS_BY_NAME[typed]
        except KeyError as error:
            raise ValueError(f"can't be int(): {typed!r}\nDETAIL:  Key (value)=({typed})") from error
    except ValueError as error:
        error.add_note("resolving the request with the reference AB12-CD34")
        raise ExceptionGroup("some failed", [error]) from None


@pytest.mark.req("S44")
def test_an_error_is_told_with_its_place_and_causes_but_without_the_values_that_it_quotes(log: io.StringIO) -> None:
    try:
        failed_with_values(TYPED)
    except ExceptionGroup:
        structlog.get_logger("reclave.test").exception("stage_failed", stage="resolve")
        logging.getLogger("somewhere").exception("failed for %s", "maria@empresa.example")
    own, library = map(json.loads, log.getvalue().splitlines())
    assert TYPED not in log.getvalue()
    assert "maria@" not in log.getvalue()
    for said in (
        "in failed_with_values",
        "KeyError: '...'",
        "which led to:",
        "ValueError: can'...'",
        "reference AB12-CD34",
    ):
        assert said in own["exception"]
    assert library["event"] == "failed for [address]"
    assert "KeyError" in library["exception"]


@pytest.mark.req("S44")
def test_no_line_can_be_forged_with_line_breaks(log: io.StringIO) -> None:
    forged = "x\r\n{}\u2028{}\x85{}\x1b[2J"
    structlog.get_logger("reclave.test").error("reload_refused", why=forged)
    logging.getLogger("somewhere").error(forged)
    lines = log.getvalue().splitlines()
    assert len(lines) == 2
    assert log.getvalue().isascii()
    assert json.loads(lines[0])["why"] == json.loads(lines[1])["event"] == forged


@pytest.mark.req("S44")
def test_a_value_that_is_no_text_is_named_by_its_type(log: io.StringIO) -> None:
    structlog.get_logger("reclave.test").error("delivery", answer=ValueError("maria"), code=900100001, ms=1.5)
    said = json.loads(log.getvalue())
    assert (said["answer"], said["code"], said["ms"]) == ("[ValueError]", "[number]", 1.5)


@pytest.mark.req("S44")
def test_what_a_command_logs_is_masked_too_and_leaves_its_output_alone(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    configure_command_logs()
    try:
        structlog.get_logger("reclave.test").info("delivery", answer="Sent")
        structlog.get_logger("reclave.test").error("keyring_refused", why=f"said of {TYPED}@empresa.example")
    finally:
        structlog.configure(**before)
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["why"] == "said of [address]"
