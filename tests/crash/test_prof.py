import time, cProfile, pstats, os
import pytest
from tests.crash.harness import open_harness
from tests.crash.scenarios import SCENARIOS
import tests.crash.processes as P
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_prof(theatre):
    harness = await open_harness(theatre, SCENARIOS["recovery"])
    for scene in harness.scenes:
        N=len(scene.points)
        ks=list(range(1,N+1,max(1,N//12)))
        def cpu():
            tot=0
            return time.process_time()
        c0=cpu(); t0=time.perf_counter()
        for k in ks:
            theatre.rewind(scene.kept, scene.mails)
            await theatre.live(scene.deed, scene.began_at, scene.seed, kill_at=k)
        print(scene, "rewind+live", (time.perf_counter()-t0)/len(ks), "cpu here", (cpu()-c0)/len(ks))
        c0=cpu(); t0=time.perf_counter(); s0=len(harness._seen)
        for k in ks:
            await harness.kill_at(scene, k)
        print("kill_at", (time.perf_counter()-t0)/len(ks), "cpu here", (cpu()-c0)/len(ks), len(harness._seen)-s0, len(ks))
