import json
import re
import socket
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.auc import separation
from bench.peers.bare import Bare
from bench.peers.canaille.peer import Canaille
from bench.peers.drive import Load, check, told
from bench.peers.earlier import FASTER, WHY, compared
from bench.peers.exchange import Line
from bench.peers.page import COMPLETE, Machine, ahead, goals, page, rates
from bench.peers.peer import Kind, Peer, Place, hashed, pinned
from bench.peers.plot import plot
from bench.peers.reclave import ReclavePages
from bench.peers.reclave_built import ReclaveBuilt, pins_of_the_compiled
from bench.peers.sink import Counter
from bench.peers.systems import SYSTEMS
from bench.peers.trial import Completed, Extent, Trial, _shares
from bench.service import PASSWORD, People
from tests.servers import ROOT

PLACE = Place("postgresql://nobody@127.0.0.1/none", 25, 8080, Path())
HASHES = "PyNaCl            80.0 hashes/s, 25 ms each\nbuilt here       125.0 hashes/s, 16 ms each"
MACHINE = Machine(2, "Linux", "3.11", "15", "smtp-sink", 1.5, HASHES, "wrk 4.1")
PEERS = ROOT / "bench" / "peers"
WRK = """Running 2s test @ http://127.0.0.1:8080/
  1 threads and 32 connections
  4321 requests in 2.50s, 1.02MB read
  Socket errors: connect 0, read 3, write 1, timeout 2
  Non-2xx or 3xx responses: 21
Requests/sec:   1728.40
"""


def trial(name: str, known: float, first_page: float = 100, completed: float = 50, trouble: str = "") -> Trial:
    made = Trial(name, "1.0", "as it comes", 1, 0.1, trouble)
    if not trouble:
        made.loads = {
            Kind.KNOWN: Load(int(known * 20), 20, 0, 0),
            Kind.FIRST_PAGE: Load(int(first_page * 20), 20, 0, 0),
        }
        made.completed = Completed(int(completed * 20), 20)
        made.told_apart = {"recovery request": separation([5, 6, 7], [1, 2, 8])}
    return made


def test_what_wrk_prints_is_read() -> None:
    assert told(WRK) == Load(4321, 2.5, 21, 6)
    assert told("900 requests in 500.00ms, 1MB read").rate == 1800
    assert told("90 requests in 1.50m, 1MB read").seconds == 90
    with pytest.raises(ValueError, match="unable to connect"):
        told("unable to connect to 127.0.0.1:8080")


def test_a_load_whose_answers_are_of_another_sort_is_no_figure() -> None:
    check(Load(10, 1, 0, 0), 303)
    check(Load(10, 1, 10, 0), 422)
    for wrong, status in ((Load(10, 1, 1, 0), 200), (Load(10, 1, 9, 0), 401), (Load(0, 1, 0, 0), 200)):
        with pytest.raises(RuntimeError, match="expected"):
            check(wrong, status)


@pytest.mark.parametrize("peer", [one for one in SYSTEMS if not isinstance(one, Canaille)], ids=lambda one: one.name)
def test_a_request_is_whole_and_names_its_person(peer: Peer) -> None:
    people = People(10)
    ask = peer.asker(PLACE, people)
    for kind in peer.answers:
        head, _, body = ask(kind, people.known[3]).partition(b"\r\n\r\n")
        assert head.startswith(b"GET /" if kind is Kind.FIRST_PAGE else b"POST /")
        assert b"\r\nHost: 127.0.0.1:8080" in head
        length = re.search(rb"Content-Length: (\d+)", head)
        assert len(body) == (int(length[1]) if length else 0)
        person = f"p{people.known[3]:08d}".encode(), People.nit(people.known[3]).encode()
        assert kind is Kind.FIRST_PAGE or any(name in body for name in person)
        right = any(form in body for form in (PASSWORD.encode(), PASSWORD.replace(" ", "+").encode()))
        assert right is (kind is Kind.SIGN_IN)


def test_nobody_is_timed_and_then_asked_again_under_load() -> None:
    shares = _shares(People(100), 20)
    for kind, share in shares.items():
        assert not set(share.sampled) & set(share.loaded)
        assert len(share.loaded) >= (1 if kind is Kind.FIRST_PAGE else 60)
    assert not set(shares[Kind.KNOWN].sampled) & set(shares[Kind.WRONG].sampled)
    assert len(set(shares[Kind.UNKNOWN].loaded)) == 160


def test_every_account_has_one_hash_at_the_cost_that_all_pay() -> None:
    assert hashed().startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hashed() is hashed()


