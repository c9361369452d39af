"""The service is killed at the awaits and commits of its journeys, starts again, and keeps its word (I1 to I7)."""

import pytest

from tests.crash import processes
from tests.crash.doubles import DOUBLES, NEVER_ENDS
from tests.crash.harness import Harness, open_harness, sample
from tests.crash.recording import Failure, seed_of
from tests.crash.scenarios import SCENARIOS
from tests.crash.story import Stuck
from tests.crash.theatre import Theatre
from tests.crash.wire import Work

INVARIANTS = pytest.mark.req("I1", "I2", "I3", "I4", "I5", "I6", "I7")
EACH = 20
"""In the sample, one of so many awaits."""

pytestmark = pytest.mark.timeout(600)  # many processes: on a busy machine each waits for its turn

CRITICAL = [
    ("before commit", "SqlStore._admit"),
    ("after commit", "SqlStore._admit"),
    ("before commit", "resolve_some"),
    ("after commit", "resolve_some"),
    ("after commit", "Sender.send_some"),
    ("before DATA", "SmtpMailer.send"),
    ("after DATA", "SmtpMailer.send"),
    ("before commit", "Sender._settle"),
    ("after commit", "Sender._settle"),
    ("after commit", "_count"),
    ("await", "Place.run"),
    ("await", "SqlGrants.consume"),
    ("await", "SqlAccounts.change"),
    ("await", "SqlOutbox.add"),
    ("await", "SqlOutbox.add_all"),
    ("before answer", "Dispatch._answer"),
    ("after answer", "Dispatch._answer"),
]
"""Kinds of points and functions, somewhere within which there must be one."""

WRONG = [
    ("ends the old password when somebody asks", "recovery", "POST /pagos/recuperar", "I1"),
    ("commits piece by piece", "recovery", "POST /pagos/registro", "I2"),
    ("acts on GET", "not_me_before_the_change", "GET /pagos/no-fui-yo", "I3"),
    ("writes secrets down", "recovery", "Work", "I4"),
    ("answers before the commit", "recovery", "POST /pagos/recuperar", "I5"),
    ("sends what counts as sent", "recovery", "Work", "I5"),
    ("claims for good", "recovery", "Work", "I5"),
    ("counts guesses in memory", "change_of_password", "POST /pagos/", "I6"),
    ("links to the host that was asked for", "recovery", "Work", "I7"),
]
"""A double, a scenario and the scene in which it goes wrong, and the invariant that it breaks."""


def _told(harness: Harness) -> str:
    return "\n\n".join(map(str, harness.faults[:5])) + f"\n\n{len(harness.faults)} faults in {harness.kills} deaths"


@INVARIANTS
@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("name", ["recovery", "three_ask", "forgotten_user_name"])
async def test_killed_after_commits_and_at_some_awaits_the_service_keeps_its_word(theatre: Theatre, name: str) -> None:
    harness = await open_harness(theatre, SCENARIOS[name])
    await harness.kill_here_and_there(EACH)
    assert not harness.faults, _told(harness)


@INVARIANTS
@pytest.mark.parametrize("engine", ["postgresql"])
@pytest.mark.parametrize("name", ["forgotten_user_name"])
async def test_killed_after_commits_on_postgresql_the_service_keeps_its_word(theatre: Theatre, name: str) -> None:
    harness = await open_harness(theatre, SCENARIOS[name])
    await harness.kill_here_and_there(10 * EACH)
    assert not harness.faults, _told(harness)


@INVARIANTS
@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("engine", "each"), [pytest.param("sqlite", 3, id="sqlite"), pytest.param("postgresql", EACH, id="postgresql")]
)
@pytest.mark.parametrize("name", SCENARIOS)
async def test_killed_after_every_commit_and_at_many_awaits_the_service_keeps_its_word(
    theatre: Theatre, name: str, each: int
) -> None:
    harness = await open_harness(theatre, SCENARIOS[name])
    await harness.kill_here_and_there(each)
    assert not harness.faults, _told(harness)


@INVARIANTS
@pytest.mark.exhaustive
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", SCENARIOS)
async def test_killed_at_every_await_and_commit_the_service_keeps_its_word(theatre: Theatre, name: str) -> None:
    harness = await open_harness(theatre, SCENARIOS[name])
    await harness.kill_everywhere()
    assert not harness.faults, _told(harness)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_the_points_are_found_where_it_matters(theatre: Theatre) -> None:
    harness = await open_harness(theatre, SCENARIOS["recovery"])
    points = [point for scene in harness.scenes for point in scene.points]
    missed = [
        (kind, function)
        for kind, function in CRITICAL
        if not any(point.kind == kind and point.within(function) for point in points)
    ]
    assert missed == []


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_process_dies_where_it_was_told_to_and_leaves_what_was_committed(theatre: Theatre) -> None:
    harness = await open_harness(theatre, SCENARIOS["recovery"], warm_up=False)
    scene = harness.scenes[0]
    for kind, intakes in (("before commit", 0), ("after commit", 1)):
        number = next(n for n, point in enumerate(scene.points, 1) if point.kind == kind)
        theatre.rewind(scene.kept)
        async with theatre.fork_server.process() as process:
            deeds = await theatre.play(process, scene.deed, scene.began_at, seed_of(0), kill_at=number)
        assert (deeds.killed_at, deeds.answer) == (scene.points[number - 1], None)
        assert len(theatre.database.rows()["intake"]) == intakes


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_process_that_hangs_is_ended_and_has_failed(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "JOB_SECONDS", 1)
    theatre.rewind()
    theatre.double = NEVER_ENDS
    async with theatre.fork_server.process() as process:
        deeds = await theatre.play(process, Work(), theatre.opened_at, "")
    assert deeds.failed == "not done within 1 s"


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(("double", "name", "where", "invariant"), WRONG)
async def test_a_service_that_is_wrong_on_purpose_is_seen(
    theatre: Theatre, double: str, name: str, where: str, invariant: str
) -> None:
    theatre.double = double
    wrongs = await _wrongs(theatre, name, where, invariant)
    assert any(invariant in wrong for wrong in wrongs), wrongs


def test_every_double_is_tried() -> None:
    assert {double for double, *_ in WRONG} | {NEVER_ENDS} == set(DOUBLES)


async def _wrongs(theatre: Theatre, name: str, where: str, invariant: str) -> list[str]:
    """What the harness says about one scene, until it names the invariant."""
    try:
        harness = await open_harness(theatre, SCENARIOS[name], warm_up=False)
    except (Failure, Stuck) as seen:
        return [str(seen)]
    scene = next(scene for scene in harness.scenes if scene.title == where)
    for number in sample(scene, EACH):
        await harness.kill_at(scene, number)
        wrong = [each for fault in harness.faults for each in fault.wrong]
        if any(invariant in each for each in wrong):
            return wrong
    return []
