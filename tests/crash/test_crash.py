import time
import pytest
from tests.crash.harness import open_harness, every_point, sample
from tests.crash.scenarios import SCENARIOS
from tests.crash.doubles import DOUBLES
from tests.crash.recording import Failure
from tests.crash.story import Stuck

@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("double", DOUBLES)
@pytest.mark.parametrize("name", ["recovery","not_me_before_the_change","change_of_password"])
async def test_try(theatre, name: str, double) -> None:
    theatre.double=double
    t = time.perf_counter(); 
    try:
        harness = await open_harness(theatre, SCENARIOS[name])
    except (Failure, Stuck) as e:
        print("\n@@", double, name, "IN RECORD", str(e)[:300]); return
    for scene in harness.scenes:
        for number in sample(scene):
            await harness.kill_at(scene, number)
        if harness.faults: break
    print("\n@@", double, name, "kills", harness.kills, len(harness._seen), time.perf_counter()-t)
    for w in sorted({w[:200] for f in harness.faults for w in f.wrong}): print("      ", w)
    print(len(harness.faults))