@pytest.mark.parametrize("pins", sorted(PEERS.glob("*/requirements.txt")), ids=lambda path: path.parent.name)
def test_every_package_of_a_peer_in_python_is_pinned_with_its_hash(pins: Path) -> None:
    entries = re.split(r"\n(?=[\w.-]+(?:\[[^]]+\])?==)", pins.read_text())[1:]
    assert len(entries) > 5
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_every_package_of_the_peer_on_node_has_its_hash_and_no_address() -> None:
    lock = json.loads((PEERS / "better_auth" / "package-lock.json").read_text())["packages"]
    packages = {name: entry for name, entry in lock.items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "integrity" not in entry or "resolved" in entry] == []


def test_every_peer_has_its_version_and_its_reasons() -> None:
    own = {"reclave", "reclave_built", "bare"}
    for peer in SYSTEMS:
        assert peer.version()
        assert peer.folder in own or (PEERS / peer.folder / "README.md").read_text().startswith("# ")
    with pytest.raises(LookupError, match="flask"):
        pinned("django==5.2\n", "flask")


def test_the_folders_that_are_not_type_checked_are_those_that_peers_run_in() -> None:
    excluded = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["exclude"]
    run = {f"^bench/peers/{path.relative_to(PEERS).parts[0]}/app/" for path in PEERS.glob("*/app/*.py")}
    assert set(excluded) == run


def test_the_library_that_is_compiled_here_is_the_one_that_is_pinned() -> None:
    (line, *hashes) = pins_of_the_compiled().strip().splitlines()
    assert line.startswith("argon2-cffi-bindings==")
    assert line in (ROOT / "requirements" / "install.txt").read_text()
    assert len(hashes) > 1
    assert all("--hash=sha256:" in each for each in hashes)


def test_sign_ins_with_the_compiled_library_stand_beside_its_own_hashes_and_are_no_peers() -> None:
    trials = [trial("Reclave", 3000), trial(ReclaveBuilt.name, 0), trial("Peer", 250)]
    for one, sign_ins in zip(trials, (60, 100, 80), strict=True):
        one.loads = {Kind.SIGN_IN: Load(sign_ins * 20, 20, 0, 0)}
    rows = {row[0]: row[1:] for row in goals(MACHINE, rates(trials), trials)}
    assert rows["sign-in ÷ the bare hash rate on all cores"] == ("0.75 ×", "≥ 0.85 ×", "**no**")
    assert rows["sign-in ÷ the best peer"] == ("0.75 ×", "≥ 1 ×", "**no**")
    assert rows["sign-in, Argon2 built here, ÷ its bare hash rate"] == ("0.80 ×", "≥ 0.85 ×", "**no**")
    assert rows["sign-in, Argon2 built here, ÷ the best peer"] == ("1.25 ×", "≥ 1 ×", "yes")


def test_where_a_peer_is_ahead_the_page_says_so() -> None:
    found = rates([trial("Reclave", 4000, first_page=800), trial("Peer", 250, first_page=900)])
    lines = ahead(found)
    assert f"- {Kind.FIRST_PAGE}: **Peer** with 900/s, Reclave 800/s." in lines
    assert not any(line.startswith(f"- {Kind.KNOWN}") for line in lines)
    assert f"- {Kind.SIGN_IN}: Reclave has no figure." in lines


def test_the_goals_are_proportions_of_the_same_run() -> None:
    trials = [trial("Reclave", 3000, completed=600), trial("Better", 200), trial("Worse", 20)]
    rows = {row[0]: row[1:] for row in goals(MACHINE, rates(trials), trials)}
    assert rows["the same while workers resolve and send ÷ the best peer"] == ("15.00 ×", "≥ 12 ×", "yes")
    assert rows[f"{COMPLETE} ÷ the best peer"][0] == "12.00 ×"
    assert rows["AUC, recovery request, run 1"][2] == "**no**"


def test_pages_alone_stand_beside_the_whole_service_and_are_no_peer() -> None:
    trials = [trial("Reclave", 800), trial(ReclavePages.name, 2600), trial("Peer", 200), trial(Bare.name, 0)]
    for one, unknown in zip(trials, (900, 2700, 200, 9000), strict=True):
        one.loads[Kind.UNKNOWN] = Load(unknown * 20, 20, 0, 0)
    rows = {row[0]: row[1:] for row in goals(MACHINE, rates(trials), trials)}
    assert rows[f"{Kind.KNOWN}, pages alone, ÷ the best peer"] == ("13.00 ×", "≥ 12 ×", "yes")
    assert rows["the same while workers resolve and send ÷ the best peer"] == ("4.00 ×", "≥ 12 ×", "**no**")
    assert rows["accepted request, pages alone, ÷ bare Starlette"][0] == "0.30 ×"
    assert rows["the same while workers resolve ÷ bare Starlette"][0] == "0.10 ×"
    assert not any(ReclavePages.name in line for line in ahead(rates(trials)))


