"""The service is killed at every await and commit of its journeys, and starts again (invariants 1 to 7)."""

import pytest

from tests.crash.harness import open_harness, every_point, sample
from tests.crash.scenarios import SCENARIOS
from tests.crash.theatre import Theatre
import time

@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", SCENARIOS)
async def test_try(theatre: Theatre, name: str) -> None:
    t = time.perf_counter(); 
    harness = await open_harness(theatre, SCENARIOS[name])
    print("open", time.perf_counter()-t)
    t = time.perf_counter(); 
    for scene in harness.scenes:
        print(scene, len(scene.points), sum(p.kind!='await' for p in scene.points))
    for scene in harness.scenes:
        for number in sample(scene):
            await harness.kill_at(scene, number)
    print("kills", harness.kills, len(harness._seen), time.perf_counter()-t)
    for f in harness.faults[:10]: print(f)
    print(len(harness.faults))
