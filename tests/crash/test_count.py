import pytest, time
from tests.crash.harness import open_harness, sample
from tests.crash.scenarios import SCENARIOS
@pytest.mark.timeout(400)
@pytest.mark.parametrize("engine", ["sqlite","postgresql"])
@pytest.mark.parametrize("name", ["three_ask","recovery"])
async def test_count(theatre, name, engine):
    h = await open_harness(theatre, SCENARIOS[name])
    t=time.perf_counter(); k0=0
    for s in h.scenes[h.first:]:
        n0=len(h._seen); k0=h.kills; t=time.perf_counter()
        for k in range(1,len(s.points)+1,4): await h.kill_at(s,k)
        print("@@", engine, name, s, "kills", h.kills-k0, "aftermaths", len(h._seen)-n0, time.perf_counter()-t)
