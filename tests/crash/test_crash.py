import time
import pytest
from tests.crash.harness import open_harness, every_point, sample
from tests.crash.scenarios import SCENARIOS

@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.timeout(1800)
async def test_try(theatre, name: str) -> None:
    t = time.perf_counter(); 
    harness = await open_harness(theatre, SCENARIOS[name])
    print("open", name, time.perf_counter()-t)
    t = time.perf_counter(); 
    for scene in harness.scenes:
        print(scene, len(scene.points), sum(p.kind!='await' for p in scene.points))
    for scene in harness.scenes:
        for number in sample(scene):
            await harness.kill_at(scene, number)
    print("kills", harness.kills, len(harness._seen), time.perf_counter()-t)
    for f in harness.faults[:10]: print(f)
    print(len(harness.faults))