def test_a_peer_that_cannot_be_installed_is_in_the_page_with_the_reason() -> None:
    text = page(MACHINE, Extent(), [trial("Reclave", 3000), trial("Canaille", 0, trouble="missing: no wheel | here")])
    assert "- **Canaille**: missing: no wheel \\| here (run 1)" in text
    assert "| Canaille | – | – | – | – | – | – |" in text
    assert "2 cores" in text


def test_every_run_is_in_the_page_and_the_table_has_their_median() -> None:
    runs = [trial("Reclave", rate) for rate in (1000, 3000, 2000)]
    for number, one in enumerate(runs, 1):
        one.run = number
    text = page(MACHINE, Extent(), runs)
    assert "| Reclave | 2,000 |" in text
    assert [text.count(f"| {Kind.KNOWN} | {rate:,} |") for rate in (1000, 2000, 3000)] == [1, 1, 1]


def test_the_machines_speed_is_taken_out_before_figures_are_compared() -> None:
    half = {"better-auth": 134.0, "Django": 131.0, "django-allauth": 89.5, "Canaille": 20.0}
    found = {one.name: one for one in compared(Kind.KNOWN, half)}
    assert found["Django"].relative == pytest.approx(1)
    assert found["Django"].within
    assert found["Canaille"].relative == pytest.approx(0.43, abs=0.01)
    assert not found["Canaille"].within


def test_the_page_says_why_a_peer_is_slower_than_it_was_and_of_a_faster_one_that_it_is() -> None:
    now = {"better-auth": 900, "Django": 262, "django-allauth": 179, "Canaille": 20}
    text = page(MACHINE, Extent(), [trial("Reclave", 3000), *(trial(name, rate) for name, rate in now.items())])
    (faster,) = re.findall(rf"\| {Kind.KNOWN} \| better-auth \| 900 .*", text)
    (slower,) = re.findall(rf"\| {Kind.KNOWN} \| Canaille \| 20 .*", text)
    assert faster.endswith(f"| {FASTER} |")
    assert slower.endswith(f"| {WHY['Canaille', Kind.KNOWN]} |")
    assert "not explained" not in text


def test_the_plot_has_a_bar_for_each_figure() -> None:
    drawn = ET.fromstring(plot([trial("Reclave", 4000), trial("A & B", 4.5)]))  # noqa: S314 - our own text
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in drawn.iter(f"{space}text")]
    assert {"Reclave", "A & B", "4,000", "4.5"} <= set(texts)
    bars = [one for one in drawn.iter(f"{space}rect") if one.get("height") == "16"]
    assert len(bars) == 4
    assert max(float(bar.get("width", 0)) for bar in bars) < 960


class Counting(Counter):
    name = "made up"
    port = 0

    def __init__(self, counts: list[int]) -> None:
        self._counts = counts

    def count(self) -> int:
        return self._counts.pop(0) if len(self._counts) > 1 else self._counts[0]


def test_the_mails_are_counted_until_no_more_come() -> None:
    assert Counting([3, 4, 6]).settled(0.1, 5)[0] == 6
    assert Counting([3, 4, 6]).settled(0.1, 0)[0] == 3


@pytest.fixture
def closing_server() -> Iterator[int]:
    """Answers one request a connection, in chunks, and says that it closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            for body in (b"one", b"two"):
                connection, _ = server.accept()
                with connection:
                    connection.recv(1000)
                    head = (
                        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nSet-Cookie: a=1\r\n\r\n"
                    )
                    connection.sendall(head + b"3\r\n" + body + b"\r\n0\r\n\r\n")

        serving = threading.Thread(target=serve)
        serving.start()
        yield server.getsockname()[1]
        serving.join()


def test_an_answer_is_read_whole_though_the_server_closes_after_each(closing_server: int) -> None:
    line = Line(closing_server)
    answers = [line.ask(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n") for _ in range(2)]
    line.close()
    assert [(one.status, one.body, one.headers["set-cookie"]) for one in answers] == [
        (200, b"one", ["a=1"]),
        (200, b"two", ["a=1"]),
    ]
    assert all(one.took > 0 for one in answers)
